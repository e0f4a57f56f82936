import type { ErrorReport } from '../../errors.ts';
import type { ImagePart, Partition } from '../../model/image.ts';
import { isFilledWith } from '../bytes.ts';
import { CHIP_FACTS } from '../chips.ts';
import { completenessOf } from '../completeness.ts';
import { count, type Findings, hex, NOTHING_FOUND, problem } from '../findings.ts';
import { looksLikeEsp32Image, readEsp32Image } from './esp32.ts';
import { remarksOnRest } from './esp32-file.ts';
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

/** Bootloader, partition table and application in one file, for a serial port only; null where no partition table is inside. */
export function readMerged(bytes: Uint8Array): Findings | null {
  const layout = findLayout(bytes);
  if (layout === null) return null;
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

/** Behind the bootloader, if there is one, stands a partition table; without one, the file begins with erased flash. */
function findLayout(bytes: Uint8Array): Layout | null {
  const bootloaderOffset = BOOTLOADER_OFFSETS.find(
    (offset) => looksLikeEsp32Image(bytes, offset) && isFilledWith(bytes.subarray(0, offset), 0xff),
  );
  const bootloader = bootloaderOffset === undefined ? null : readEsp32Image(bytes.subarray(bootloaderOffset));
  if (bootloader === null && !isFilledWith(bytes.subarray(0, TABLE_SEARCH.first), 0xff)) return null;
  const start = bootloaderOffset ?? 0;
  const found = findTable(bytes, start + (bootloader?.endsAt ?? 0));
  if (found === null) return null;
  const flashOffset = start === 0 && bootloader?.chip ? CHIP_FACTS[bootloader.chip].bootloaderOffset : 0;
  return { ...found, bootloader, bootloaderOffset: start, flashOffset };
}

/** A table counts where its MD5, its end or its second row proves it: two bytes of magic may stand anywhere. */
function findTable(bytes: Uint8Array, from: number): Pick<Layout, 'table' | 'tableOffset'> | null {
  for (let tableOffset = TABLE_SEARCH.first; tableOffset <= TABLE_SEARCH.last; tableOffset += TABLE_SECTOR) {
    const table = tableOffset < from ? null : readPartitionTable(bytes, tableOffset);
    if (table?.isSure || (table?.partitions.length ?? 0) > 1) return table === null ? null : { table, tableOffset };
  }
  return null;
}

interface App {
  readonly findings: Findings;
  readonly fileOffset: number;
  readonly endsAt: number | null;
  readonly isSigned: boolean;
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
  const isTruncated = problems.some(({ code }) => code === 'IMAGE_TRUNCATED');
  // Without an application, what came first may be all of it, or all of it so far.
  if (app === null && problems.length === 0) return 'may-continue';
  return completenessOf({
    fileBytes: bytes.length,
    endsAt: app?.endsAt ?? null,
    isTruncated,
    isDamaged: problems.length > 0,
    isProven: app?.findings.digest != null,
    isSigned: app?.isSigned ?? false,
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
