import type { FlashRange } from '../../model/image.ts';
import type { PackageFiles } from './archive.ts';
import type { FlashSettings } from './flash-set.ts';
import { addressOf, isObject, malformed, pathBeside, readJson, shallowest, textOf } from './manifest.ts';
import type { PackagePlan, PlannedPart, PlannedSet } from './plan.ts';
import { without } from './ranges.ts';

/**
 * A firmware package of Pycom's updater: `script` (a list of instructions), `script2` and, by flash size, `script_4MB` and
 * `script_8MB` (the same with a partition list), each also as `…_enc` (pycom-micropython-sigfox, esp32/tools/makepkg.sh and
 * fw_updater/updater.py).
 */
const MEGABYTE = 1024 * 1024;
const FLASH_SIZES: readonly number[] = [4 * MEGABYTE, 8 * MEGABYTE];
const OLD_SCRIPT = 'script';

/** What the updater always asks for. */
const SETTINGS: FlashSettings = { mode: 'DIO', sizeBytes: 'detect', frequencyMhz: 80 };

/** Holds the board's own ids, keys and calibration. The updater keeps it, and there is no other copy. */
const CONFIG_BLOCK: FlashRange = { offset: 0x3ff000, sizeBytes: 0x1000 };

/** Places that instructions may name. A script's own `partitions` come first. */
const PLACES: ReadonlyMap<string, FlashRange> = new Map([
  ['secureboot', { offset: 0x0, sizeBytes: 0x8000 }],
  ['bootloader', { offset: 0x1000, sizeBytes: 0x7000 }],
  ['partitions', { offset: 0x8000, sizeBytes: 0x1000 }],
  ['nvs', { offset: 0x9000, sizeBytes: 0x7000 }],
  ['factory', { offset: 0x10000, sizeBytes: 0x180000 }],
  ['otadata', { offset: 0x190000, sizeBytes: 0x1000 }],
  ['ota_0', { offset: 0x1a0000, sizeBytes: 0x180000 }],
  ['fs', { offset: 0x380000, sizeBytes: 0x7f000 }],
  ['config', CONFIG_BLOCK],
  ['fs1', { offset: 0x400000, sizeBytes: 0x400000 }],
]);
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['cb', 'config'],
  ['ota', 'otadata'],
]);

/** The plan of a Pycom package; null where there is no script of any form. */
export function planPycom(files: PackageFiles): PackagePlan | null {
  const [any] = shallowest(files.paths, (name) => /^script(2|_[48]MB)?(_enc)?$/.test(name));
  if (any === undefined) return null;
  const sets = [false, true].flatMap((isEncrypted) => setsFor(files, any, isEncrypted));
  return { source: 'pycom', name: null, version: null, sets };
}

/** By flash size, `script_4MB` or `script_8MB`; where that is missing, `script2`, then `script`. */
function setsFor(files: PackageFiles, beside: string, isEncrypted: boolean): PlannedSet[] {
  const suffix = isEncrypted ? '_enc' : '';
  const scriptOf = (sizeBytes: number): string | undefined =>
    [`script_${sizeBytes / MEGABYTE}MB${suffix}`, `script2${suffix}`, `${OLD_SCRIPT}${suffix}`]
      .map((name) => pathBeside(beside, name))
      .find((path) => files.paths.includes(path));
  const chosen = FLASH_SIZES.map((sizeBytes) => ({ sizeBytes, path: scriptOf(sizeBytes) }));
  return chosen.flatMap(({ sizeBytes, path }) =>
    path === undefined ? [] : [planScript(files, path, sizeBytes, isEncrypted)],
  );
}

function planScript(files: PackageFiles, path: string, flashSizeBytes: number, isEncrypted: boolean): PlannedSet {
  const script = readJson(files, path);
  const instructions = isObject(script) ? script['script'] : script;
  if (!Array.isArray(instructions)) throw malformed(path, 'it holds no list of instructions');
  const places = isObject(script) ? readPlaces(path, script['partitions']) : PLACES;
  const read = instructions.map((instruction) => readInstruction({ path, places, flashSizeBytes }, instruction));
  const writes = read.filter((instruction) => instruction.verb !== 'e');
  if (writes.length === 0) throw malformed(path, 'it writes nothing');
  const parts = writes.map(({ place, room, file, name }): PlannedPart => {
    const encryption = isEncrypted ? 'done' : 'none';
    return {
      name,
      path: pathBeside(path, file),
      offset: place.offset,
      roomBytes: room ? place.sizeBytes : null,
      encryption,
    };
  });
  const padded = writes.filter(({ room }) => room).flatMap(({ place }) => without(place, CONFIG_BLOCK));
  return {
    chip: 'esp32',
    flashSizeBytes,
    isEncrypted,
    settings: SETTINGS,
    parts,
    // The updater fills a partition that it writes up with FF: what stood there is gone.
    erase: [...read.filter(({ verb }) => verb === 'e').map(({ place }) => place), ...padded],
    keep: CONFIG_BLOCK,
    bootRecord: 'pycom',
  };
}

function readPlaces(path: string, partitions: unknown): ReadonlyMap<string, FlashRange> {
  const places = new Map(PLACES);
  for (const [name, value] of Object.entries(isObject(partitions) ? partitions : {})) {
    const [offset, sizeBytes] = Array.isArray(value) ? value.map(addressOf) : [];
    if (offset == null || sizeBytes == null)
      throw malformed(path, `its partition ${JSON.stringify(name)} has no offset and size`);
    places.set(name, { offset, sizeBytes });
  }
  return places;
}

interface Script {
  readonly path: string;
  readonly places: ReadonlyMap<string, FlashRange>;
  readonly flashSizeBytes: number;
}

interface Instruction {
  /** `e` erase, `w` write, `o` write and do not spare the configuration block. */
  readonly verb: 'e' | 'w' | 'o';
  readonly place: FlashRange;
  /** The place is a partition with a size of its own. */
  readonly room: boolean;
  readonly name: string;
  readonly file: string;
}

/** `["e", "0x8000", "0x1000"]`, `["e", "fs"]`, `["w", "0x10000", "wipy.bin"]`, `["w", "factory", "wipy.bin"]`. */
function readInstruction(script: Script, instruction: unknown): Instruction {
  const [verb, where, what]: readonly unknown[] = Array.isArray(instruction) ? instruction : [];
  if (verb !== 'e' && verb !== 'w' && verb !== 'o') {
    throw malformed(script.path, `the instruction ${JSON.stringify(instruction)} is not known`);
  }
  const named = placeOf(script, String(where), verb === 'e');
  const offset = addressOf(where);
  const sizeBytes = verb === 'e' ? addressOf(what) : 0;
  const place = named ?? (offset === null || sizeBytes === null ? null : { offset, sizeBytes });
  const file = textOf(what);
  if (place === null || (verb !== 'e' && file === null)) {
    throw malformed(script.path, `the instruction ${JSON.stringify(instruction)} does not say what goes where`);
  }
  const name = named === null ? (file ?? '') : String(where);
  return { verb, place, room: named !== null && verb === 'w', name, file: file ?? '' };
}

/** `fs` means, where it is to be erased, the file system of the board at hand, which the 8 MB boards have elsewhere. */
function placeOf({ places, flashSizeBytes }: Script, where: string, isErase: boolean): FlashRange | null {
  if (where === 'all') return { offset: 0, sizeBytes: flashSizeBytes };
  const name = ALIASES.get(where) ?? where;
  const isFileSystem = isErase && (name === 'fs' || name === 'fs1');
  if (!isFileSystem) return places.get(name) ?? null;
  return places.get(flashSizeBytes > 4 * MEGABYTE ? 'fs1' : 'fs') ?? null;
}
