import type { Clock } from '../clock.ts';

/**
 * `work`, or the error of `late` when it takes longer than `limitMs`. What comes of it afterwards is ignored: some drivers never answer,
 * and a promise that is never settled must not hold up a session.
 */
export function within<T>(clock: Clock, limitMs: number, work: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(limitMs, () => reject(late()));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
