import type { Clock } from '../../clock.ts';
import { FlashError } from '../../errors.ts';

/** A step under way: told to stop by `signal`; `alive` says that it is getting on. */
export type StepWork<T> = (step: { readonly signal: AbortSignal; readonly alive: () => void }) => Promise<T>;

/**
 * Does one step of a run and gives it up when nothing of it was heard for `stallMs`, whether or not the work obeys: one port whose driver
 * never answers must not hold its slot for ever. Throws LINE_STALLED, what `work` throws, or the signal's reason.
 */
export async function withinStall<T>(
  { clock, step, stallMs, signal }: { clock: Clock; step: string; stallMs: number; signal: AbortSignal },
  work: StepWork<T>,
): Promise<T> {
  signal.throwIfAborted();
  const stalled = new AbortController();
  const giveUp = Promise.withResolvers<never>();
  const arm = () =>
    clock.setTimer(stallMs, () => {
      const error = new FlashError('LINE_STALLED', `nothing was heard from the port for ${stallMs / 1000} s`, { step });
      stalled.abort(error);
      giveUp.reject(error);
    });
  let timer = arm();
  const alive = () => {
    timer.cancel();
    if (!stalled.signal.aborted) timer = arm();
  };
  const onAbort = () => giveUp.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  giveUp.promise.catch(() => undefined);
  try {
    return await Promise.race([work({ signal: AbortSignal.any([signal, stalled.signal]), alive }), giveUp.promise]);
  } finally {
    stalled.signal.aborted || stalled.abort(new FlashError('LINE_STALLED', 'the step is over', { step }));
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
  }
}
