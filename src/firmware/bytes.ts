import { createHash } from 'node:crypto';

/** Reading little-endian values out of an image. The caller has made sure that they lie within it: a miss is our mistake and throws. */

/** Little-endian. Throws a RangeError beyond the end. */
export function u16At(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + offset, 2).getUint16(0, true);
}

/** Little-endian. Throws a RangeError behind the end. */
export function u32At(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + offset, 4).getUint32(0, true);
}

/** The byte at `offset`, or −1 behind the end: for looking at what may not be there. */
export function byteAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset] ?? -1;
}

/** A NUL-terminated string in a field of fixed size. What is not printable is replaced, since it goes to terminals and logs. */
export function textAt(bytes: Uint8Array, offset: number, sizeBytes: number): string {
  const field = bytes.subarray(offset, offset + sizeBytes);
  const end = field.indexOf(0);
  const text = new TextDecoder().decode(end === -1 ? field : field.subarray(0, end));
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '�');
}

/** Whether `expected` stands at `offset`. */
export function startsWith(bytes: Uint8Array, offset: number, expected: ArrayLike<number>): boolean {
  for (let at = 0; at < expected.length; at++) {
    if (bytes[offset + at] !== expected[at]) return false;
  }
  return true;
}

/** True for an empty range as well. */
export function isFilledWith(bytes: Uint8Array, value: number): boolean {
  // By index: megabytes go through here, and an iterator costs several times as much.
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== value) return false;
  }
  return true;
}

/** All bytes and `seed`, a byte, by exclusive or. */
export function xorOf(bytes: Uint8Array, seed: number): number {
  // Four at a time where they are aligned: megabytes go through here.
  const head = Math.min(bytes.length, -bytes.byteOffset & 3);
  const count = (bytes.length - head) >>> 2;
  const words = count === 0 ? new Uint32Array() : new Uint32Array(bytes.buffer, bytes.byteOffset + head, count);
  let word = 0;
  for (let at = 0; at < words.length; at++) word ^= words[at] ?? 0;
  const ends = [...bytes.subarray(0, head), ...bytes.subarray(head + words.byteLength)];
  return ends.reduce((sum, byte) => sum ^ byte, (seed ^ word ^ (word >>> 8) ^ (word >>> 16) ^ (word >>> 24)) & 0xff);
}

/** Lower case hex. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Hashing a megabyte takes about 2 ms; no more than that is done in one go. */
const HASH_STEP_BYTES = 0x100000;

/** The hash of megabytes, without holding up the event loop. The bytes must stay as they are until it resolves. */
export async function hashInSteps(algorithm: 'md5' | 'sha256' | 'blake2b512', bytes: Uint8Array): Promise<Buffer> {
  const hash = createHash(algorithm);
  for (let at = 0; at < bytes.length; at += HASH_STEP_BYTES) {
    if (at > 0) await new Promise(setImmediate);
    hash.update(bytes.subarray(at, at + HASH_STEP_BYTES));
  }
  return hash.digest();
}

/** Lower case hex. */
export async function sha256InSteps(bytes: Uint8Array): Promise<string> {
  return hexOf(await hashInSteps('sha256', bytes));
}

/** Lower case hex. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** The next multiple of `alignment`, or `value` itself where it is one. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
