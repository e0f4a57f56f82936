import type { Rule, When } from '../model/rule.ts';
import { type CronTimes, lastOccurrence, nextOccurrence, parseCron } from './cron-times.ts';
import { Zone } from './zone.ts';

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
  constructor({ cron, forMs, timezone }: WindowWhen) {
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

  #next(nowMs: number): number {
    const nextMs = nextOccurrence(this.#times, this.#zone, nowMs);
    if (nextMs === null) throw new RangeError('a maintenance window that never opens');
    return nextMs;
  }
}

/** The windows of all rules: each is worked out once, and asked for every job of every turn. */
export class WindowCalendar {
  readonly #windows = new WeakMap<WindowWhen, MaintenanceWindow>();

  /** When the rule's window opens next, epoch ms; null: its jobs may start now. */
  opensAt({ when }: Pick<Rule, 'when'>, nowMs: number): number | null {
    if (when.kind !== 'window') return null;
    let window = this.#windows.get(when);
    if (window === undefined) {
      window = new MaintenanceWindow(when);
      this.#windows.set(when, window);
    }
    const state = window.at(nowMs);
    return state.isOpen ? null : state.opensAtMs;
  }
}

function endOf(state: WindowState): number {
  return state.isOpen ? state.closesAtMs : state.opensAtMs;
}
