import { createHash } from 'node:crypto';

/** An executable image in the flash, as a boot loader reads it (esptool documentation, "Firmware Image Format"). */
export interface BootImage {
  readonly flashMode: number;
  readonly entry: number;
  readonly segments: readonly { readonly address: number; readonly offset: number; readonly length: number }[];
  readonly checksum: { readonly stored: number; readonly calculated: number };
  /** Null where none is appended. */
  readonly digest: { readonly stored: string; readonly calculated: string } | null;
}

const IMAGE_MAGIC = 0xe9;
const CHECKSUM_SEED = 0xef;
const HEADER_BYTES = 8;
const EXTENDED_HEADER_BYTES = 16;
const SEGMENT_HEADER_BYTES = 8;
const LINE_BYTES = 16;
const DIGEST_BYTES = 32;
const MOST_SEGMENTS = 16;

/** Null where no image begins at `offset`, or it runs beyond the flash. */
export function readBootImage(flash: Uint8Array, offset: number, isEsp8266: boolean): BootImage | null {
  const headerBytes = isEsp8266 ? HEADER_BYTES : HEADER_BYTES + EXTENDED_HEADER_BYTES;
  if (offset + headerBytes > flash.length || flash[offset] !== IMAGE_MAGIC) return null;
  const view = new DataView(flash.buffer, flash.byteOffset, flash.byteLength);
  const count = view.getUint8(offset + 1);
  const segments = count <= MOST_SEGMENTS ? readSegments(view, offset + headerBytes, count) : null;
  if (segments === null) return null;
  const last = segments.at(-1);
  const dataEnd = last === undefined ? offset + headerBytes : last.offset + last.length;
  const end = offset + Math.ceil((dataEnd - offset + 1) / LINE_BYTES) * LINE_BYTES;
  if (end + DIGEST_BYTES > flash.length) return null;
  const hasDigest = !isEsp8266 && view.getUint8(offset + headerBytes - 1) === 1;
  return {
    flashMode: view.getUint8(offset + 2),
    entry: view.getUint32(offset + 4, true),
    segments,
    checksum: { stored: view.getUint8(end - 1), calculated: checksumOf(flash, segments) },
    digest: hasDigest ? digestOf(flash, offset, end) : null,
  };
}

function readSegments(view: DataView, start: number, count: number): BootImage['segments'] | null {
  const segments: { address: number; offset: number; length: number }[] = [];
  let position = start;
  for (let nth = 0; nth < count; nth += 1) {
    const data = position + SEGMENT_HEADER_BYTES;
    if (data > view.byteLength) return null;
    const length = view.getUint32(position + 4, true);
    if (data + length > view.byteLength) return null;
    segments.push({ address: view.getUint32(position, true), offset: data, length });
    position = data + length;
  }
  return segments;
}

function checksumOf(flash: Uint8Array, segments: BootImage['segments']): number {
  let sum = CHECKSUM_SEED;
  for (const { offset, length } of segments) {
    for (let at = offset; at < offset + length; at += 1) sum ^= flash[at] ?? 0;
  }
  return sum;
}

function digestOf(flash: Uint8Array, start: number, end: number): BootImage['digest'] {
  return {
    stored: Buffer.from(flash.subarray(end, end + DIGEST_BYTES)).toString('hex'),
    calculated: createHash('sha256').update(flash.subarray(start, end)).digest('hex'),
  };
}

/** Its checksum is right, and its digest too where it has one. */
export function isIntact({ checksum, digest }: BootImage): boolean {
  return checksum.stored === checksum.calculated && (digest === null || digest.stored === digest.calculated);
}
