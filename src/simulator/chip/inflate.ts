/**
 * Inflates a zlib stream that arrives in pieces (RFC 1950, RFC 1951). Node's own does it only asynchronously; a simulated chip
 * must know at once, and by its own clock, what a block led to.
 */

export type InflateState = 'hungry' | 'done' | 'broken';

type Source = Generator<undefined, void, Uint8Array>;

interface Huffman {
  /** Number of codes of each length. */
  readonly counts: Uint16Array;
  /** Symbols in the order of their codes. */
  readonly symbols: Uint16Array;
}

const WINDOW_BYTES = 0x8000;
const LONGEST_CODE = 15;
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
const FIXED_LENGTHS = Uint8Array.from({ length: 288 }, (_, symbol) =>
  symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
);
const FIXED_DISTANCES = new Uint8Array(30).fill(5);

class BrokenStream extends Error {}

/** One stream, from its header to its checksum. */
export class Inflater {
  #state: InflateState = 'hungry';
  readonly #source: Source;
  #input: Uint8Array = new Uint8Array();
  #position = 0;
  #bits = 0;
  #bitCount = 0;
  readonly #window = new Uint8Array(WINDOW_BYTES);
  #written = 0;
  #output: number[] = [];
  #adlerLow = 1;
  #adlerHigh = 0;

  constructor() {
    this.#source = this.#stream();
    this.#source.next();
  }

  get state(): InflateState {
    return this.#state;
  }

  /** What these bytes inflate to; what follows the end of the stream, or a fault in it, is ignored. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#state !== 'hungry') return new Uint8Array();
    this.#output = [];
    try {
      if (bytes.length > 0 && this.#source.next(bytes).done) this.#state = 'done';
    } catch (cause) {
      if (!(cause instanceof BrokenStream)) throw cause;
      this.#state = 'broken';
    }
    return Uint8Array.from(this.#output);
  }

  *#stream(): Source {
    yield* this.#more();
    const header = ((yield* this.#take(8)) << 8) | (yield* this.#take(8));
    // RFC 1950 section 2.2: method 8, header a multiple of 31, no preset dictionary.
    if ((header & 0x0f00) !== 0x0800 || header % 31 !== 0 || (header & 0x20) !== 0) throw new BrokenStream('header');
    let isLast = false;
    while (!isLast) {
      isLast = (yield* this.#take(1)) === 1;
      yield* this.#block(yield* this.#take(2));
    }
    yield* this.#checkSum();
  }

  *#block(kind: number): Source {
    if (kind === 0) yield* this.#storedBlock();
    else if (kind === 1) yield* this.#codedBlock(huffman(FIXED_LENGTHS), huffman(FIXED_DISTANCES));
    else if (kind === 2) yield* this.#dynamicBlock();
    else throw new BrokenStream('block type');
  }

  *#storedBlock(): Source {
    this.#dropToByte();
    const length = yield* this.#take(16);
    const complement = yield* this.#take(16);
    if ((length ^ complement) !== 0xffff) throw new BrokenStream('stored length');
    for (let nth = 0; nth < length; nth += 1) this.#emit(yield* this.#take(8));
  }

  *#dynamicBlock(): Source {
    const literalCodes = (yield* this.#take(5)) + 257;
    const distanceCodes = (yield* this.#take(5)) + 1;
    const lengthCodes = (yield* this.#take(4)) + 4;
    const codeLengths = new Uint8Array(CODE_LENGTH_ORDER.length);
    for (const symbol of CODE_LENGTH_ORDER.slice(0, lengthCodes)) codeLengths[symbol] = yield* this.#take(3);
    const lengths = yield* this.#codeLengths(huffman(codeLengths), literalCodes + distanceCodes);
    yield* this.#codedBlock(huffman(lengths.subarray(0, literalCodes)), huffman(lengths.subarray(literalCodes)));
  }

  /** RFC 1951 section 3.2.7: lengths, of which 16 repeats the last, 17 and 18 stand for runs of zeros. */
  *#codeLengths(table: Huffman, count: number): Generator<undefined, Uint8Array, Uint8Array> {
    const lengths = new Uint8Array(count);
    for (let filled = 0; filled < count; ) {
      const symbol = yield* this.#symbol(table);
      if (symbol < 16) {
        lengths[filled++] = symbol;
        continue;
      }
      if (symbol === 16 && filled === 0) throw new BrokenStream('nothing to repeat');
      const repeated = symbol === 16 ? (lengths[filled - 1] ?? 0) : 0;
      const times = yield* this.#runLength(symbol);
      if (filled + times > count) throw new BrokenStream('run too long');
      lengths.fill(repeated, filled, filled + times);
      filled += times;
    }
    return lengths;
  }

  *#runLength(symbol: number): Generator<undefined, number, Uint8Array> {
    if (symbol === 16) return 3 + (yield* this.#take(2));
    if (symbol === 17) return 3 + (yield* this.#take(3));
    return 11 + (yield* this.#take(7));
  }

  *#codedBlock(literals: Huffman, distances: Huffman): Source {
    for (;;) {
      const symbol = yield* this.#symbol(literals);
      if (symbol === END_OF_BLOCK) return;
      if (symbol < END_OF_BLOCK) {
        this.#emit(symbol);
        continue;
      }
      const length = yield* this.#extended(symbol - 257, LENGTH_BASE, LENGTH_EXTRA);
      const distance = yield* this.#extended(yield* this.#symbol(distances), DISTANCE_BASE, DISTANCE_EXTRA);
      if (distance > this.#written) throw new BrokenStream('distance before the start');
      for (let nth = 0; nth < length; nth += 1) {
        this.#emit(this.#window[(this.#written - distance) % WINDOW_BYTES] ?? 0);
      }
    }
  }

  *#extended(
    code: number,
    bases: readonly number[],
    extras: readonly number[],
  ): Generator<undefined, number, Uint8Array> {
    const base = bases[code];
    if (base === undefined) throw new BrokenStream('no such code');
    const extra = extras[code] ?? 0;
    return extra === 0 ? base : base + (yield* this.#take(extra));
  }

  *#checkSum(): Source {
    this.#dropToByte();
    const high = ((yield* this.#take(8)) << 8) | (yield* this.#take(8));
    const low = ((yield* this.#take(8)) << 8) | (yield* this.#take(8));
    if (high !== this.#adlerHigh || low !== this.#adlerLow) throw new BrokenStream('Adler-32');
  }

  /** RFC 1951 section 3.2.2: canonical codes, one bit at a time. */
  *#symbol({ counts, symbols }: Huffman): Generator<undefined, number, Uint8Array> {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= LONGEST_CODE; length += 1) {
      if (this.#bitCount === 0) yield* this.#byte();
      code |= this.#bits & 1;
      this.#bits >>>= 1;
      this.#bitCount -= 1;
      const count = counts[length] ?? 0;
      if (code - count < first) return symbols[index + code - first] ?? 0;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new BrokenStream('no such code');
  }

  *#take(bitCount: number): Generator<undefined, number, Uint8Array> {
    while (this.#bitCount < bitCount) yield* this.#byte();
    const value = this.#bits & ((1 << bitCount) - 1);
    this.#bits >>>= bitCount;
    this.#bitCount -= bitCount;
    return value;
  }

  *#byte(): Source {
    if (this.#position >= this.#input.length) yield* this.#more();
    this.#bits |= (this.#input[this.#position++] ?? 0) << this.#bitCount;
    this.#bitCount += 8;
  }

  *#more(): Source {
    this.#input = yield;
    this.#position = 0;
  }

  #dropToByte(): void {
    this.#bits >>>= this.#bitCount % 8;
    this.#bitCount -= this.#bitCount % 8;
  }

  #emit(byte: number): void {
    this.#window[this.#written % WINDOW_BYTES] = byte;
    this.#written += 1;
    this.#output.push(byte);
    this.#adlerLow = (this.#adlerLow + byte) % ADLER_MODULUS;
    this.#adlerHigh = (this.#adlerHigh + this.#adlerLow) % ADLER_MODULUS;
  }
}

function huffman(lengths: Uint8Array): Huffman {
  const counts = new Uint16Array(LONGEST_CODE + 1);
  for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1;
  counts[0] = 0;
  const starts = new Uint16Array(LONGEST_CODE + 2);
  for (let length = 1; length <= LONGEST_CODE; length += 1) {
    starts[length + 1] = (starts[length] ?? 0) + (counts[length] ?? 0);
  }
  const symbols = new Uint16Array(lengths.length);
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue;
    const place = starts[length] ?? 0;
    symbols[place] = symbol;
    starts[length] = place + 1;
  }
  return { counts, symbols };
}
