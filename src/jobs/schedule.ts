import type { Rule, When } from '../model/rule.ts';
import { type CronTimes, lastOccurrence, nextOccurrence, parseCron } from './cron-times.ts';
import { DAY_MS, Zone } from './zone.ts';

/** `when:` with a maintenance window. */
export type WindowWhen = Extract<When, { kind: 'window' }>;

/** A maintenance window at some moment. All times in epoch ms. */
export type WindowState =
  /** `closesAtMs` counts from the latest opening; where windows overlap it opens again before. */
  { readonly isOpen: true; readonly closesAtMs: number } | { readonly isOpen: false; readonly opensAtMs: number };

/** What is wrong with a cron expression, in a few words, or null. For the config. */
export function cronProblem(expression: string): string | null {
  const times = parseCron(expression);
  if (typeof times === 'string') return times;
  return nextOccurrence(times, new Zone('UTC'), 0) === null ? 'it never comes' : null;
}

/**
 * A maintenance window: it opens at each match of `cron` in `timezone` and stays open for `forMs`, which is real time also when the
 * clocks change meanwhile. A time that the clocks skip counts as the moment they do; one that they show twice opens it twice.
 */
export class MaintenanceWindow {
  readonly #times: CronTimes;
  readonly #zone: Zone;
  readonly #forMs: number;
  /** The last answer, and from when on it holds. */
  #known: { readonly fromMs: number; readonly state: WindowState } | null = null;

  /** Throws RangeError for an expression that {@link cronProblem} objects to, or an unknown zone; the config has checked before. */
  constructor({ cron, forMs, timezone }: Pick<WindowWhen, 'cron' | 'forMs' | 'timezone'>) {
    const times = parseCron(cron);
    if (typeof times === 'string') throw new RangeError(`${JSON.stringify(cron)}: ${times}`);
    this.#times = times;
    this.#zone = new Zone(timezone);
    this.#forMs = forMs;
  }

  /** By wall time alone, so a clock that jumps, forward or back, gets the answer for the time it then shows. */
  at(nowMs: number): WindowState {
    const known = this.#known;
    if (known !== null && known.fromMs <= nowMs && nowMs < endOf(known.state)) return known.state;
    const openedMs = lastOccurrence(this.#times, this.#zone, nowMs - this.#forMs, nowMs);
    const state: WindowState =
      openedMs === null
        ? { isOpen: false, opensAtMs: this.#next(nowMs) }
        : { isOpen: true, closesAtMs: openedMs + this.#forMs };
    this.#known = { fromMs: openedMs ?? nowMs, state };
    return state;
  }

  /** The times at which it opened after `afterMs` and up to `untilMs`, newest first; of a time that came twice the first. */
  *startsBetween(afterMs: number, untilMs: number): Generator<number> {
    let beforeMs = untilMs;
    for (;;) {
      const startMs = lastOccurrence(this.#times, this.#zone, afterMs, beforeMs);
      if (startMs === null) return;
      if (!this.#zone.isRepeated(startMs)) yield startMs;
      beforeMs = startMs - 1;
    }
  }

  #next(nowMs: number): number {
    const nextMs = nextOccurrence(this.#times, this.#zone, nowMs);
    if (nextMs === null) throw new RangeError('a maintenance window that never opens');
    return nextMs;
  }
}

/** The schedules of all rules: each is worked out once, and asked for every job of every turn. */
export class WindowCalendar {
  readonly #schedules = new WeakMap<Scheduled, Schedule>();

  /**
   * The starts of a window after `afterMs` and up to `untilMs`, newest first, at most `limit` of them. One that falls into blackouts from
   * beginning to end is none.
   */
  starts(when: WindowWhen, afterMs: number, untilMs: number, limit: number): readonly number[] {
    const { window, blackouts } = this.#scheduleOf(when);
    const found: number[] = [];
    for (const startMs of window?.startsBetween(afterMs, untilMs) ?? []) {
      if (firstFree({ openFrom: (atMs) => atMs, blackouts }, startMs) < startMs + when.forMs) found.push(startMs);
      if (found.length === limit) break;
    }
    return found;
  }

  /** The first moment from `atMs` on that is in no blackout. */
  freeFrom(when: Scheduled, atMs: number): number {
    const { blackouts } = this.#scheduleOf(when);
    return firstFree({ openFrom: (fromMs) => fromMs, blackouts }, atMs);
  }

  /** When the rule's jobs may start next, epoch ms; null: now. */
  opensAt({ when }: Pick<Rule, 'when'>, nowMs: number): number | null {
    if (when.kind === 'now' || when.kind === 'attach' || when.kind === 'visit') return null;
    const opensAtMs = firstFree(this.#scheduleOf(when), nowMs);
    return opensAtMs === nowMs ? null : opensAtMs;
  }

  #scheduleOf(when: Scheduled): Schedule {
    const known = this.#schedules.get(when);
    if (known !== undefined) return known;
    const schedule = scheduleOf(when);
    this.#schedules.set(when, schedule);
    return schedule;
  }
}

type Scheduled = Exclude<When, { kind: 'now' | 'attach' | 'visit' }>;

interface Schedule {
  /** Null: a date. */
  readonly window: MaintenanceWindow | null;
  /** The first moment at or after this one that the blackouts are not asked about, epoch ms. */
  readonly openFrom: (atMs: number) => number;
  /** In the order of their beginning; the end is no longer part of it. */
  readonly blackouts: readonly { readonly fromMs: number; readonly untilMs: number }[];
}

function scheduleOf(when: Scheduled): Schedule {
  const zone = new Zone(when.timezone);
  const blackouts = when.blackouts
    .map(({ from, until }) => ({ fromMs: zone.at(localTime(from)), untilMs: zone.at(localEnd(until)) }))
    .toSorted((left, right) => left.fromMs - right.fromMs);
  if (when.kind === 'date') {
    const fromMs = zone.at(localTime(when.at));
    return { window: null, openFrom: (atMs) => Math.max(atMs, fromMs), blackouts };
  }
  const window = new MaintenanceWindow(when);
  const openFrom = (atMs: number): number => {
    const state = window.at(atMs);
    return state.isOpen ? atMs : state.opensAtMs;
  };
  return { window, openFrom, blackouts };
}

/** Each blackout is left once, and time only goes on: so this ends. */
function firstFree({ openFrom, blackouts }: Pick<Schedule, 'openFrom' | 'blackouts'>, nowMs: number): number {
  let atMs = openFrom(nowMs);
  for (const { fromMs, untilMs } of blackouts) {
    if (fromMs <= atMs && atMs < untilMs) atMs = openFrom(untilMs);
  }
  return atMs;
}

/** `2026-12-24` or `2026-12-24T18:00` as a local time (zone.ts). */
function localTime(text: string): number {
  return Date.parse(text.includes('T') ? `${text}:00Z` : `${text}T00:00:00Z`);
}

/** A last day is part of what it ends. */
function localEnd(text: string): number {
  return text.includes('T') ? localTime(text) : localTime(text) + DAY_MS;
}

function endOf(state: WindowState): number {
  return state.isOpen ? state.closesAtMs : state.opensAtMs;
}
