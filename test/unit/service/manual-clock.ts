import type { Clock } from '../../../src/clock.ts';

/** Time that moves only when a test turns it. */
export interface ManualClock extends Clock {
  advance(byMs: number): void;
  /** Somebody sets the clock on the wall; what is measured goes on as it was. */
  setBy(byMs: number): void;
}

export function manualClock(startMs = 0): ManualClock {
  let nowMs = startMs;
  let setMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();
  return {
    now: () => nowMs + setMs,
    monotonic: () => nowMs,
    setTimer: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    setBy: (byMs) => {
      setMs += byMs;
    },
    advance: (byMs) => {
      nowMs += byMs;
      for (const timer of [...timers].sort((a, b) => a.atMs - b.atMs)) {
        if (timer.atMs <= nowMs && timers.delete(timer)) timer.callback();
      }
    },
  };
}
