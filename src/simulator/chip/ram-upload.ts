import type { RamUpload } from './chip-spec.ts';
import type { Block } from './packet.ts';

/** Reasons, by the loader that gives them. */
export interface UploadReasons {
  readonly badLength: number;
  readonly badChecksum: number;
  readonly tooMuch: number;
  readonly notBegun: number;
}

interface OpenSegment {
  readonly address: number;
  readonly totalBytes: number;
  readonly blocks: number;
  readonly bytes: Uint8Array;
  receivedBytes: number;
  nextSequence: number;
}

/** MEM_BEGIN, MEM_DATA, MEM_END: a program that comes into RAM in segments. */
export class RamUploader {
  readonly #reasons: UploadReasons;
  readonly #segments: OpenSegment[] = [];

  constructor(reasons: UploadReasons) {
    this.#reasons = reasons;
  }

  begin([totalBytes = 0, blocks = 0, , address = 0]: readonly number[]): number {
    const bytes = new Uint8Array(totalBytes);
    this.#segments.push({ address, totalBytes, blocks, bytes, receivedBytes: 0, nextSequence: 0 });
    return 0;
  }

  data(block: Block): number {
    const segment = this.#segments.at(-1);
    if (segment === undefined) return this.#reasons.notBegun;
    if (block.announcedBytes !== block.bytes.length) return this.#reasons.badLength;
    if (!block.hasGoodChecksum) return this.#reasons.badChecksum;
    if (block.sequence !== segment.nextSequence || block.sequence >= segment.blocks) return this.#reasons.badLength;
    if (segment.receivedBytes + block.bytes.length > segment.totalBytes) return this.#reasons.tooMuch;
    segment.bytes.set(block.bytes, segment.receivedBytes);
    segment.receivedBytes += block.bytes.length;
    segment.nextSequence += 1;
    return 0;
  }

  /** The program, where every segment is all there and the entry point lies in one of them; else null. */
  finish(entry: number): RamUpload | null {
    const segments = this.#segments.splice(0);
    const isWhole = segments.every(({ receivedBytes, totalBytes }) => receivedBytes === totalBytes);
    const hasEntry = segments.some(({ address, totalBytes }) => entry >= address && entry < address + totalBytes);
    return isWhole && hasEntry ? { entry, segments: segments.map(({ address, bytes }) => ({ address, bytes })) } : null;
  }
}
