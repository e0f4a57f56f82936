/** What the flash chip erases, in small and in large, and programs at once. */
export const SECTOR_BYTES = 0x1000;
export const BLOCK_BYTES = 0x10000;
export const PAGE_BYTES = 0x100;

/** A NOR flash: erasing sets whole sectors to FF, writing only clears bits. */
export class FlashArray {
  /** The cells themselves: what stands here is what the chip holds. */
  readonly bytes: Uint8Array;
  readonly #badByte: number | null;

  /** @param badByte The page with this byte cannot be written. */
  constructor(bytes: Uint8Array, badByte: number | null = null) {
    this.bytes = bytes;
    this.#badByte = badByte;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  holds(offset: number, length: number): boolean {
    return offset + length <= this.bytes.length;
  }

  read(offset: number, length: number): Uint8Array {
    return this.bytes.slice(offset, offset + length);
  }

  isBlank(offset: number, length: number): boolean {
    return this.bytes.subarray(offset, offset + length).every((byte) => byte === 0xff);
  }

  /** Erases every sector that the range touches; how many those are. */
  erase(offset: number, length: number): number {
    const start = Math.floor(offset / SECTOR_BYTES) * SECTOR_BYTES;
    const end = Math.min(Math.ceil((offset + length) / SECTOR_BYTES) * SECTOR_BYTES, this.bytes.length);
    if (end <= start) return 0;
    this.bytes.fill(0xff, start, end);
    return (end - start) / SECTOR_BYTES;
  }

  /** False where the cells did not take it. */
  program(offset: number, bytes: Uint8Array): boolean {
    if (!this.holds(offset, bytes.length)) return false;
    if (this.#badByte !== null && this.#badByte >= offset && this.#badByte < offset + bytes.length) return false;
    for (const [nth, byte] of bytes.entries()) {
      this.bytes[offset + nth] = (this.bytes[offset + nth] ?? 0xff) & byte;
    }
    return true;
  }
}
