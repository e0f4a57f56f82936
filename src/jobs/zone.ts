/** Local times are written as milliseconds too: those that UTC would have at the same reading of the clock and calendar. */
export const DAY_MS = 86_400_000;

/**
 * A part of a local day. In most of them local time passes as time does (`offsetMs` apart); clocks that are put forward leave out a
 * part, all of which counts as the moment they were (`atMs`).
 */
export type Piece = { readonly fromLocal: number; readonly untilLocal: number } & (
  | { readonly kind: 'passes'; readonly offsetMs: number }
  | { readonly kind: 'skipped'; readonly atMs: number }
);

/** No zone is further from UTC than 14 hours, and none was more than a day off what it is after a change of calendar (Samoa, 2011). */
const MARGIN_MS = 1.5 * DAY_MS;

/** The clocks of one IANA time zone. */
export class Zone {
  readonly #format: Intl.DateTimeFormat;

  /** Throws RangeError for a name that the platform's time zone data do not know. */
  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** Midnight of the local day that it is at `atMs`, as a local time. */
  dayOf(atMs: number): number {
    return Math.floor((atMs + this.#offsetAt(atMs)) / DAY_MS) * DAY_MS;
  }

  /** The moment, epoch ms, at which the clocks show `local`: the first of two, or where they skip it the moment they do. */
  at(local: number): number {
    const day = Math.floor(local / DAY_MS) * DAY_MS;
    const piece = this.pieces(day).find(({ fromLocal, untilLocal }) => fromLocal <= local && local < untilLocal);
    if (piece === undefined) throw new RangeError(`no moment of the day shows ${new Date(local).toISOString()}`);
    return piece.kind === 'passes' ? local - piece.offsetMs : piece.atMs;
  }

  /** Whether the clocks showed the time of `atMs` before: they were put back meanwhile. */
  isRepeated(atMs: number): boolean {
    return this.at(atMs + this.#offsetAt(atMs)) < atMs;
  }

  /** The local day that begins at `day` (a local time), in pieces, as they pass. Where clocks are put back, two pieces overlap. */
  pieces(day: number): readonly Piece[] {
    const end = day + DAY_MS;
    const earlyMs = day - MARGIN_MS;
    const lateMs = end + MARGIN_MS;
    const before = this.#offsetAt(earlyMs);
    const after = this.#offsetAt(lateMs);
    if (before === after) return [{ kind: 'passes', fromLocal: day, untilLocal: end, offsetMs: before }];
    const changeMs = this.#changeBetween(earlyMs, lateMs, before);
    const old = changeMs + before;
    const fresh = changeMs + after;
    const pieces: Piece[] = [
      { kind: 'passes', fromLocal: day, untilLocal: Math.min(end, old), offsetMs: before },
      { kind: 'skipped', fromLocal: Math.max(day, old), untilLocal: Math.min(end, fresh), atMs: changeMs },
      { kind: 'passes', fromLocal: Math.max(day, fresh), untilLocal: end, offsetMs: after },
    ];
    return pieces.filter(({ fromLocal, untilLocal }) => fromLocal < untilLocal);
  }

  /** The first millisecond at which the offset is no longer `before`. */
  #changeBetween(earlyMs: number, lateMs: number, before: number): number {
    let early = earlyMs;
    let late = lateMs;
    while (late - early > 1) {
      const middle = Math.floor((early + late) / 2);
      if (this.#offsetAt(middle) === before) early = middle;
      else late = middle;
    }
    return late;
  }

  #offsetAt(atMs: number): number {
    const read: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of this.#format.formatToParts(atMs)) read[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = read;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(atMs / 1000) * 1000;
  }
}
