import type { ErrorReport } from '../../errors.ts';
import type { Chip } from '../../model/chip.ts';
import type { Segment } from '../../model/image.ts';
import { alignUp, byteAt, u32At, xorOf } from '../bytes.ts';
import { count, hex, problem, truncated } from '../findings.ts';
import { regionOf } from '../regions.ts';

/** esptool refuses to write longer ones, and no chip maps more at a time. */
const LONGEST_SEGMENT = 16 * 1024 * 1024;
const MOST_SEGMENTS = 16;
const SEGMENT_HEADER_BYTES = 8;
const CHECKSUM_SEED = 0xef;
/** The checksum is the last byte of a line of 16. */
const CHECKSUM_ALIGNMENT = 16;

/** The segments behind a header, up to the checksum byte. */
export interface SegmentTable {
  readonly segments: readonly Segment[];
  /** Behind the checksum byte; null where the table ends too early or makes no sense. */
  readonly endsAt: number | null;
  readonly checksum: { readonly stored: number; readonly computed: number } | null;
  readonly problem: ErrorReport | null;
}

/** Where a segment table is to be read. */
export interface SegmentTableAt {
  readonly chip: Chip | null;
  /** Where the image itself starts: the checksum's alignment counts from here. */
  readonly imageStart: number;
  /** Of the first segment's header. */
  readonly offset: number;
  readonly segmentCount: number;
}

/** Reads `segmentCount` segments and the checksum behind them; stops at the first thing that is wrong. */
export function readSegments(bytes: Uint8Array, at: SegmentTableAt): SegmentTable {
  const { chip, segmentCount } = at;
  const segments: Segment[] = [];
  const stop = (report: ErrorReport): SegmentTable => ({ segments, endsAt: null, checksum: null, problem: report });
  if (segmentCount < 1 || segmentCount > MOST_SEGMENTS) {
    return stop(
      problem('IMAGE_MALFORMED', `its header counts ${segmentCount} segments; 1 to ${MOST_SEGMENTS} are possible`),
    );
  }
  let offset = at.offset;
  let computed = CHECKSUM_SEED;
  for (let number = 1; number <= segmentCount; number++) {
    const which = `segment ${number} of ${segmentCount}`;
    const dataOffset = offset + SEGMENT_HEADER_BYTES;
    if (dataOffset > bytes.length) return stop(truncated(`before ${which}`, bytes.length, dataOffset));
    const loadAddress = u32At(bytes, offset);
    const sizeBytes = u32At(bytes, offset + 4);
    if (sizeBytes > LONGEST_SEGMENT) {
      return stop(
        problem('IMAGE_MALFORMED', `${which} at ${hex(offset)} claims ${count(sizeBytes)} bytes; 16 MB is the most`),
      );
    }
    const end = dataOffset + sizeBytes;
    if (end > bytes.length) return stop(truncated(`inside ${which}`, bytes.length, end));
    segments.push({ loadAddress, sizeBytes, fileOffset: dataOffset, region: regionOf(chip, loadAddress) });
    computed = xorOf(bytes.subarray(dataOffset, end), computed);
    offset = end;
  }
  const endsAt = at.imageStart + alignUp(offset - at.imageStart + 1, CHECKSUM_ALIGNMENT);
  if (endsAt > bytes.length) return stop(truncated('before its checksum', bytes.length, endsAt));
  return { segments, endsAt, checksum: { stored: byteAt(bytes, endsAt - 1), computed }, problem: null };
}

/** What is wrong with the table, and with the checksum over it. */
export function tableProblems(table: SegmentTable): ErrorReport[] {
  const inChecksum = table.checksum === null ? null : wrongChecksum(table.checksum);
  return [table.problem, inChecksum].filter((report) => report !== null);
}

/** Null: it is right. */
export function wrongChecksum(checksum: { readonly stored: number; readonly computed: number }): ErrorReport | null {
  if (checksum.stored === checksum.computed) return null;
  return problem(
    'IMAGE_CORRUPT',
    `its checksum byte is ${hex(checksum.stored)}, its segments add up to ${hex(checksum.computed)}`,
    checksum,
  );
}
