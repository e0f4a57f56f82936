import { isAbsolute, relative, sep } from 'node:path';
import { type Finding, type KeyPath, quote } from './problem.ts';
import { DEFAULT_DATA } from './schema.ts';

/**
 * What no single value can tell: entries that claim the same thing, folders in one another. Reads the file's own data, so that it
 * speaks up even when the shape of something else is wrong.
 */
export function meaningFindings(root: unknown, configFile: string, resolvePath: (path: string) => string): Finding[] {
  const rules = entriesOf(root, 'rules');
  const devices = entriesOf(root, 'devices');
  return [
    ...repeated(rules, 'rules', 'name', ({ name }) => name),
    ...repeated(devices, 'devices', 'name', ({ name }) => name),
    ...repeated(
      devices,
      'devices',
      'address',
      ({ address, port }) => address && `${address} port ${port ?? 'default'}`,
    ),
    ...repeated(devices, 'devices', 'mac', ({ mac }) => mac?.replaceAll('-', ':')),
    ...repeated(devices, 'devices', 'instance', ({ instance }) => instance),
    ...repeated(devices, 'devices', 'serial', ({ serial }) => serial),
    ...insideDrop(root, configFile, resolvePath),
  ];
}

/** The scalars of one entry, as text. */
type Entry = Readonly<Partial<Record<'name' | 'address' | 'port' | 'mac' | 'instance' | 'serial', string>>>;

function entriesOf(root: unknown, list: string): Entry[] {
  const entries = fieldOf(root, list);
  if (!Array.isArray(entries)) return [];
  return entries.map((entry) => {
    const names = ['name', 'address', 'port', 'mac', 'instance', 'serial'] as const;
    const scalars = names.map((name) => [name, fieldOf(entry, name)]);
    return Object.fromEntries(
      scalars.filter(([, value]) => isScalarText(value)).map(([name, value]) => [name, `${value}`]),
    );
  });
}

const isScalarText = (value: unknown) => typeof value === 'string' || typeof value === 'number';

function fieldOf(value: unknown, key: string): unknown {
  const isHolder = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  return isHolder ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

function repeated(
  entries: readonly Entry[],
  list: string,
  key: string,
  claim: (entry: Entry) => string | undefined,
): Finding[] {
  const firsts = new Map<string, number>();
  return entries.flatMap((entry, index) => {
    const claimed = claim(entry);
    if (claimed === undefined) return [];
    const first = firsts.get(claimed.toLowerCase());
    if (first === undefined) firsts.set(claimed.toLowerCase(), index);
    if (first === undefined) return [];
    const message = `${quote(claimed)} is taken by ${list}[${first}] already`;
    return [{ path: [list, index, key], at: 'value', code: 'CONFIG_DUPLICATE', message }] as const;
  });
}

/** What lies in the drop folder is taken for firmware and moved away: no place for dropflash's own files. */
function insideDrop(root: unknown, configFile: string, resolvePath: (path: string) => string): Finding[] {
  const drop = fieldOf(fieldOf(root, 'drop'), 'path');
  if (typeof drop !== 'string') return [];
  const dropPath = resolvePath(drop);
  const data = fieldOf(root, 'data') ?? DEFAULT_DATA;
  const logFile = fieldOf(fieldOf(fieldOf(root, 'log'), 'file'), 'path');
  const guests: readonly { readonly path: KeyPath; readonly what: string; readonly place: unknown }[] = [
    { path: ['data'], what: 'the data folder', place: data },
    { path: ['log', 'file', 'path'], what: 'the log file', place: logFile },
    { path: ['control', 'socket'], what: 'the control socket', place: fieldOf(fieldOf(root, 'control'), 'socket') },
    { path: ['trust', 'checksums'], what: 'the checksum file', place: fieldOf(fieldOf(root, 'trust'), 'checksums') },
    { path: ['drop', 'path'], what: 'this config file', place: configFile },
  ];
  return guests.flatMap(({ path, what, place }) => {
    if (typeof place !== 'string' || !isWithin(dropPath, resolvePath(place))) return [];
    const message = `${what} lies in the drop folder, where files are taken for firmware; keep them apart`;
    return [{ path, at: 'value', code: 'CONFIG_CONFLICT', message }] as const;
  });
}

/** The same folder counts as within. */
function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
