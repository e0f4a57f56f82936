import type { Clock } from '../clock.ts';
import { formatDuration } from '../config/units.ts';
import { type ErrorCode, FlashError } from '../errors.ts';
import type { RefusalCode } from '../model/plan.ts';
import type { JobRecord } from './journal/jobs.ts';

/** Refusals that a further drop or a word of the device can lift. */
export type RefusalForNow = Extract<RefusalCode, 'RULE_RUNG_MISSING' | 'RULE_VERSION_UNKNOWN'>;

/** Whether it is a refusal that time, or a drop, may lift: such a job is waited for. */
export function isForNow(code: RefusalCode): code is RefusalForNow {
  return code === 'RULE_RUNG_MISSING' || code === 'RULE_VERSION_UNKNOWN';
}

/** How often a job that cannot climb is looked at again, and its device asked: it may say by now what it runs. Oftener where it has little time. */
const LOOK_AGAIN_MS = 60_000;
const MOST_LOOKS = 4;

/** Why the ladder of its rule does not let a job begin. */
export interface LadderObstacle {
  readonly code: Extract<ErrorCode, 'JOB_VERSION_UNTOLD' | 'JOB_RUNG_MISSING'>;
  /** For people. */
  readonly reason: string;
  /** How long the rule waits for it to go away, milliseconds. */
  readonly withinMs: number;
}

interface Wait {
  readonly obstacle: LadderObstacle;
  readonly text: string;
  /** Of the monotonic clock. */
  readonly endsAt: number;
  /** -∞: at once, and before it may end. */
  againAt: number;
}

/**
 * The queued jobs that cannot climb their ladder for now. Each is looked at again every minute, and ends when the time of
 * its rule is over: a device that never says what it runs must not hold up its wave for ever. The journal has when the time of each began,
 * so that it runs on while the daemon does not.
 */
export class LadderWaits {
  readonly #waits = new Map<string, Wait>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `stuckFromMs` of a job that an earlier process knew may be long ago: it ends with the next turn then, having been looked at once more. */
  note({ id, stuckFromMs }: Pick<JobRecord, 'id' | 'stuckFromMs'>, obstacle: LadderObstacle): void {
    const now = this.#clock.monotonic();
    const passedMs = stuckFromMs === null ? 0 : Math.max(0, this.#clock.now() - stuckFromMs);
    const endsAt = this.#waits.get(id)?.endsAt ?? now + Math.max(0, obstacle.withinMs - passedMs);
    const until = new Date(this.#clock.now() + endsAt - now).toISOString().replace(/\.\d+Z$/, 'Z');
    const text = `${obstacle.reason}; it is waited for until ${until}`;
    const againAt = Math.min(endsAt, now + Math.min(LOOK_AGAIN_MS, obstacle.withinMs / MOST_LOOKS));
    this.#waits.set(id, { obstacle, text, endsAt, againAt });
  }

  /** Whether it could not climb when it was looked at last. */
  has(jobId: string): boolean {
    return this.#waits.has(jobId);
  }

  /** Null: nothing speaks against looking at it now. */
  whyNotYet(jobId: string): string | null {
    const wait = this.#waits.get(jobId);
    return wait === undefined || wait.againAt <= this.#clock.monotonic() ? null : wait.text;
  }

  /** Its device has appeared or restarted: it is looked at once more, whether or not its time is over. */
  lookAgain(jobId: string): void {
    const wait = this.#waits.get(jobId);
    if (wait !== undefined) wait.againAt = Number.NEGATIVE_INFINITY;
  }

  forget(jobId: string): void {
    this.#waits.delete(jobId);
  }

  /** Something was dropped: all is open again. */
  forgetAll(): void {
    this.#waits.clear();
  }

  /** The jobs whose time is over, with what to end them with. */
  over(): readonly { readonly jobId: string; readonly error: FlashError }[] {
    const now = this.#clock.monotonic();
    return [...this.#waits]
      .filter(([, { againAt, endsAt }]) => endsAt <= now && againAt !== Number.NEGATIVE_INFINITY)
      .map(([jobId, { obstacle }]) => ({ jobId, error: errorOf(obstacle) }));
  }

  /** When the next of them is to be looked at, epoch ms; null: none waits, or each for something else by now, such as its device. */
  get wakeAtMs(): number | null {
    const now = this.#clock.monotonic();
    let inMs = Number.POSITIVE_INFINITY;
    for (const { againAt, endsAt } of this.#waits.values())
      for (const at of [againAt, endsAt]) if (at > now) inMs = Math.min(inMs, at - now);
    return inMs === Number.POSITIVE_INFINITY ? null : this.#clock.now() + inMs;
  }
}

function errorOf({ code, reason, withinMs }: LadderObstacle): FlashError {
  return new FlashError(code, `${reason}; it was waited for ${formatDuration(withinMs)}`, { step: 'prepare' });
}
