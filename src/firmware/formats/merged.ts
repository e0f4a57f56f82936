import type { ErrorReport } from '../../errors.ts';
import type { ImagePart, Partition } from '../../model/image.ts';
import { isFilledWith } from '../bytes.ts';
import { CHIP_FACTS } from '../chips.ts';
import { completenessOf } from '../completeness.ts';
import { count, type Findings, hex, NOTHING_FOUND, problem, remarksOnRest } from '../findings.ts';
import { looksLikeEsp32Image, readEsp32Image } from './esp32.ts';
import { type PartitionTable, readPartitionTable, TABLE_SECTOR } from './partition-table.ts';
import { readSignatureSector } from './signature.ts';

/** Where ESP-IDF lets the partition table be put, seen from the first byte of the file: at 0x8000 of the flash unless configured. */
const TABLE_SEARCH = { first: 0x1000, last: 0x20000 };
/** Bootloader offsets of all chips, for files that begin at flash address 0. */
const BOOTLOADER_OFFSETS = [0, 0x1000, 0x2000];
const TYPE_APP = 0;

interface Layout {
  readonly table: PartitionTable;
  readonly tableOffset: number;
  /** Null: the file holds none. */
  readonly bootloader: Findings | null;
  readonly bootloaderOffset: number;
  /** The flash address of the file's first byte. */
  readonly flashOffset: number;
}

/** Bootloader, partition table and application in one file, for a serial port only; null where nothing speaks for that. */
export function readMerged(bytes: Uint8Array): Findings | null {
  const front = findFront(bytes);
  if (front === null) return null;
  const found = findTable(bytes, front.bootloaderOffset + (front.bootloader?.endsAt ?? 0));
  if (found !== null) return readLayout(bytes, { ...front, ...found });
  // Erased flash before a bootloader: nobody makes that but to go on with a partition table.
  const { bootloader, bootloaderOffset } = front;
  return bootloader === null || bootloaderOffset === 0 ? null : readFront(bytes, bootloader, bootloaderOffset);
}

function readLayout(bytes: Uint8Array, layout: Layout): Findings {
  const { table, bootloader, bootloaderOffset, flashOffset } = layout;
  const app = readApp(bytes, table.partitions, flashOffset);
  const problems = [...located(bootloader, 'bootloader'), ...table.problems, ...(app?.problems ?? [])];
  const main = app?.findings ?? bootloader ?? NOTHING_FOUND;
  return {
    ...main,
    kind: 'merged',
    completeness: judge(bytes, problems, app),
    endsAt: app?.endsAt ?? null,
    flashOffset,
    flashMode: bootloader?.flashMode ?? null,
    flashSizeBytes: bootloader?.flashSizeBytes ?? null,
    flashFrequencyMhz: bootloader?.flashFrequencyMhz ?? null,
    segments: inFile(main.segments, app?.fileOffset ?? bootloaderOffset),
    bootloader: bootloader?.bootloader ?? null,
    signature: app?.isSigned ? 'secure-boot-v2' : null,
    partitions: table.partitions,
    parts: partsOf(layout, app),
    problems,
    remarks: remarksOf(bytes, layout, main, app),
  };
}

function readFront(bytes: Uint8Array, bootloader: Findings, fileOffset: number): Findings {
  const { endsAt } = bootloader;
  const problems = located(bootloader, 'bootloader');
  return {
    ...bootloader,
    kind: 'merged',
    completeness: judge(bytes, problems, null),
    endsAt: null,
    flashOffset: 0,
    segments: inFile(bootloader.segments, fileOffset),
    parts: endsAt === null ? [] : [{ kind: 'bootloader', fileOffset, sizeBytes: endsAt }],
    problems,
    remarks: [...bootloader.remarks, 'it holds no partition table'],
  };
}

type Front = Pick<Layout, 'bootloader' | 'bootloaderOffset' | 'flashOffset'>;

/** What a merged image begins with: a bootloader, at a place where some chip wants it, or erased flash. */
function findFront(bytes: Uint8Array): Front | null {
  const offset = BOOTLOADER_OFFSETS.find(
    (place) => looksLikeEsp32Image(bytes, place) && isFilledWith(bytes.subarray(0, place), 0xff),
  );
  if (offset === undefined) {
    const isErased = bytes.length > TABLE_SEARCH.first && isFilledWith(bytes.subarray(0, TABLE_SEARCH.first), 0xff);
    return isErased ? { bootloader: null, bootloaderOffset: 0, flashOffset: 0 } : null;
  }
  const bootloader = readEsp32Image(bytes.subarray(offset));
  const flashOffset = offset === 0 && bootloader?.chip ? CHIP_FACTS[bootloader.chip].bootloaderOffset : 0;
  return { bootloader, bootloaderOffset: offset, flashOffset };
}

/** A table counts where its MD5, its end or its second row proves it: two bytes of magic may stand anywhere. */
function findTable(bytes: Uint8Array, from: number): Pick<Layout, 'table' | 'tableOffset'> | null {
  for (let tableOffset = TABLE_SEARCH.first; tableOffset <= TABLE_SEARCH.last; tableOffset += TABLE_SECTOR) {
    const table = tableOffset < from ? null : readPartitionTable(bytes, tableOffset);
    if (table !== null && (table.isSure || table.partitions.length > 1)) return { table, tableOffset };
  }
  return null;
}

interface App {
  readonly findings: Findings;
  readonly fileOffset: number;
  readonly endsAt: number | null;
  readonly isSigned: boolean;
  readonly isSignatureFilled: boolean;
  readonly problems: readonly ErrorReport[];
}

/** The first application partition that the file has bytes for; null: it holds none. */
function readApp(bytes: Uint8Array, partitions: readonly Partition[], flashOffset: number): App | null {
  for (const partition of partitions) {
    const fileOffset = partition.offset - flashOffset;
    const findings = partition.type === TYPE_APP && fileOffset > 0 ? readEsp32Image(bytes.subarray(fileOffset)) : null;
    if (findings !== null) return appAt(bytes, findings, fileOffset, partition);
  }
  return null;
}

function appAt(bytes: Uint8Array, findings: Findings, fileOffset: number, { label, sizeBytes }: Partition): App {
  const name = `application in "${label}" at ${hex(fileOffset)}`;
  const signature = findings.endsAt === null ? null : readSignatureSector(bytes.subarray(fileOffset), findings.endsAt);
  const end = signature === null ? findings.endsAt : signature.endsAt;
  const problems = located(findings, name, signature?.problem ?? null);
  return {
    findings,
    fileOffset,
    endsAt: end === null ? null : fileOffset + end,
    isSigned: signature !== null,
    isSignatureFilled: signature?.isFilled ?? false,
    problems: end !== null && end > sizeBytes ? [...problems, tooLong(name, end, sizeBytes)] : problems,
  };
}

function tooLong(name: string, imageBytes: number, slotBytes: number): ErrorReport {
  const message = `the ${name} has ${count(imageBytes)} bytes; its partition holds ${count(slotBytes)}`;
  return problem('IMAGE_MALFORMED', message, { imageBytes, slotBytes });
}

/** Which of the images inside a problem is about. */
function located(findings: Findings | null, name: string, extra: ErrorReport | null = null): ErrorReport[] {
  const reports = [...(findings?.problems ?? []), ...(extra === null ? [] : [extra])];
  return reports.map((report) => ({ ...report, message: `${name}: ${report.message}` }));
}

function judge(bytes: Uint8Array, problems: readonly ErrorReport[], app: App | null): Findings['completeness'] {
  // Without an application, what came first may be all of it, or all of it so far.
  if (app === null && problems.length === 0) return 'may-continue';
  return completenessOf({
    fileBytes: bytes.length,
    endsAt: app?.endsAt ?? null,
    problems,
    isProven: app?.findings.digest != null,
    isSigned: app?.isSignatureFilled ?? false,
  });
}

function partsOf({ table, tableOffset, bootloader, bootloaderOffset }: Layout, app: App | null): ImagePart[] {
  const parts: ImagePart[] = [];
  if (bootloader?.endsAt != null) {
    parts.push({ kind: 'bootloader', fileOffset: bootloaderOffset, sizeBytes: bootloader.endsAt });
  }
  parts.push({ kind: 'partition-table', fileOffset: tableOffset, sizeBytes: table.endsAt - tableOffset });
  if (app?.endsAt != null) {
    parts.push({ kind: 'app', fileOffset: app.fileOffset, sizeBytes: app.endsAt - app.fileOffset });
  }
  return parts;
}

function inFile(segments: Findings['segments'], imageOffset: number): Findings['segments'] {
  return segments.map((segment) => ({ ...segment, fileOffset: segment.fileOffset + imageOffset }));
}

function remarksOf(bytes: Uint8Array, { bootloader }: Layout, main: Findings, app: App | null): string[] {
  return [
    ...main.remarks,
    ...(bootloader === null ? ['it holds no bootloader'] : []),
    ...(app === null ? ['it holds no application'] : []),
    ...(app?.endsAt == null ? [] : remarksOnRest(bytes.subarray(app.endsAt), app.endsAt)),
  ];
}
