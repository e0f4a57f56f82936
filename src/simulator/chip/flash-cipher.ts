import { createHash } from 'node:crypto';

/**
 * Stands for the AES of flash encryption: a key stream made from the chip's key and the address. Not the real cipher and no
 * secret, but as useless to a host: it cannot know what will be in the flash.
 */
export class FlashCipher {
  readonly #seed: number;

  constructor(key: string) {
    this.#seed = createHash('sha256').update(key).digest().readUInt32LE();
  }

  /** Both ways: twice gives the bytes back. `offset` is where in the flash they stand. */
  apply(offset: number, bytes: Uint8Array): Uint8Array {
    return bytes.map((byte, nth) => byte ^ this.#streamAt(offset + nth));
  }

  #streamAt(address: number): number {
    let mixed = Math.imul(address ^ this.#seed, 0x9e3779b1);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
    return (mixed ^ (mixed >>> 13)) & 0xff;
  }
}
