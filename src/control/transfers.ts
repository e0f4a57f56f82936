import type { Clock } from '../clock.ts';

/** How often one transfer is told of, milliseconds: enough for a bar that moves. */
const TELL_EVERY_MS = 250;
/** Longer than any transfer under way is silent: what was noted before is of one that has ended. */
const FORGOTTEN_AFTER_MS = 3_600_000;

/** How far an image is on its way to one device. */
export interface Transfer {
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** How far the transfers under way are; of those that have ended it is known for an hour. */
export class Transfers {
  readonly #clock: Clock;
  readonly #transfers = new Map<string, Transfer & { readonly toldMs: number; readonly notedMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes note; says whether it is time to tell of it. */
  note(job: string, sentBytes: number, totalBytes: number): boolean {
    const nowMs = this.#clock.monotonic();
    if (!this.#transfers.has(job)) this.#forgetOld(nowMs);
    const told = this.#transfers.get(job)?.toldMs ?? Number.NEGATIVE_INFINITY;
    const isDue = nowMs - told >= TELL_EVERY_MS || sentBytes === totalBytes;
    this.#transfers.set(job, { sentBytes, totalBytes, toldMs: isDue ? nowMs : told, notedMs: nowMs });
    return isDue;
  }

  get(job: string): Transfer | null {
    return this.#transfers.get(job) ?? null;
  }

  #forgetOld(nowMs: number): void {
    for (const [job, { notedMs }] of this.#transfers)
      if (nowMs - notedMs > FORGOTTEN_AFTER_MS) this.#transfers.delete(job);
  }
}
