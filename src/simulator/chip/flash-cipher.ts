import { createHash } from 'node:crypto';

const LINE_BYTES = 32;

/**
 * Stands for the AES of flash encryption: each 32-byte line has a key stream of its own, made from the chip's key and the
 * address. Not the real cipher, and as opaque: no host can know what will be in the flash.
 */
export class FlashCipher {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  /** Both ways: twice gives the bytes back. `offset` is where in the flash they stand. */
  apply(offset: number, bytes: Uint8Array): Uint8Array {
    const result = bytes.slice();
    let line = -1;
    let stream: Uint8Array = new Uint8Array();
    for (let nth = 0; nth < result.length; nth += 1) {
      const address = offset + nth;
      const own = Math.floor(address / LINE_BYTES);
      if (own !== line) {
        line = own;
        stream = createHash('sha256').update(`${this.#key}/${own}`).digest();
      }
      result[nth] = (result[nth] ?? 0) ^ (stream[address % LINE_BYTES] ?? 0);
    }
    return result;
  }
}
