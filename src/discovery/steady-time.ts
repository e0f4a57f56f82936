import type { Clock } from '../clock.ts';

/** Two readings of two clocks are never of quite the same moment, and a step of a tick is none. */
const LEAST_STEP_MS = 1_000;

/**
 * Wall times on an axis of their own, so that what was before stays before: on it a clock that somebody sets back goes on as if nobody had.
 * One that is set forward, as after a machine slept, has moved on; more time between two words of a device never proves too much.
 */
export class SteadyTime {
  readonly #clock: Clock;
  /** The most that the wall was ever ahead of what is measured. */
  #mostAheadMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.of(0);
  }

  /** Of a wall time (epoch ms) that was read since the clock was last set, or is still to come. */
  of(wallMs: number): number {
    const aheadMs = this.#clock.now() - this.#clock.monotonic();
    this.#mostAheadMs = Math.max(this.#mostAheadMs, aheadMs);
    const setBackMs = this.#mostAheadMs - aheadMs;
    return setBackMs < LEAST_STEP_MS ? wallMs : wallMs + setBackMs;
  }
}
