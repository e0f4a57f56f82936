import { type Clock, sleep } from '../clock.ts';
import type { Logger } from '../log.ts';

/**
 * A long-lived part of the daemon. {@link Lifecycle} calls `start` once, and `stop` once when `start` succeeded. A `start` that
 * fails cleans up after itself.
 */
export interface Part {
  readonly name: string;
  /** Resolves when the part is at work. `signal`: give up, the daemon is asked to stop while it starts. */
  start(signal: AbortSignal): Promise<void>;
  /** Takes no new work, finishes or reaches a safe point, lets go of everything. `deadlineMs` is how long it may take. */
  stop(deadlineMs: number): Promise<void>;
}

/** Parts that did not stop as they should: in time, or without an error. Empty: a clean stop. */
export interface StopReport {
  readonly late: readonly string[];
  readonly failed: readonly string[];
}

/** Even when the time is used up, a part gets this long: the journal is closed after a job runner that was late. */
const LAST_CHANCE_MS = 500;

/** Starts parts in order and stops them in reverse. Both may be called twice: the promise in flight is returned. */
export class Lifecycle {
  readonly #parts: readonly Part[];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #started: Part[] = [];
  readonly #stopAsked = new AbortController();
  #starting: Promise<void> | null = null;
  #stopping: Promise<StopReport> | null = null;

  constructor(parts: readonly Part[], around: { readonly clock: Clock; readonly log: Logger }) {
    this.#parts = parts;
    this.#clock = around.clock;
    this.#log = around.log;
  }

  /**
   * Throws what a part's start threw, after the parts that had started were stopped within `undoMs`; throws an AbortError where
   * a stop was asked for meanwhile.
   */
  start(undoMs: number): Promise<void> {
    this.#starting ??= this.#startAll(undoMs);
    return this.#starting;
  }

  /** Never throws. While parts are still starting they are told to give up first. */
  stop(deadlineMs: number): Promise<StopReport> {
    this.#stopping ??= this.#stopAll(deadlineMs);
    return this.#stopping;
  }

  async #startAll(undoMs: number): Promise<void> {
    const { signal } = this.#stopAsked;
    try {
      for (const part of this.#parts) {
        signal.throwIfAborted();
        const beganMs = this.#clock.monotonic();
        await part.start(signal);
        this.#started.push(part);
        this.#log.debug('part.started', { part: part.name, elapsedMs: this.#since(beganMs) });
      }
      signal.throwIfAborted();
    } catch (error) {
      // Whoever asked for the stop undoes the start; a failure undoes itself.
      if (!signal.aborted) await this.#stopStarted(undoMs);
      throw error;
    }
  }

  async #stopAll(deadlineMs: number): Promise<StopReport> {
    const beganMs = this.#clock.monotonic();
    this.#stopAsked.abort();
    const late: string[] = [];
    if (this.#starting !== null && !(await this.#inTime(settled(this.#starting), deadlineMs))) late.push('start');
    const rest = await this.#stopStarted(deadlineMs - this.#since(beganMs));
    return { late: [...late, ...rest.late], failed: rest.failed };
  }

  async #stopStarted(deadlineMs: number): Promise<StopReport> {
    const beganMs = this.#clock.monotonic();
    const late: string[] = [];
    const failed: string[] = [];
    for (let part = this.#started.pop(); part !== undefined; part = this.#started.pop()) {
      const partBeganMs = this.#clock.monotonic();
      const remainingMs = Math.max(LAST_CHANCE_MS, deadlineMs - this.#since(beganMs));
      const { name } = part;
      const stopped = this.#stopPart(part, remainingMs).catch((error: unknown) => {
        failed.push(name);
        this.#log.error('part.stop-failed', { part: name, error });
      });
      if (await this.#inTime(stopped, remainingMs)) {
        this.#log.debug('part.stopped', { part: name, elapsedMs: this.#since(partBeganMs) });
        continue;
      }
      late.push(name);
      this.#log.error('part.stop-late', { part: name, elapsedMs: this.#since(partBeganMs) });
    }
    return { late, failed };
  }

  /** A part that throws before it returns its promise is one that fails. */
  async #stopPart(part: Part, deadlineMs: number): Promise<void> {
    await part.stop(deadlineMs);
  }

  async #inTime(work: Promise<void>, deadlineMs: number): Promise<boolean> {
    const done = new AbortController();
    const inTime = work.then(() => true);
    const tooLate = sleep(this.#clock, deadlineMs, done.signal).then(
      () => false,
      () => true,
    );
    try {
      return await Promise.race([inTime, tooLate]);
    } finally {
      done.abort();
    }
  }

  #since(beganMs: number): number {
    return Math.round(this.#clock.monotonic() - beganMs);
  }
}

function settled(work: Promise<void>): Promise<void> {
  return work.catch(() => undefined);
}
