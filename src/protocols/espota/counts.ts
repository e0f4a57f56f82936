/** No device reads more than a few windows in one go: longer digits are several counts. */
const LONGEST_COUNT = 6;
/** Longer texts than a device prints between two reads of ours are not worth an exact reading. */
const LONGEST_TEXT = 256;

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
