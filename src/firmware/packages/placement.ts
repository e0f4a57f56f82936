import type { ErrorReport } from '../../errors.ts';
import type { Chip } from '../../model/chip.ts';
import type { FlashRange, Partition } from '../../model/image.ts';
import { CHIP_FACTS } from '../chips.ts';
import { count, hex, problem } from '../findings.ts';
import { isAppPartition, rangeOf as partitionRange } from '../partition-roles.ts';
import type { FlashPart, FlashSettings } from './flash-set.ts';
import type { PlannedPart } from './plan.ts';
import { endOf, holds, overlaps, SECTOR, sectorsOf } from './ranges.ts';

/** The largest flash in the header's tables. */
const LARGEST_FLASH = 128 * 1024 * 1024;

/** Where each part of a package goes, and what was found wrong on the way. */
export interface Placement {
  readonly chip: Chip | null;
  readonly parts: readonly (FlashPart & Pick<PlannedPart, 'path' | 'roomBytes'>)[];
  readonly erase: readonly FlashRange[];
  /** Of the table that the set writes; null: it writes none that can be read. */
  readonly partitions: readonly Partition[] | null;
  readonly flashSizeBytes: number | null;
  readonly settings: FlashSettings;
}

type Part = Placement['parts'][number];

/** What would go wrong on a board if the parts were written where they are said to go. */
export function placementProblems(given: Placement): ErrorReport[] {
  const readable = given.parts.filter(({ encryption }) => encryption !== 'done');
  return [
    ...readable.flatMap((part) => ownProblems(part, given)),
    ...readable.flatMap((part) => chipProblems(part, given.chip)),
    ...readable.flatMap((part) => roleProblems(part, given)),
    ...given.parts.flatMap((part) => roomProblems(part, given.partitions)),
    ...sizeProblems(given),
    ...overlapProblems(given.parts),
  ];
}

/** A data partition may hold anything, text as well; everywhere else an image has to be one. */
function ownProblems({ path, offset, dossier }: Part, { partitions }: Placement): ErrorReport[] {
  const home = partitions?.find((partition) => holds(partitionRange(partition), { offset, sizeBytes: 1 }));
  const isFree = home !== undefined && !isAppPartition(home) && dossier.kind === 'data';
  return isFree ? [] : dossier.problems.map((report) => ({ ...report, message: `${path}: ${report.message}` }));
}

function chipProblems({ path, dossier }: Part, chip: Chip | null): ErrorReport[] {
  if (chip === null || dossier.chip === null || dossier.chip === chip) return [];
  const labels = [dossier.chip, chip].map((name) => CHIP_FACTS[name].label);
  return [problem('PACKAGE_CHIP_CONFLICT', `${path} is for the ${labels[0]}, and the package for the ${labels[1]}`)];
}

/** Is each image at a place where the chip or its bootloader looks for one of its kind? */
function roleProblems(part: Part, { chip, partitions }: Placement): ErrorReport[] {
  const { path, offset, dossier } = part;
  if (offset % SECTOR !== 0) {
    return [
      problem('PACKAGE_MISPLACED', `${path} starts at ${hex(offset)}, which is not the start of a sector of 4 KB`),
    ];
  }
  switch (dossier.kind) {
    case 'bootloader':
    case 'merged':
      return dossier.flashOffset === null || dossier.flashOffset === offset
        ? []
        : [
            problem(
              'PACKAGE_MISPLACED',
              `${path}, of kind ${dossier.kind}, belongs at ${hex(dossier.flashOffset)}, not at ${hex(offset)}`,
            ),
          ];
    case 'app':
      return appProblems(part, chip, partitions);
    default:
      return dataProblems(part, chip, partitions);
  }
}

function appProblems(
  { path, offset, dossier }: Part,
  chip: Chip | null,
  partitions: Placement['partitions'],
): ErrorReport[] {
  if (dossier.chip === 'esp8266' || partitions === null) return bootloaderPlaceProblems(path, offset, chip);
  const isSlot = partitions.some((partition) => isAppPartition(partition) && partition.offset === offset);
  if (isSlot) return [];
  return [
    problem('PACKAGE_MISPLACED', `${path} is an application; its partition table has no application at ${hex(offset)}`),
  ];
}

function dataProblems({ path, offset }: Part, chip: Chip | null, partitions: Placement['partitions']): ErrorReport[] {
  const slot = partitions?.find((partition) => isAppPartition(partition) && partition.offset === offset);
  if (slot === undefined) return bootloaderPlaceProblems(path, offset, chip);
  return [
    problem('PACKAGE_MISPLACED', `${path} goes to the application partition "${slot.label}" and is no application`),
  ];
}

/** Only a bootloader belongs where the ROM looks for one. The ESP8266 has its application there. */
function bootloaderPlaceProblems(path: string, offset: number, chip: Chip | null): ErrorReport[] {
  if (chip === null || chip === 'esp8266' || CHIP_FACTS[chip].bootloaderOffset !== offset) return [];
  return [problem('PACKAGE_MISPLACED', `${path} goes to ${hex(offset)}, the place of the bootloader, and is none`)];
}

/** A part stays in the partition it starts in, and in the room that the manifest gives it. */
function roomProblems(
  { path, offset, bytes, roomBytes, dossier }: Part,
  partitions: Placement['partitions'],
): ErrorReport[] {
  const range = { offset, sizeBytes: bytes.length };
  const home = partitions?.find((partition) => holds(partitionRange(partition), { offset, sizeBytes: 1 }));
  const room = Math.min(
    roomBytes ?? Number.POSITIVE_INFINITY,
    home === undefined ? Number.POSITIVE_INFINITY : endOf(partitionRange(home)) - offset,
  );
  if (range.sizeBytes > room) {
    const where = home === undefined ? 'its place' : `partition "${home.label}"`;
    const details = { sizeBytes: range.sizeBytes, room };
    return [
      problem(
        'PACKAGE_MISPLACED',
        `${path} has ${count(range.sizeBytes)} bytes; ${where} holds ${count(room)} from ${hex(offset)}`,
        details,
      ),
    ];
  }
  if (home !== undefined || dossier.kind === 'merged') return [];
  const next = partitions?.find((partition) => overlaps(partitionRange(partition), range));
  if (next === undefined) return [];
  return [
    problem(
      'PACKAGE_MISPLACED',
      `${path}, from ${hex(offset)}, runs into partition "${next.label}" at ${hex(next.offset)}`,
    ),
  ];
}

function sizeProblems({ parts, erase, flashSizeBytes, settings }: Placement): ErrorReport[] {
  const told = flashSizeBytes ?? (settings.sizeBytes === 'detect' ? null : settings.sizeBytes);
  const limit = told ?? LARGEST_FLASH;
  const ends = [
    ...parts.map(({ path, offset, bytes }) => ({ what: path, end: offset + bytes.length })),
    ...erase.map((range) => ({ what: `the range to erase at ${hex(range.offset)}`, end: endOf(range) })),
  ];
  return ends
    .filter(({ end }) => end > limit)
    .map(({ what, end }) =>
      problem('PACKAGE_BEYOND_FLASH', `${what} ends at ${hex(end)}, beyond the ${count(limit)} bytes of flash`, {
        end,
        limit,
      }),
    );
}

/** By sectors: writing one part erases every sector it touches. */
function overlapProblems(parts: readonly Part[]): ErrorReport[] {
  const ordered = parts
    .map((part) => ({ part, range: sectorsOf({ offset: part.offset, sizeBytes: part.bytes.length }) }))
    .sort((one, other) => one.range.offset - other.range.offset);
  return ordered.flatMap(({ part, range }, index) => {
    const next = ordered[index + 1];
    if (next === undefined || !overlaps(range, next.range)) return [];
    const message = `${part.path}, ${count(part.bytes.length)} bytes from ${hex(part.offset)}, reaches over the start of ${next.part.path} at ${hex(next.part.offset)}`;
    return [problem('PACKAGE_OVERLAP', message)];
  });
}
