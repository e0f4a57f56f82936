import type { Clock } from '../../clock.ts';
import { FlashError } from '../../errors.ts';

/** How long a step may stand still: `stallMs` counts anew with each sign of progress. */
export interface StepLimit {
  readonly clock: Clock;
  readonly step: string;
  readonly stallMs: number;
  readonly signal: AbortSignal;
}

/**
 * Does one step of a run and gives it up when nothing of it was heard for `stallMs`, whether or not the work obeys: one port whose driver
 * never answers must not hold its slot for ever. `alive` says that the work is getting on. Throws LINE_STALLED, what `work` throws, or the
 * signal's reason.
 */
export async function withinStall<T>(limit: StepLimit, work: (alive: () => void) => Promise<T>): Promise<T> {
  const { clock, step, stallMs, signal } = limit;
  signal.throwIfAborted();
  const giveUp = Promise.withResolvers<never>();
  const stall = () =>
    giveUp.reject(new FlashError('LINE_STALLED', `nothing was heard from the port for ${stallMs / 1000} s`, { step }));
  let timer = clock.setTimer(stallMs, stall);
  const onAbort = () => giveUp.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const alive = () => {
    timer.cancel();
    timer = clock.setTimer(stallMs, stall);
  };
  let isOver = false;
  try {
    return await Promise.race([work(() => isOver || alive()), giveUp.promise]);
  } finally {
    isOver = true;
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
  }
}
