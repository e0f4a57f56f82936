/** Numbers from 0 up to 1 that are the same for the same seed (xorshift32; Marsaglia 2003, "Xorshift RNGs"). */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    // A state of zero would stay zero; neighbouring seeds are torn apart.
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  }

  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state / 2 ** 32;
  }

  /** A whole number from 0 up to `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.below(from.length)] ?? from[0];
  }
}
