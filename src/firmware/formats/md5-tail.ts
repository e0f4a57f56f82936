import { createHash } from 'node:crypto';
import type { Findings } from '../findings.ts';

/** 32 characters, not 16 bytes. */
export const MD5_TAIL_BYTES = 32;

/**
 * The MD5 of everything before it that ends a file, as lower case hex digits: what Pycom's boot loader compares before it starts an image
 * (pycom-micropython-sigfox, esp32/tools/appsign.sh, until 1.17.1; micropython, ports/cc3200/appsign.sh, for the WiPy 1). Null: the file
 * does not end in hex digits.
 */
export function readMd5Tail(bytes: Uint8Array): Findings['md5Tail'] {
  const at = bytes.length - MD5_TAIL_BYTES;
  if (at <= 0) return null;
  const stored = Buffer.from(bytes.buffer, bytes.byteOffset + at, MD5_TAIL_BYTES).toString('latin1');
  if (!/^[0-9a-f]{32}$/.test(stored)) return null;
  return { stored, computed: createHash('md5').update(bytes.subarray(0, at)).digest('hex') };
}
