import { FIXED_DISTANCES, FIXED_LITERALS, type Huffman, huffman, LONGEST_CODE } from './huffman.ts';

/** `hungry`: it wants more bytes. */
export type InflateState = 'hungry' | 'done' | 'broken';

/** What comes next in the stream. */
type Phase =
  | { readonly kind: 'header' | 'block' | 'checksum' | 'end' }
  | { readonly kind: 'stored'; readonly leftBytes: number }
  | { readonly kind: 'coded'; readonly literals: Huffman; readonly distances: Huffman };

const WINDOW_BYTES = 0x8000;
const END_OF_BLOCK = 256;
const ADLER_MODULUS = 65521;
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];

class BrokenStream extends Error {}

/** Thrown where the input ends; what was taken since the last whole step is taken again when more has come. */
class OutOfInput extends Error {}

const OUT_OF_INPUT = new OutOfInput();

/**
 * One zlib stream that arrives in pieces (RFC 1950, RFC 1951), from its header to its checksum. Node's own inflates asynchronously only; a
 * simulated chip must know at once, and by its own clock, what a block led to.
 */
export class Inflater {
  readonly #window = new Uint8Array(WINDOW_BYTES);
  readonly #sink = new ByteSink();
  #state: InflateState = 'hungry';
  #phase: Phase = { kind: 'header' };
  #isLastBlock = false;
  #input: Uint8Array = new Uint8Array();
  #position = 0;
  #bits = 0;
  #bitCount = 0;
  #written = 0;
  #adlerLow = 1;
  #adlerHigh = 0;

  get state(): InflateState {
    return this.#state;
  }

  /** What these bytes inflate to; what follows the end of the stream, or a fault in it, is ignored. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#state !== 'hungry') return new Uint8Array();
    this.#input = Buffer.concat([this.#input.subarray(this.#position), bytes]);
    this.#position = 0;
    try {
      while (this.#phase.kind !== 'end') this.#step();
      this.#state = 'done';
    } catch (cause) {
      if (cause instanceof BrokenStream) this.#state = 'broken';
      else if (!(cause instanceof OutOfInput)) throw cause;
    }
    return this.#sink.takeAll();
  }

  /** All of a step, or nothing: a step emits only when it has all its input. */
  #step(): void {
    const [position, bits, bitCount] = [this.#position, this.#bits, this.#bitCount];
    try {
      this.#phase = this.#next(this.#phase);
    } catch (cause) {
      this.#position = position;
      this.#bits = bits;
      this.#bitCount = bitCount;
      throw cause;
    }
  }

  #next(phase: Phase): Phase {
    switch (phase.kind) {
      case 'header':
        return this.#header();
      case 'block':
        return this.#block();
      case 'stored':
        return this.#stored(phase.leftBytes);
      case 'coded':
        return this.#coded(phase.literals, phase.distances) ? phase : this.#afterBlock();
      default:
        return this.#checkSum();
    }
  }

  /** RFC 1950 section 2.2: method 8, the header a multiple of 31, no preset dictionary. */
  #header(): Phase {
    const header = (this.#take(8) << 8) | this.#take(8);
    if ((header & 0x0f00) !== 0x0800 || header % 31 !== 0 || (header & 0x20) !== 0) throw new BrokenStream('header');
    return { kind: 'block' };
  }

  #afterBlock(): Phase {
    return { kind: this.#isLastBlock ? 'checksum' : 'block' };
  }

  #block(): Phase {
    this.#isLastBlock = this.#take(1) === 1;
    const type = this.#take(2);
    if (type === 0) return this.#storedHeader();
    if (type === 1) return { kind: 'coded', literals: FIXED_LITERALS, distances: FIXED_DISTANCES };
    if (type === 2) return this.#dynamicHeader();
    throw new BrokenStream('block type');
  }

  #storedHeader(): Phase {
    this.#dropToByte();
    const length = this.#take(16);
    if ((length ^ this.#take(16)) !== 0xffff) throw new BrokenStream('stored length');
    return { kind: 'stored', leftBytes: length };
  }

  /** Behind its header a stored block stands on whole bytes, so that none is left in `#bits`. */
  #stored(leftBytes: number): Phase {
    if (leftBytes === 0) return this.#afterBlock();
    const bytes = this.#input.subarray(this.#position, this.#position + leftBytes);
    if (bytes.length === 0) throw OUT_OF_INPUT;
    this.#position += bytes.length;
    for (const byte of bytes) this.#emit(byte);
    return { kind: 'stored', leftBytes: leftBytes - bytes.length };
  }

  #dynamicHeader(): Phase {
    const literalCodes = this.#take(5) + 257;
    const distanceCodes = this.#take(5) + 1;
    const lengthCodes = this.#take(4) + 4;
    const codeLengths = new Uint8Array(CODE_LENGTH_ORDER.length);
    for (const symbol of CODE_LENGTH_ORDER.slice(0, lengthCodes)) codeLengths[symbol] = this.#take(3);
    const lengths = this.#codeLengths(huffman(codeLengths), literalCodes + distanceCodes);
    return {
      kind: 'coded',
      literals: huffman(lengths.subarray(0, literalCodes)),
      distances: huffman(lengths.subarray(literalCodes)),
    };
  }

  /** RFC 1951 section 3.2.7: lengths, of which 16 repeats the last, 17 and 18 stand for runs of zeros. */
  #codeLengths(table: Huffman, count: number): Uint8Array {
    const lengths = new Uint8Array(count);
    for (let filled = 0; filled < count; ) {
      const symbol = this.#symbol(table);
      if (symbol < 16) {
        lengths[filled++] = symbol;
        continue;
      }
      if (symbol === 16 && filled === 0) throw new BrokenStream('nothing to repeat');
      const repeated = symbol === 16 ? (lengths[filled - 1] ?? 0) : 0;
      const times = this.#runLength(symbol);
      if (filled + times > count) throw new BrokenStream('run too long');
      lengths.fill(repeated, filled, filled + times);
      filled += times;
    }
    return lengths;
  }

  #runLength(symbol: number): number {
    if (symbol === 16) return 3 + this.#take(2);
    if (symbol === 17) return 3 + this.#take(3);
    return 11 + this.#take(7);
  }

  /** One literal, or one repetition of what went before; false at the end of the block. */
  #coded(literals: Huffman, distances: Huffman): boolean {
    const symbol = this.#symbol(literals);
    if (symbol === END_OF_BLOCK) return false;
    if (symbol < END_OF_BLOCK) {
      this.#emit(symbol);
      return true;
    }
    const length = this.#extended(symbol - 257, LENGTH_BASE, LENGTH_EXTRA);
    const distance = this.#extended(this.#symbol(distances), DISTANCE_BASE, DISTANCE_EXTRA);
    if (distance > this.#written) throw new BrokenStream('distance before the start');
    for (let nth = 0; nth < length; nth += 1) {
      this.#emit(this.#window[(this.#written - distance) % WINDOW_BYTES] ?? 0);
    }
    return true;
  }

  #extended(code: number, bases: readonly number[], extras: readonly number[]): number {
    const base = bases[code];
    if (base === undefined) throw new BrokenStream('no such code');
    return base + this.#take(extras[code] ?? 0);
  }

  #checkSum(): Phase {
    this.#dropToByte();
    const high = (this.#take(8) << 8) | this.#take(8);
    const low = (this.#take(8) << 8) | this.#take(8);
    if (high !== this.#adlerHigh || low !== this.#adlerLow) throw new BrokenStream('Adler-32');
    return { kind: 'end' };
  }

  /** RFC 1951 section 3.2.2: canonical codes, one bit at a time. */
  #symbol({ counts, symbols }: Huffman): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= LONGEST_CODE; length += 1) {
      code |= this.#take(1);
      const count = counts[length] ?? 0;
      if (code - count < first) return symbols[index + code - first] ?? 0;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new BrokenStream('no such code');
  }

  #take(bitCount: number): number {
    while (this.#bitCount < bitCount) {
      const byte = this.#input[this.#position];
      if (byte === undefined) throw OUT_OF_INPUT;
      this.#position += 1;
      this.#bits |= byte << this.#bitCount;
      this.#bitCount += 8;
    }
    const value = this.#bits & ((1 << bitCount) - 1);
    this.#bits >>>= bitCount;
    this.#bitCount -= bitCount;
    return value;
  }

  #dropToByte(): void {
    this.#bits >>>= this.#bitCount % 8;
    this.#bitCount -= this.#bitCount % 8;
  }

  #emit(byte: number): void {
    this.#window[this.#written % WINDOW_BYTES] = byte;
    this.#written += 1;
    this.#sink.push(byte);
    this.#adlerLow = (this.#adlerLow + byte) % ADLER_MODULUS;
    this.#adlerHigh = (this.#adlerHigh + this.#adlerLow) % ADLER_MODULUS;
  }
}

/** Bytes one by one, into room that doubles. */
class ByteSink {
  #room = new Uint8Array(0x4000);
  #length = 0;

  push(byte: number): void {
    if (this.#length === this.#room.length) {
      const larger = new Uint8Array(this.#room.length * 2);
      larger.set(this.#room);
      this.#room = larger;
    }
    this.#room[this.#length++] = byte;
  }

  takeAll(): Uint8Array {
    const all = this.#room.slice(0, this.#length);
    this.#length = 0;
    return all;
  }
}
