/** A pending callback of a {@link Clock}; cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** The only source of time for parts that wait or decide by time, so that a test can turn it by hand. */
export interface Clock {
  /** Wall time, milliseconds since the Unix epoch. May jump. */
  now(): number;
  /** Milliseconds since an arbitrary start. Never jumps; for measuring and for deadlines within one process. */
  monotonic(): number;
  /** Calls `callback` once, after `delayMs`. A pending timer keeps the process alive. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

/** Node cannot wait longer in one go than a signed 32-bit count of milliseconds; longer delays are cut into turns. */
const LONGEST_TURN_MS = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    let remainingMs = Math.max(0, delayMs);
    let handle: NodeJS.Timeout;
    const turn = () => {
      const turnMs = Math.min(remainingMs, LONGEST_TURN_MS);
      remainingMs -= turnMs;
      handle = setTimeout(() => (remainingMs > 0 ? turn() : callback()), turnMs);
    };
    turn();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as `signal` is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    function onAbort(): void {
      timer.cancel();
      reject(signal?.reason);
    }
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
