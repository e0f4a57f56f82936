import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import type { ConfigKey } from '../../../src/config/json-schema.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { formatProblems } from '../../../src/config/problem.ts';
import { RULE_PROTOCOLS } from '../../../src/protocols/registry.ts';
import { ENVIRONMENT } from './environment.ts';
import { allKeys, referenceRow, schemaFileText } from './reference.ts';

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

const EXAMPLE = readFileSync(at('config.example.yaml'), 'utf8');

/** The example with every setting switched on that has a # at the beginning of its line. */
const EVERYTHING = EXAMPLE.replaceAll(/^#(?=(?: {2,}(?:- )?)?[\w-]+:)/gm, '');

function load(text: string, variables: Readonly<Record<string, string>>) {
  const environment = { ...ENVIRONMENT, protocols: RULE_PROTOCOLS, variables };
  const { config, problems, warnings } = parseConfig(text, at('config.example.yaml'), environment);
  return { config, findings: formatProblems([...problems, ...warnings]) };
}

interface Shown {
  readonly path: string;
  /** As in a `ConfigKey`. */
  readonly protocol: string | null;
  readonly value: unknown;
}

/** Every path that a value has, with `[]` for an index. */
function shownIn(value: unknown, path = '', above: string | null = null): Shown[] {
  if (Array.isArray(value))
    return [{ path, protocol: above, value }, ...value.flatMap((item) => shownIn(item, `${path}[]`, above))];
  if (typeof value !== 'object' || value === null) return [{ path, protocol: above, value }];
  const protocol = path === 'rules[].update' ? String(Reflect.get(value, 'protocol') ?? 'espota') : above;
  const below = Object.entries(value).flatMap(([key, child]) =>
    shownIn(child, path === '' ? key : `${path}.${key}`, protocol),
  );
  return [{ path, protocol: above, value }, ...below];
}

const shown = shownIn(parseDocument(EVERYTHING).toJS());

const keys = allKeys();

/** What the example has first for `key`, or for the same one of another protocol. */
function shownFor(key: ConfigKey): Shown | undefined {
  const row = referenceRow(key);
  const protocols = new Set(keys.filter((other) => referenceRow(other) === row).map(({ protocol }) => protocol));
  return shown.find((place) => place.path === key.path && protocols.has(place.protocol));
}

describe('config.schema.json', () => {
  it('is what the schema says (npm run schema writes it anew)', async () => {
    await expect(schemaFileText()).toMatchFileSnapshot(at('config.schema.json'));
  });
});

describe('config.example.yaml', () => {
  it('loads on any machine, without a problem or a warning', () => expect(load(EXAMPLE, {}).findings).toEqual([]));

  it('is for no device of a stranger', () => {
    const names = load(EXAMPLE, {}).config?.rules.map(({ devices }) => devices.name ?? '');
    expect(names?.every((name) => name.startsWith('example-'))).toBe(true);
  });

  it('loads with every setting switched on', () => {
    const text = EVERYTHING.replaceAll(/\{ file: [\w-]+-password \}/g, '{ env: SENSOR_OTA_PASSWORD }');
    expect(load(text, { SENSOR_OTA_PASSWORD: 'x', METER_FTP_PASSWORD: 'x', MESHLIUM_PASSWORD: 'x' }).findings).toEqual(
      [],
    );
  });

  it('has every key', () => {
    const missing = keys.filter((key) => shownFor(key) === undefined);
    expect(missing.map(({ path, protocol }) => [path, protocol])).toEqual([]);
  });

  it('shows the defaults', () => {
    const isValue = (preset: unknown) => typeof preset !== 'object' || (Array.isArray(preset) && preset.length > 0);
    const presets = keys.filter((key) => key.default !== undefined && isValue(key.default));
    expect(presets.length).toBeGreaterThan(20);
    for (const key of presets) expect([key.path, shownFor(key)?.value]).toEqual([key.path, key.default]);
  });
});

describe('docs/config.md', () => {
  const page = readFileSync(at('docs/config.md'), 'utf8');
  const [common = '', ...ofProtocols] = page.split(/^#### update: /m);
  const lastHeading = /^#{2,3} /m;

  it('has the row of every key, and those of each protocol under its name', () => {
    const parts = new Map(ofProtocols.map((part) => [part.split('\n')[0], part.split(lastHeading)[0]]));
    const rest = `${common}${ofProtocols.at(-1)?.split(lastHeading).slice(1).join('')}`;
    const missing = keys.filter((key) => {
      const part = key.protocol === null ? rest : parts.get(key.protocol);
      return part?.split('\n').includes(referenceRow(key)) !== true;
    });
    expect(missing.map((key) => [key.protocol, referenceRow(key)])).toEqual([]);
  });

  it('has no row of a key that is gone', () => {
    const rows = page.split('\n').filter((line) => /^\| `[^`]+` \| /.test(line) && !line.includes('| written as |'));
    const known = new Set(keys.map(referenceRow));
    expect(rows.filter((row) => !known.has(row))).toEqual([]);
  });
});
