import { validateDetailed } from 'node-cron';
import { DAY_MS, type Piece, type Zone } from './zone.ts';

/** What a cron expression asks for, field by field. A date counts when day, month and weekday are all among those asked for. */
export interface CronTimes {
  /** In ascending order, like the next two. */
  readonly hours: readonly number[];
  readonly minutes: readonly number[];
  readonly seconds: readonly number[];
  readonly days: ReadonlySet<number>;
  /** From 1. */
  readonly months: ReadonlySet<number>;
  /** From 0, Sunday. */
  readonly weekdays: ReadonlySet<number>;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** The longest that a date can be away: a 29 February on a given weekday, over a century without a leap day. */
const FARTHEST_DAYS = 41 * 366;

/** What the expression asks for, or in a few words what is wrong with it. */
export function parseCron(expression: string): CronTimes | string {
  const { fields, errors } = validateDetailed(expression);
  if (fields === undefined) return errors.map(({ message }) => message).join('; ');
  const { second, minute, hour, dayOfMonth, month, dayOfWeek } = fields;
  const days = numbersOf(dayOfMonth);
  const weekdays = numbersOf(dayOfWeek);
  if (days === null || weekdays === null) return 'L, W and # are not for maintenance windows';
  return {
    hours: hour.toSorted(ascending),
    minutes: minute.toSorted(ascending),
    seconds: second.toSorted(ascending),
    days: new Set(days),
    months: new Set(month),
    weekdays: new Set(weekdays),
  };
}

/** The first occurrence after `afterMs`, epoch ms; null: there is none. */
export function nextOccurrence(times: CronTimes, zone: Zone, afterMs: number): number | null {
  const today = zone.dayOf(afterMs);
  for (let day = today; day < today + FARTHEST_DAYS * DAY_MS; day += DAY_MS) {
    if (!isDate(times, day)) continue;
    for (const piece of zone.pieces(day)) {
      const found = firstIn(times, piece, day, afterMs);
      if (found !== null) return found;
    }
  }
  return null;
}

/** The last occurrence at or before `untilMs` and after `afterMs`, epoch ms; null: there is none. */
export function lastOccurrence(times: CronTimes, zone: Zone, afterMs: number, untilMs: number): number | null {
  for (let day = zone.dayOf(untilMs); day >= zone.dayOf(afterMs); day -= DAY_MS) {
    if (!isDate(times, day)) continue;
    for (const piece of zone.pieces(day).toReversed()) {
      const found = lastIn(times, piece, day, untilMs);
      if (found !== null) return found > afterMs ? found : null;
    }
  }
  return null;
}

function isDate({ days, months, weekdays }: CronTimes, day: number): boolean {
  const date = new Date(day);
  return months.has(date.getUTCMonth() + 1) && days.has(date.getUTCDate()) && weekdays.has(date.getUTCDay());
}

function firstIn(times: CronTimes, piece: Piece, day: number, afterMs: number): number | null {
  const passes = piece.kind === 'passes';
  if (!passes && piece.atMs <= afterMs) return null;
  const from = passes ? Math.max(piece.fromLocal, afterMs + 1 + piece.offsetMs) : piece.fromLocal;
  const found = firstTime(times, from - day);
  if (found === null || day + found >= piece.untilLocal) return null;
  return passes ? day + found - piece.offsetMs : piece.atMs;
}

function lastIn(times: CronTimes, piece: Piece, day: number, untilMs: number): number | null {
  const passes = piece.kind === 'passes';
  if (!passes && piece.atMs > untilMs) return null;
  const until = passes ? Math.min(piece.untilLocal - 1, untilMs + piece.offsetMs) : piece.untilLocal - 1;
  const found = lastTime(times, until - day);
  if (found === null || day + found < piece.fromLocal) return null;
  return passes ? day + found - piece.offsetMs : piece.atMs;
}

/** The first time of day at or after `fromMs` since midnight, in the same count. */
function firstTime({ hours, minutes, seconds }: CronTimes, fromMs: number): number | null {
  for (const hour of hours) {
    const hourMs = hour * HOUR_MS;
    if (hourMs + HOUR_MS <= fromMs) continue;
    for (const minute of minutes) {
      const minuteMs = hourMs + minute * MINUTE_MS;
      if (minuteMs + MINUTE_MS <= fromMs) continue;
      for (const second of seconds) if (minuteMs + second * SECOND_MS >= fromMs) return minuteMs + second * SECOND_MS;
    }
  }
  return null;
}

/** The last time of day at or before `untilMs` since midnight, in the same count. */
function lastTime({ hours, minutes, seconds }: CronTimes, untilMs: number): number | null {
  for (const hour of hours.toReversed()) {
    const hourMs = hour * HOUR_MS;
    if (hourMs > untilMs) continue;
    for (const minute of minutes.toReversed()) {
      const minuteMs = hourMs + minute * MINUTE_MS;
      if (minuteMs > untilMs) continue;
      const second = seconds.findLast((candidate) => minuteMs + candidate * SECOND_MS <= untilMs);
      if (second !== undefined) return minuteMs + second * SECOND_MS;
    }
  }
  return null;
}

function numbersOf(values: readonly (number | string)[]): number[] | null {
  return values.every((value) => typeof value === 'number') ? [...values] : null;
}

function ascending(left: number, right: number): number {
  return left - right;
}
