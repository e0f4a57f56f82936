import { FlashError } from '../errors.ts';
import type { Proof } from '../model/proof.ts';
import type { Verify } from '../model/rule.ts';
import type { FlashReport } from '../protocols/protocol.ts';
import type { JobChange } from './journal/jobs.ts';
import { isAbsence, jittered, retryPauseMs } from './retry.ts';
import type { JobEvent } from './state.ts';

/** What follows from the end of an attempt: an event of the job's table and what changes with it. */
export interface Outcome {
  readonly event: Extract<JobEvent, 'accept' | 'doubt' | 'succeed' | 'retry' | 'interrupt' | 'fail'>;
  readonly change: JobChange;
  readonly error: FlashError | null;
}

/** What the end of an attempt is judged by. */
export interface AttemptContext {
  readonly verify: Verify;
  /** Attempts made, this one included. */
  readonly attempts: number;
  /** Retries after the first attempt. */
  readonly retries: number;
  /** The protocol's `minimumPauseMs`. */
  readonly leastPauseMs: number;
  readonly sizeBytes: number;
  readonly nowMs: number;
  /** When the protocol was about to let the last byte go, epoch ms; null: it never was. */
  readonly committedMs: number | null;
  /** From 0 to 1. */
  readonly random: number;
  /** Of the device: it is tried at this distance for as long as it does not answer; null: no oftener than others. */
  readonly tryEveryMs: number | null;
}

/** The protocol came to its end without an error. */
export function afterReport(report: FlashReport, { verify, nowMs }: AttemptContext): Outcome {
  const change: JobChange = { proof: report.proof, confirmFromMs: nowMs, error: null };
  const suffices = verify.proof === 'sent' || (verify.proof === 'accepted' && report.proof === 'accepted');
  if (suffices) return { event: 'succeed', change: { ...change, step: null }, error: null };
  // A protocol that saw less than the rule asks for: the return has to make up for it, as after a lost answer.
  return {
    event: report.proof === 'accepted' ? 'accept' : 'doubt',
    change: { ...change, step: 'confirm' },
    error: null,
  };
}

/** The attempt failed. What follows is decided by the error's disposition, and by nothing else. */
export function afterError(thrown: unknown, context: AttemptContext): Outcome {
  const error = asFlashError(thrown);
  const report = error.toJSON();
  if (error.code === 'JOB_INTERRUPTED') {
    return { event: 'interrupt', change: { attempts: context.attempts - 1, step: null, notBeforeMs: 0 }, error };
  }
  // Nothing was sent to a device that sleeps: such an attempt counts for nothing, and only the end of the release ends them.
  if (context.tryEveryMs !== null && isAbsence(error.code)) {
    const notBeforeMs = context.nowMs + jittered(context.tryEveryMs, context.random);
    return {
      event: 'retry',
      change: { attempts: context.attempts - 1, error: report, step: null, notBeforeMs },
      error,
    };
  }
  switch (error.disposition) {
    case 'uncertain':
      return inDoubt(error, context);
    case 'retry': {
      if (context.attempts > context.retries) return { event: 'fail', change: { error: report }, error };
      const notBeforeMs = context.nowMs + retryPauseMs(context.attempts, context.leastPauseMs, context.random);
      return { event: 'retry', change: { error: report, step: null, notBeforeMs }, error };
    }
    case 'permanent':
    case 'fatal':
      return { event: 'fail', change: { error: report }, error };
  }
}

/** A restart while the answer was still waited for counts: it is looked for from the last byte on. */
function inDoubt(error: FlashError, { verify, sizeBytes, nowMs, committedMs }: AttemptContext): Outcome {
  const proof: Proof | null = error.details?.['sentBytes'] === sizeBytes ? 'sent' : null;
  const change: JobChange = { proof, error: error.toJSON(), confirmFromMs: committedMs ?? nowMs };
  if (proof === 'sent' && verify.proof === 'sent')
    return { event: 'succeed', change: { ...change, step: null }, error };
  return { event: 'doubt', change: { ...change, step: 'confirm' }, error };
}

/** Anything that is not one of ours is a mistake of the program: the job fails, the daemon goes on, the log has the stack. */
export function asFlashError(thrown: unknown): FlashError {
  if (thrown instanceof FlashError) return thrown;
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new FlashError('JOB_PROGRAM_ERROR', `the attempt stopped with an unexpected error: ${why}`, { cause: thrown });
}

/** The last word on a job whose answer was lost, with what was seen since. */
export function unknownOutcome(cause: string, seen: string | null): FlashError {
  const since = seen ?? 'it was not seen to restart';
  return new FlashError('JOB_OUTCOME_UNKNOWN', `${cause}; ${since}`, { step: 'confirm' });
}
