import { FLASH_MODES } from '../chips.ts';
import type { PackageFiles } from './archive.ts';
import type { FlashSettings, PartEncryption } from './flash-set.ts';
import {
  addressOf,
  chipOf,
  isObject,
  type JsonObject,
  malformed,
  pathBeside,
  readJson,
  shallowest,
  textOf,
} from './manifest.ts';
import type { PackagePlan, PlannedPart } from './plan.ts';

/** Written by ESP-IDF's build into its folder (ESP-IDF, components/esptool_py, flasher_args.json.in). */
const MANIFEST = 'flasher_args.json';

/** The plan of an ESP-IDF build; null where there is no `flasher_args.json`. */
export function planEspIdf(files: PackageFiles): PackagePlan | null {
  const [path] = shallowest(files.paths, (name) => name === MANIFEST);
  if (path === undefined) return null;
  const manifest = readJson(files, path);
  if (!isObject(manifest) || !isObject(manifest['flash_files'])) throw malformed(path, 'it has no "flash_files"');
  const parts = Object.entries(manifest['flash_files']).map(([offset, file]) => planPart(path, manifest, offset, file));
  if (parts.length === 0) throw malformed(path, 'its "flash_files" are empty');
  return {
    source: 'esp-idf',
    name: textOf(manifest['project_name']),
    version: textOf(manifest['project_version']),
    sets: [
      {
        chip: chipIn(path, manifest),
        flashSizeBytes: null,
        isEncrypted: false,
        settings: readSettings(path, manifest['flash_settings']),
        parts,
        erase: [],
        keep: null,
        bootRecord: 'esp-idf',
      },
    ],
  };
}

function chipIn(path: string, { extra_esptool_args: args }: JsonObject): PackagePlan['sets'][number]['chip'] {
  const name = isObject(args) ? textOf(args['chip']) : null;
  if (name === null || name === 'auto') return null;
  const chip = chipOf(name);
  if (chip === null) throw malformed(path, `the chip ${JSON.stringify(name)} is not known`);
  return chip;
}

function planPart(path: string, manifest: JsonObject, offsetText: string, file: unknown): PlannedPart {
  const offset = addressOf(offsetText);
  const relative = textOf(file);
  if (offset === null) throw malformed(path, `${JSON.stringify(offsetText)} is no flash offset`);
  if (relative === null) throw malformed(path, `it names no file for ${offsetText}`);
  const { role, encryption } = roleOf(manifest, relative, offset);
  return { name: role ?? relative, path: pathBeside(path, relative), offset, roomBytes: null, encryption };
}

/** The entries beside `flash_files` say what each file is: `"app": { "offset": "0x10000", "file": "x.bin", "encrypted": "true" }`. */
function roleOf(
  manifest: JsonObject,
  file: string,
  offset: number,
): { role: string | null; encryption: PartEncryption } {
  for (const [role, value] of Object.entries(manifest)) {
    if (!isObject(value) || value['file'] !== file || addressOf(value['offset']) !== offset) continue;
    return { role, encryption: String(value['encrypted']) === 'true' ? 'on-write' : 'none' };
  }
  return { role: null, encryption: 'none' };
}

function readSettings(path: string, settings: unknown): FlashSettings {
  const { flash_mode, flash_size, flash_freq } = isObject(settings) ? settings : {};
  return {
    mode: modeOf(path, flash_mode),
    sizeBytes: sizeOf(path, flash_size),
    frequencyMhz: frequencyOf(path, flash_freq),
  };
}

/** Absent and `keep`: as the image has it. */
function isKept(value: unknown): boolean {
  return value === undefined || value === '' || value === 'keep';
}

function modeOf(path: string, value: unknown): string | null {
  if (isKept(value)) return null;
  const mode = String(value).toUpperCase();
  if (!Object.values(FLASH_MODES).includes(mode))
    throw malformed(path, `the flash mode ${JSON.stringify(value)} is not known`);
  return mode;
}

function sizeOf(path: string, value: unknown): number | 'detect' | null {
  if (isKept(value)) return null;
  if (value === 'detect') return 'detect';
  const [, digits, unit] = /^(\d{1,3})(KB|MB)(?:-c[12])?$/i.exec(String(value)) ?? [];
  if (digits === undefined) throw malformed(path, `the flash size ${JSON.stringify(value)} is not known`);
  return Number(digits) * (unit?.toUpperCase() === 'KB' ? 1024 : 1024 * 1024);
}

function frequencyOf(path: string, value: unknown): number | null {
  if (isKept(value)) return null;
  const [, digits] = /^(\d{2})m$/i.exec(String(value)) ?? [];
  if (digits === undefined) throw malformed(path, `the flash frequency ${JSON.stringify(value)} is not known`);
  return Number(digits);
}
