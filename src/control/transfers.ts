import type { Clock } from '../clock.ts';

/** How often one transfer is told of, milliseconds: enough for a bar that moves. */
const TELL_EVERY_MS = 250;

/** How far an image is on its way to one device. */
export interface Transfer {
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** How far the transfers under way are. */
export class Transfers {
  readonly #clock: Clock;
  readonly #transfers = new Map<string, Transfer & { toldMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes note; says whether it is time to tell of it. */
  note(job: string, sentBytes: number, totalBytes: number): boolean {
    const nowMs = this.#clock.monotonic();
    const told = this.#transfers.get(job)?.toldMs ?? Number.NEGATIVE_INFINITY;
    const isDue = nowMs - told >= TELL_EVERY_MS || sentBytes === totalBytes;
    this.#transfers.set(job, { sentBytes, totalBytes, toldMs: isDue ? nowMs : told });
    return isDue;
  }

  get(job: string): Transfer | null {
    return this.#transfers.get(job) ?? null;
  }

  /** Forgets all but these. */
  retain(jobs: ReadonlySet<string>): void {
    for (const job of this.#transfers.keys()) if (!jobs.has(job)) this.#transfers.delete(job);
  }
}
