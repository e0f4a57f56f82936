import type { Clock } from '../clock.ts';

/** Lets one reader sleep until something happened, its time is over or it is told to stop. */
export class Wake {
  readonly #clock: Clock;
  #wakeUp: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something happened: the sleeper, if there is one, looks again. */
  ring(): void {
    this.#wakeUp?.();
  }

  /** True when rung, false after `timeoutMs`; rejects with the signal's reason. */
  sleep(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = this.#clock.setTimer(timeoutMs, () => settle(() => resolve(false)));
      const onAbort = () => settle(() => reject(signal?.reason));
      const settle = (finish: () => void) => {
        timer.cancel();
        signal?.removeEventListener('abort', onAbort);
        this.#wakeUp = null;
        finish();
      };
      this.#wakeUp = () => settle(() => resolve(true));
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}
