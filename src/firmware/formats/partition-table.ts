import { createHash } from 'node:crypto';
import type { ErrorReport } from '../../errors.ts';
import type { Partition } from '../../model/image.ts';
import { hexOf, isFilledWith, startsWith, textAt, u32At } from '../bytes.ts';
import { count, type Findings, hex, NOTHING_FOUND, problem, truncated } from '../findings.ts';

/** ESP-IDF, "Partition Tables", and esp_flash_partitions.h: esp_partition_info_t. */
const ROW_MAGIC = [0xaa, 0x50];
const MD5_MAGIC = [0xeb, 0xeb];
const ROW_BYTES = 32;
/** The table's sector holds 4 KB, of which the last quarter is for a signature. */
const TABLE_BYTES = 0xc00;
/** A table has one sector, of which it uses 3 KB. */
export const TABLE_SECTOR = 0x1000;
export const USUAL_TABLE_OFFSET = 0x8000;
const MD5_OFFSET = 16;
/** The types of rows that ESP-IDF defines; 0x40 and above are the application's own. */
export const TYPE_APP = 0;
export const TYPE_DATA = 1;
const ENCRYPTED = 1;
const READ_ONLY = 2;
const SECTOR = 0x1000;
const APP_ALIGNMENT = 0x10000;

/** What was read, up to the first row that makes no sense. */
export interface PartitionTable {
  readonly partitions: readonly Partition[];
  /** Behind the last row, MD5 row and end marker included. */
  readonly endsAt: number;
  /** An MD5 row was found right, or an erased row ended the table: it is one, and not two bytes that look like it. */
  readonly isSure: boolean;
  readonly hasMd5: boolean;
  readonly problems: readonly ErrorReport[];
}

function hasTableMagic(bytes: Uint8Array, offset: number): boolean {
  return startsWith(bytes, offset, ROW_MAGIC);
}

/** The table at `offset`, or null where no row of one stands there. */
export function readPartitionTable(bytes: Uint8Array, offset: number): PartitionTable | null {
  if (!hasTableMagic(bytes, offset)) return null;
  const partitions: Partition[] = [];
  const limit = offset + TABLE_BYTES;
  let at = offset;
  while (at < limit && at + ROW_BYTES <= bytes.length && hasTableMagic(bytes, at)) {
    partitions.push(readRow(bytes, at));
    at += ROW_BYTES;
  }
  const row = bytes.subarray(at, at + ROW_BYTES);
  const found = { partitions, hasMd5: startsWith(row, 0, MD5_MAGIC) };
  if (at < limit && row.length > 0 && row.length < ROW_BYTES) {
    const report = truncated('inside a row of its partition table', bytes.length, at + ROW_BYTES);
    return { ...found, endsAt: bytes.length, isSure: false, problems: [report] };
  }
  if (found.hasMd5) {
    const stored = hexOf(row.subarray(MD5_OFFSET));
    const computed = createHash('md5').update(bytes.subarray(offset, at)).digest('hex');
    const isRight = stored === computed;
    const report = problem(
      'IMAGE_CORRUPT',
      `the MD5 of its partition table is ${computed}, its MD5 row says ${stored}`,
    );
    const problems = isRight ? rowProblems(partitions) : [report];
    return { ...found, endsAt: at + ROW_BYTES, isSure: isRight, problems };
  }
  // A file may end with the last row: what follows in flash is erased.
  const isEnded = at >= limit || isFilledWith(row, 0xff);
  const report = problem(
    'IMAGE_MALFORMED',
    `row ${partitions.length + 1} of its partition table is neither a partition nor its end`,
  );
  return {
    ...found,
    endsAt: at,
    isSure: isEnded && row.length > 0,
    problems: isEnded ? rowProblems(partitions) : [report],
  };
}

function readRow(bytes: Uint8Array, at: number): Partition {
  const flags = u32At(bytes, at + 28);
  return {
    type: bytes[at + 2] ?? 0,
    subtype: bytes[at + 3] ?? 0,
    offset: u32At(bytes, at + 4),
    sizeBytes: u32At(bytes, at + 8),
    label: textAt(bytes, at + 12, 16),
    isEncrypted: (flags & ENCRYPTED) !== 0,
    isReadOnly: (flags & READ_ONLY) !== 0,
  };
}

/** What the device's own loader would refuse: misplaced and overlapping partitions. */
function rowProblems(partitions: readonly Partition[]): ErrorReport[] {
  const misplaced = partitions
    .filter(({ type, offset }) => offset % (type === TYPE_APP ? APP_ALIGNMENT : SECTOR) !== 0)
    .map(({ label, type, offset }) =>
      problem(
        'IMAGE_MALFORMED',
        `partition "${label}" starts at ${hex(offset)}; ${type === TYPE_APP ? 'applications' : 'partitions'} start at multiples of ${hex(type === TYPE_APP ? APP_ALIGNMENT : SECTOR)}`,
      ),
    );
  const ordered = [...partitions].sort((one, other) => one.offset - other.offset);
  const overlapping = ordered.flatMap((one, index) => {
    const next = ordered[index + 1];
    if (next === undefined || one.offset + one.sizeBytes <= next.offset) return [];
    return [
      problem(
        'IMAGE_MALFORMED',
        `partition "${one.label}" ends at ${hex(one.offset + one.sizeBytes)}, behind the start of "${next.label}" at ${hex(next.offset)}`,
      ),
    ];
  });
  return [...misplaced, ...overlapping];
}

/** A file that is a partition table and nothing else (partitions.bin). */
export function readPartitionTableFile(bytes: Uint8Array): Findings | null {
  const table = readPartitionTable(bytes, 0);
  if (table === null || bytes.length > TABLE_SECTOR) return null;
  const isTruncated = table.problems.some(({ code }) => code === 'IMAGE_TRUNCATED');
  const isWhole = bytes.length === TABLE_BYTES || bytes.length === TABLE_SECTOR;
  const missing = isTruncated || isWhole || bytes.length > TABLE_BYTES;
  return {
    ...NOTHING_FOUND,
    kind: 'partition-table',
    format: 'partition-table',
    // Without an MD5 row, an erased row may be a row that has not been written yet. A full sector may go on as a merged image.
    completeness: completenessOfTable(
      isTruncated,
      table.problems.length > 0,
      bytes.length === TABLE_BYTES && table.hasMd5,
    ),
    endsAt: table.endsAt,
    flashOffset: USUAL_TABLE_OFFSET,
    partitions: table.partitions,
    problems: table.problems,
    remarks: missing ? [] : [`it holds ${count(bytes.length)} bytes; such files are padded to ${count(TABLE_BYTES)}`],
  };
}

function completenessOfTable(isTruncated: boolean, isDamaged: boolean, isSettled: boolean): Findings['completeness'] {
  if (isTruncated) return 'truncated';
  if (isDamaged) return 'unknown';
  return isSettled ? 'complete' : 'may-continue';
}

/** Where ESP-IDF's names for type and subtype are known: `app ota_0`, `data nvs`, else the numbers. */
export function partitionTypeName({ type, subtype }: Partition): string {
  if (type === TYPE_APP) return `app ${appSubtypeName(subtype)}`;
  if (type === TYPE_DATA) return `data ${DATA_SUBTYPES[subtype] ?? hex(subtype)}`;
  return `${hex(type)} ${hex(subtype)}`;
}

function appSubtypeName(subtype: number): string {
  if (subtype === 0x00) return 'factory';
  if (subtype === 0x20) return 'test';
  return subtype >= 0x10 && subtype < 0x20 ? `ota_${subtype - 0x10}` : hex(subtype);
}

const DATA_SUBTYPES: Readonly<Record<number, string>> = {
  0: 'ota',
  1: 'phy',
  2: 'nvs',
  3: 'coredump',
  4: 'nvs_keys',
  5: 'efuse',
  129: 'fat',
  130: 'spiffs',
  131: 'littlefs',
};
