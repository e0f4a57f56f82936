import { type Clock, sleep } from '../clock.ts';
import { type ErrorCode, FlashError } from '../errors.ts';
import { asFlashError } from '../jobs/outcome.ts';
import { retryPauseMs } from '../jobs/retry.ts';
import type { Step } from '../model/job.ts';
import type { FlashReport, FlashRequest, Protocol } from '../protocols/protocol.ts';
import type { StopSignals } from '../service/signals.ts';
import { humanDuration } from './output.ts';
import type { Progress } from './progress.ts';

/** One image for one device, tried until it is done or not worth another try. */
export interface AttemptsRequest {
  readonly protocol: Protocol;
  readonly flash: Omit<FlashRequest, 'attempt' | 'observer'>;
  /** After the first attempt, for errors of disposition `retry`. Absent: as many as the error is worth. */
  readonly retries?: number;
  readonly signals: Pick<StopSignals, 'stop' | 'insist'>;
  readonly progress: Progress;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** How the last attempt ended; exactly one of `report` and `error` is there. */
export interface AttemptsResult {
  readonly attempts: number;
  readonly report: FlashReport | null;
  /** Null exactly when there is a report. */
  readonly error: FlashError | null;
}

const USUAL_RETRIES = 3;
/** What was looked for at every rate and in two rounds is not missed three times more. */
const RETRIES_OF: Partial<Record<ErrorCode, number>> = { ESPAT_NO_ANSWER: 1 };

/**
 * Tries until it succeeds, the error is not one to retry, or the retries are used up. A stop is obeyed at the next safe point; insisting
 * does not wait for one. Throws nothing.
 */
export async function flashWithRetries(request: AttemptsRequest): Promise<AttemptsResult> {
  for (let attempt = 1; ; attempt += 1) {
    const end = await flashOnce(request, attempt);
    if (!(end instanceof FlashError)) return { attempts: attempt, report: end, error: null };
    const left = (request.retries ?? RETRIES_OF[end.code] ?? USUAL_RETRIES) + 1 - attempt;
    if (end.disposition !== 'retry' || left <= 0) return { attempts: attempt, report: null, error: end };
    const interrupted = await pause(request, { attempt, left, error: end });
    if (interrupted !== null) return { attempts: attempt, report: null, error: interrupted };
  }
}

async function flashOnce(request: AttemptsRequest, attempt: number): Promise<FlashReport | FlashError> {
  const { protocol, signals, progress } = request;
  let step: Step = 'prepare';
  const observer = {
    onStep: (entered: Step) => {
      step = entered;
      progress.step(attempt === 1 ? entered : `${entered}, attempt ${attempt}`);
    },
    onProgress: (sentBytes: number, totalBytes: number) => progress.update(sentBytes, totalBytes),
  };
  const insisted = new Promise<FlashError>((resolve) => {
    signals.insist.addEventListener('abort', () => resolve(interruption(step)), { once: true });
  });
  const flashed = protocol
    .flash({ ...request.flash, attempt, observer }, signals.stop)
    .catch((error: unknown) => (error === signals.stop.reason ? interruption('prepare') : asFlashError(error)));
  return Promise.race([flashed, insisted]);
}

/** Null when the pause is over; an error when the person does not want to wait. */
async function pause(
  request: AttemptsRequest,
  { attempt, left, error }: { attempt: number; left: number; error: FlashError },
): Promise<FlashError | null> {
  const { clock, progress, protocol, random, signals } = request;
  const pauseMs = retryPauseMs(attempt, protocol.minimumPauseMs, random());
  progress.step(`${error.code}: ${error.message}; next attempt in ${humanDuration(pauseMs)}, ${left} left`);
  try {
    await sleep(clock, pauseMs, signals.stop);
    return null;
  } catch {
    return interruption('prepare');
  }
}

/** From `commit` on the device may have taken the image, whatever the person wants. */
function interruption(step: Step): FlashError {
  if (step === 'commit' || step === 'confirm') {
    return new FlashError('JOB_OUTCOME_UNKNOWN', 'interrupted after the whole image was sent', { step });
  }
  return new FlashError('USAGE_INTERRUPTED', 'interrupted before the device had the whole image', { step });
}
