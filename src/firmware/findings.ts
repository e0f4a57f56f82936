import { type ErrorCode, type ErrorReport, FlashError } from '../errors.ts';
import type { Dossier } from '../model/image.ts';
import { isFilledWith } from './bytes.ts';

/** What a format's reader finds out. The container and the sizes are the dossier's own business. */
export type Findings = Omit<Dossier, 'container' | 'sizeBytes' | 'contentBytes'>;

/** Nothing known: readers spread this and add what they found. */
export const NOTHING_FOUND: Findings = {
  kind: 'data',
  format: 'raw',
  filesystem: null,
  chip: null,
  completeness: 'unknown',
  endsAt: null,
  flashOffset: null,
  flashMode: null,
  flashSizeBytes: null,
  flashFrequencyMhz: null,
  entryPoint: null,
  minChipRevision: null,
  maxChipRevision: null,
  segments: [],
  checksum: null,
  digest: null,
  md5Tail: null,
  crc: null,
  userSlot: null,
  app: null,
  micropython: null,
  bootloader: null,
  signature: null,
  partitions: null,
  parts: null,
  package: null,
  problems: [],
  remarks: [],
};

/** A finding that makes an image unusable, as dossiers hold it. */
export function problem(
  code: Extract<ErrorCode, `IMAGE_${string}` | `PACKAGE_${string}` | `RELEASE_${string}`>,
  message: string,
  details?: Readonly<Record<string, unknown>>,
): ErrorReport {
  return new FlashError(code, message, details === undefined ? {} : { details }).toJSON();
}

/** `4,096`: byte counts in messages are read by people. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** As people write addresses: `0x1000`. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** A file that ends before its structure does, with both numbers. `neededBytes` is the least it would have to be. */
export function truncated(where: string, actualBytes: number, neededBytes: number): ErrorReport {
  return problem(
    'IMAGE_TRUNCATED',
    `the file ends at ${count(actualBytes)} bytes, ${where}; it would have to reach ${count(neededBytes)} bytes at least`,
    { actualBytes, neededBytes },
  );
}

/** About the bytes behind the image's end, if there are any. */
export function remarksOnRest(rest: Uint8Array, endsAt: number): string[] {
  if (rest.length === 0) return [];
  const what = isFilledWith(rest, 0xff) ? 'of FF padding' : 'that do not belong to it';
  return [`${count(rest.length)} bytes ${what} follow the image, which ends at ${count(endsAt)}`];
}
