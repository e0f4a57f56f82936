import type { Clock, Timer } from '../clock.ts';

/**
 * A wire with a delay: what goes in comes out `delayMs` later, in order. Without a delay it comes out at once.
 * One timer at a time, however much is under way.
 */
export class DelayLine<T> {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #deliver: (item: T) => void;
  readonly #underWay: { readonly item: T; readonly dueMs: number }[] = [];
  #timer: Timer | null = null;
  #isCut = false;

  constructor(clock: Clock, delayMs: number, deliver: (item: T) => void) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#deliver = deliver;
  }

  push(item: T): void {
    if (this.#isCut) return;
    if (this.#delayMs === 0) {
      this.#deliver(item);
      return;
    }
    this.#underWay.push({ item, dueMs: this.#clock.monotonic() + this.#delayMs });
    this.#arm();
  }

  /** Loses everything that is under way, and all that follows. */
  cut(): void {
    this.#isCut = true;
    this.#timer?.cancel();
    this.#underWay.length = 0;
  }

  #arm(): void {
    const next = this.#underWay[0];
    if (this.#timer !== null || next === undefined) return;
    this.#timer = this.#clock.setTimer(next.dueMs - this.#clock.monotonic(), () => {
      this.#timer = null;
      this.#releaseDue();
      this.#arm();
    });
  }

  #releaseDue(): void {
    // Timers may fire a fraction of a millisecond early.
    const nowMs = this.#clock.monotonic() + 0.5;
    for (let next = this.#underWay[0]; next !== undefined && next.dueMs <= nowMs; next = this.#underWay[0]) {
      this.#underWay.shift();
      this.#deliver(next.item);
    }
  }
}
