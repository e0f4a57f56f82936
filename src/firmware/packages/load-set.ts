import { type ErrorReport, FlashError } from '../../errors.ts';
import type { Dossier, FlashRange, Partition } from '../../model/image.ts';
import { hex, NOTHING_FOUND, problem } from '../findings.ts';
import { readImageDossier } from '../image-dossier.ts';
import type { PackageFiles } from './archive.ts';
import { type BootChoice, espIdfBootChoice, pycomBootChoice } from './boot-choice.ts';
import type { FlashPart, FlashSet } from './flash-set.ts';
import { placementProblems } from './placement.ts';
import type { PlannedPart, PlannedSet } from './plan.ts';
import { overlaps, sectorsOf, without } from './ranges.ts';

/** A package that was read to its end, with what is wrong with it. */
export interface LoadedSet {
  readonly set: FlashSet;
  readonly problems: readonly ErrorReport[];
  readonly remarks: readonly string[];
}

/** A file of the package, looked at once however many sets have it. */
interface Image {
  readonly bytes: Uint8Array;
  readonly dossier: Dossier;
}

/** Reads the images that plans name. */
export class ImageLoader {
  readonly #files: PackageFiles;
  readonly #images = new Map<string, Image>();

  constructor(files: PackageFiles) {
    this.#files = files;
  }

  /** The set with its bytes, and what is wrong with it. Throws what {@link PackageFiles.read} throws. */
  load(planned: PlannedSet): LoadedSet {
    const problems: ErrorReport[] = [];
    const parts = planned.parts.flatMap((part) => {
      const image = this.#read(part);
      if (image === null) {
        problems.push(problem('PACKAGE_FILE_MISSING', `${part.path}, for ${hex(part.offset)}, is not in the package`));
        return [];
      }
      return spared(planned, { ...part, ...image });
    });
    const partitions = partitionsIn(parts);
    const erase = planned.erase.map(sectorsOf);
    const given = { chip: planned.chip ?? chipOf(parts), parts, erase, partitions, settings: planned.settings };
    problems.push(
      ...keepProblems(planned, parts),
      ...placementProblems({ ...given, flashSizeBytes: planned.flashSizeBytes }),
    );
    const choice = partitions === null ? null : bootChoice(planned, { parts, erase }, partitions);
    const set: FlashSet = {
      chip: given.chip,
      flashSizeBytes: planned.flashSizeBytes,
      isEncrypted: planned.isEncrypted,
      settings: planned.settings,
      erase: [...erase, ...(choice?.erase ?? [])],
      parts: [...parts, ...(choice?.parts ?? [])].sort((one, other) => one.offset - other.offset),
    };
    return { set, problems, remarks: remarksOn(set, choice) };
  }

  #read({ path, encryption }: PlannedPart): Image | null {
    const key = `${encryption} ${path}`;
    const known = this.#images.get(key);
    if (known !== undefined) return known;
    const bytes = this.#files.read(path);
    if (bytes === null) return null;
    const image = { bytes, dossier: encryption === 'done' ? unreadable(bytes) : readImageDossier(bytes) };
    this.#images.set(key, image);
    return image;
  }
}

/** Encrypted bytes look like nothing, or by chance like anything. */
function unreadable({ length }: Uint8Array): Dossier {
  return { ...NOTHING_FOUND, container: 'none', sizeBytes: length, contentBytes: length };
}

function chipOf(parts: readonly FlashPart[]): FlashSet['chip'] {
  return parts.find(({ dossier }) => dossier.chip !== null)?.dossier.chip ?? null;
}

type LoadedPart = FlashPart & Pick<PlannedPart, 'path' | 'roomBytes'>;

/** A write to a partition goes around what is to be kept; any other that hits it is a problem. */
function spared({ keep }: PlannedSet, part: LoadedPart): LoadedPart[] {
  const range = rangeOf(part);
  if (keep === null || part.roomBytes === null || !overlaps(range, keep)) return [part];
  return without(range, keep).map(({ offset, sizeBytes }) => {
    const start = offset - part.offset;
    const bytes = part.bytes.subarray(start, start + sizeBytes);
    return { ...part, offset, bytes, dossier: start === 0 ? part.dossier : readImageDossier(bytes) };
  });
}

function keepProblems({ keep, erase }: PlannedSet, parts: readonly FlashPart[]): ErrorReport[] {
  if (keep === null) return [];
  const where = `the block at ${hex(keep.offset)}, which holds the ids and keys of the board`;
  return [
    ...parts.filter((part) => overlaps(sectorsOf(rangeOf(part)), keep)).map(({ name }) => `${name} would overwrite`),
    ...erase
      .filter((range) => overlaps(range, keep))
      .map(({ offset }) => `the erase instruction for ${hex(offset)} would erase`),
  ].map((what) => problem('PACKAGE_ERASES_KEYS', `${what} ${where}`));
}

function bootChoice(planned: PlannedSet, set: BootChoice, partitions: readonly Partition[]): BootChoice {
  const given = { set, partitions };
  return planned.bootRecord === 'pycom' ? pycomBootChoice(given, planned.isEncrypted) : espIdfBootChoice(given);
}

/** Of the table that is written, alone or in a merged image. */
function partitionsIn(parts: readonly FlashPart[]): readonly Partition[] | null {
  return parts.find(({ dossier }) => dossier.partitions !== null)?.dossier.partitions ?? null;
}

/** An ESP8266 has no table and no choice. */
function remarksOn({ chip }: FlashSet, choice: BootChoice | null): string[] {
  if (choice === null && chip !== 'esp8266') {
    return ['no partition table can be read in it: what the board boots is up to the boot data that the board has'];
  }
  if (choice !== null && choice.parts.length + choice.erase.length > 0) {
    return ['it says nothing of the boot data: that is set so that the application in it is the one that starts'];
  }
  return [];
}

function rangeOf({ offset, bytes }: FlashPart): FlashRange {
  return { offset, sizeBytes: bytes.length };
}

/** For callers that want the error and not the report. */
export function errorOf({ code, message, details }: ErrorReport): FlashError {
  return new FlashError(code, message, details === undefined ? {} : { details });
}
