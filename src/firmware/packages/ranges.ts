import type { FlashRange } from '../../model/image.ts';
import { alignUp } from '../bytes.ts';

/** What flash can erase at least, and so what a write at its edge takes with it. */
export const SECTOR = 0x1000;

/** The first byte behind a range. */
export function endOf({ offset, sizeBytes }: FlashRange): number {
  return offset + sizeBytes;
}

/** Whether two ranges have a byte in common. */
export function overlaps(one: FlashRange, other: FlashRange): boolean {
  return one.offset < endOf(other) && other.offset < endOf(one);
}

/** Whether `inner` lies in `outer` as a whole. */
export function holds(outer: FlashRange, inner: FlashRange): boolean {
  return outer.offset <= inner.offset && endOf(inner) <= endOf(outer);
}

/** What is left of `range` before and behind `hole`. */
export function without(range: FlashRange, hole: FlashRange): FlashRange[] {
  if (!overlaps(range, hole)) return [range];
  const before = { offset: range.offset, sizeBytes: hole.offset - range.offset };
  const behind = { offset: endOf(hole), sizeBytes: endOf(range) - endOf(hole) };
  return [before, behind].filter(({ sizeBytes }) => sizeBytes > 0);
}

/** The whole sectors that a range touches. */
export function sectorsOf(range: FlashRange): FlashRange {
  const offset = range.offset - (range.offset % SECTOR);
  return { offset, sizeBytes: alignUp(endOf(range), SECTOR) - offset };
}
