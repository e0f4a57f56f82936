/** No device reads more than a few windows in one go: longer digits are several counts. */
const LONGEST_COUNT = 6;
/** Longer texts than a device prints between two reads of ours are not worth an exact reading. */
const LONGEST_TEXT = 256;

/** Digits that come this soon after one another may be pieces of one count: some networks and proxies pass them on singly. */
const SAME_BURST_MS = 10;
/** A burst without end is cut here; a count that is cut is read as two smaller ones. */
const LONGEST_BURST = 64;

interface Reading {
  readonly counts: number;
  readonly sum: number;
}

/**
 * A device prints the byte count of each read without separators, so `14601460` is two counts and `80` may be one or two. The likeliest
 * reading is the one with the fewest counts, none larger than what is on its way; where two are alike, the smaller sum, so that the
 * device is rather thought behind than ahead.
 *
 * @param digits what the device printed since the last look, digits only
 * @param outstandingBytes what was sent and not yet counted: a bound for each count and for the sum
 * @returns how many bytes the device has read, by that reading
 */
export function leastReading(digits: string, outstandingBytes: number): number {
  const text = digits.slice(0, LONGEST_TEXT);
  /** The best reading of the text from each position on; null where there is none. */
  const from: (Reading | null)[] = Array.from({ length: text.length + 1 }, () => null);
  from[text.length] = { counts: 0, sum: 0 };
  for (let start = text.length - 1; start >= 0; start -= 1) {
    from[start] = bestFrom(text, start, { outstandingBytes, from });
  }
  return Math.min(from[0]?.sum ?? 0, outstandingBytes);
}

function bestFrom(
  text: string,
  start: number,
  { outstandingBytes, from }: { readonly outstandingBytes: number; readonly from: readonly (Reading | null)[] },
): Reading | null {
  let best: Reading | null = null;
  if (text[start] === '0') return best;
  for (let end = start + 1; end <= Math.min(text.length, start + LONGEST_COUNT); end += 1) {
    const count = Number(text.slice(start, end));
    if (count > outstandingBytes) break;
    const rest = from[end];
    if (rest === null || rest === undefined) continue;
    const reading = { counts: rest.counts + 1, sum: rest.sum + count };
    if (best === null || isBetter(reading, best)) best = reading;
  }
  return best;
}

function isBetter(reading: Reading, than: Reading): boolean {
  return reading.counts < than.counts || (reading.counts === than.counts && reading.sum < than.sum);
}

/** Follows a device's counts through a transfer. Its word never goes back, and never beyond what was sent. */
export class CountReader {
  countedBytes = 0;
  #burst = '';
  #burstFromBytes = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  /** Where the chunks end that are not counted yet, in bytes from the start of the image. */
  #chunkEnds: number[] = [];

  /** A chunk left; all in all, `sentBytes` have. */
  sent(sentBytes: number): void {
    this.#chunkEnds.push(sentBytes);
  }

  /** Adds what the device printed, digits only. A count that comes in pieces is read anew with each of them. */
  read(digits: string, sentBytes: number, nowMs: number): void {
    if (nowMs - this.#lastMs > SAME_BURST_MS || this.#burst.length >= LONGEST_BURST) this.#beginBurst();
    this.#lastMs = nowMs;
    this.#burst += digits;
    const readBytes = leastReading(this.#burst, sentBytes - this.#burstFromBytes);
    this.countedBytes = Math.max(this.countedBytes, this.#burstFromBytes + readBytes);
    this.#passChunks();
  }

  /** It is known otherwise that the device has read everything. */
  hasReadAll(sentBytes: number): void {
    this.countedBytes = sentBytes;
    this.#passChunks();
    this.#beginBurst();
  }

  /** A reading that ends where a chunk does is right: counts of one chunk are not read together with those of the next. */
  #passChunks(): void {
    const passed = this.#chunkEnds.filter((endBytes) => endBytes <= this.countedBytes);
    if (passed.length === 0) return;
    this.#chunkEnds = this.#chunkEnds.slice(passed.length);
    if (passed.at(-1) === this.countedBytes) this.#beginBurst();
  }

  #beginBurst(): void {
    this.#burst = '';
    this.#burstFromBytes = this.countedBytes;
  }
}
