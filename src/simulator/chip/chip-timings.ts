import { BLOCK_BYTES, PAGE_BYTES, SECTOR_BYTES } from './flash-array.ts';

/** How long a board takes over things. */
export interface ChipTimings {
  readonly sectorEraseMs: number;
  /** A whole 64 KiB block in one go. */
  readonly blockEraseMs: number;
  readonly pageProgramMs: number;
  readonly md5MsPerMiB: number;
  /** From the release of EN until the strapping pins are read: the capacitor at EN. */
  readonly enableRiseMs: number;
  /** From the strapping pins to the first text. */
  readonly startMs: number;
  /** Between two starts of a chip that finds nothing to run. */
  readonly restartMs: number;
  /** How long the watchdogs of a chip that is the USB device wait in the loader. */
  readonly watchdogMs: number;
}

/** Typical values of a 4 MiB flash chip's data sheet, and of a development board. */
export const BOARD_TIMINGS: ChipTimings = {
  sectorEraseMs: 45,
  blockEraseMs: 150,
  pageProgramMs: 0.6,
  md5MsPerMiB: 500,
  enableRiseMs: 5,
  startMs: 20,
  restartMs: 500,
  watchdogMs: 9_000,
};

/** Nothing waits for the flash, and starts are short: for tests. */
export const BRISK_BOARD: ChipTimings = {
  sectorEraseMs: 0,
  blockEraseMs: 0,
  pageProgramMs: 0,
  md5MsPerMiB: 0,
  enableRiseMs: 1,
  startMs: 1,
  restartMs: 100,
  watchdogMs: 9_000,
};

/** The time to erase `length` bytes from `offset`, whole blocks where the range has them. */
export function eraseMs(timings: ChipTimings, offset: number, length: number): number {
  const first = Math.floor(offset / SECTOR_BYTES);
  const end = Math.ceil((offset + length) / SECTOR_BYTES);
  const sectorsPerBlock = BLOCK_BYTES / SECTOR_BYTES;
  const firstBlock = Math.ceil(first / sectorsPerBlock);
  const endBlock = Math.floor(end / sectorsPerBlock);
  const blocks = Math.max(0, endBlock - firstBlock);
  const sectors = end - first - blocks * sectorsPerBlock;
  return blocks * timings.blockEraseMs + sectors * timings.sectorEraseMs;
}

/** Whole pages count, also where less is written. */
export function programMs(timings: ChipTimings, length: number): number {
  return Math.ceil(length / PAGE_BYTES) * timings.pageProgramMs;
}

/** For `length` bytes of flash. */
export function md5Ms(timings: ChipTimings, length: number): number {
  return (length / 2 ** 20) * timings.md5MsPerMiB;
}
