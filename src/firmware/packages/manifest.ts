import { FlashError } from '../../errors.ts';
import { CHIPS, type Chip } from '../../model/chip.ts';
import { CHIP_FACTS } from '../chips.ts';
import { count } from '../findings.ts';
import type { PackageFiles } from './archive.ts';

/** A manifest lists some dozens of files. */
const MOST_MANIFEST_BYTES = 256 * 1024;

/** Anything in braces; each field is looked at where it is used. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws FlashError PACKAGE_MALFORMED, and what {@link PackageFiles.read} throws */
export function readJson(files: PackageFiles, path: string): unknown {
  const bytes = files.read(path);
  if (bytes === null) throw malformed(path, 'it is not in the package');
  if (bytes.length > MOST_MANIFEST_BYTES)
    throw malformed(path, `it has ${count(bytes.length)} bytes, too many for a manifest`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new FlashError('PACKAGE_MALFORMED', `${path}: it is not valid JSON`, { cause });
  }
}

/** Lists are none. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text, or null where there is none. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** A flash address or size: 65536, "65536", "0x10000"; null for anything else. */
export function addressOf(value: unknown): number | null {
  const isText = typeof value === 'string' && /^(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})$/.test(value.trim());
  const address = isText ? Number(value) : value;
  return typeof address === 'number' && Number.isInteger(address) && address >= 0 && address <= 0xffffffff
    ? address
    : null;
}

/** `esp32s3`, `ESP32-S3`; null for a name that is no chip's. */
export function chipOf(name: string): Chip | null {
  return CHIPS.find((chip) => chip === name.toLowerCase() || CHIP_FACTS[chip].label === name) ?? null;
}

/** A path in a manifest, seen from the manifest's own folder. */
export function pathBeside(manifest: string, path: string): string {
  const folder = manifest.split('/').slice(0, -1);
  return [...folder, ...path.replaceAll('\\', '/').split('/')].filter((step) => step !== '' && step !== '.').join('/');
}

/** PACKAGE_MALFORMED; `path` is that of the file in the package. */
export function malformed(path: string, why: string): FlashError {
  return new FlashError('PACKAGE_MALFORMED', `${path}: ${why}`);
}

/** The paths that end in a file of this name, those nearest to the top only. */
export function shallowest(paths: readonly string[], isName: (name: string) => boolean): string[] {
  const found = paths.filter((path) => isName(path.split('/').at(-1) ?? ''));
  const depth = Math.min(...found.map((path) => path.split('/').length));
  return found.filter((path) => path.split('/').length === depth);
}
