import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import type { ReturnCheck } from '../model/rule.ts';
import type { JobBook } from './job-book.ts';
import type { JobChange, JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import { unknownOutcome } from './outcome.ts';
import { type DeviceDirectory, deviceName } from './rule-book.ts';
import { targetOf } from './targets.ts';

/** What showed that a device was gone and is there again. */
export interface ReturnEvidence {
  /** `a fresh mDNS announcement`, `silent for 2.1 s, then answered ping`: for people, follows "the device came back: ". */
  readonly how: string;
  readonly atMs: number;
}

export interface ReturnRequest {
  readonly device: Device;
  readonly check: ReturnCheck;
  /** Only what happens after this moment counts, epoch ms. */
  readonly sinceMs: number;
  readonly withinMs: number;
  /**
   * The device answered `OK` and this process was not there all the time since: it may have restarted unseen, and an answer of its own
   * is as much as can still be had.
   */
  readonly missedTheRestart: boolean;
}

/** Waits for a device to come back; null when it did not in time. Rejects only when `signal` is aborted. */
export type AwaitReturn = (request: ReturnRequest, signal: AbortSignal) => Promise<ReturnEvidence | null>;

/** How a job that waited for its device ends. */
export interface Confirmation {
  readonly event: 'succeed' | 'fail';
  readonly change: JobChange;
  readonly error: FlashError | null;
}

/** Judges what was seen. A lost answer never becomes a success, whatever was seen afterwards. Pure. */
export function judgeReturn(job: JobRecord, evidence: ReturnEvidence | null, withinMs: number): Confirmation {
  if (job.proof === 'accepted') {
    if (evidence !== null)
      return { event: 'succeed', change: { proof: 'returned', step: null, error: null }, error: null };
    const error = new FlashError(
      'JOB_NOT_RETURNED',
      `the device accepted the image and was not seen to come back within ${withinMs / 1000} s`,
      { step: 'confirm', details: { withinMs } },
    );
    return { event: 'fail', change: { error: error.toJSON() }, error };
  }
  const cause = job.error?.message ?? 'the image was sent and the answer never came';
  const afterMs = evidence === null ? 0 : evidence.atMs - (job.confirmFromMs ?? evidence.atMs);
  const seen =
    evidence === null
      ? null
      : `the device was seen ${(afterMs / 1000).toFixed(1)} s later (${evidence.how}), so it may well have taken the image`;
  const error = unknownOutcome(cause, seen);
  return { event: 'fail', change: { error: error.toJSON() }, error };
}

export interface ConfirmParts {
  readonly journal: Journal;
  readonly book: JobBook;
  readonly devices: DeviceDirectory;
  readonly awaitReturn: AwaitReturn;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Waits for the device of a job that is `confirming` and ends the job by what was seen. Resolves with the job as it is then; when
 * `signal` is aborted first, with the job unchanged: it goes on waiting when the daemon runs again.
 * @param startedMs when this process began to look, epoch ms: of what happened before, it has seen nothing
 */
export async function confirmReturn(
  job: JobRecord,
  parts: ConfirmParts,
  startedMs: number,
  signal: AbortSignal,
): Promise<JobRecord> {
  const { verify, confirmFromMs: sinceMs } = job;
  if (verify === null || sinceMs === null) throw new Error(`job ${job.id} awaits a return and says not of what`);
  const isOlder = sinceMs < startedMs;
  const device = parts.devices.get(job.device);
  let evidence: ReturnEvidence | null = null;
  if (device !== null) {
    const withinMs = isOlder ? verify.withinMs : Math.max(0, sinceMs + verify.withinMs - parts.clock.now());
    const missedTheRestart = isOlder && job.proof === 'accepted';
    try {
      evidence = await parts.awaitReturn({ device, check: verify.check, sinceMs, withinMs, missedTheRestart }, signal);
    } catch (reason) {
      if (signal.aborted) return job;
      throw reason;
    }
  }
  return conclude(job, judgeReturn(job, evidence, verify.withinMs), evidence, parts);
}

function conclude(
  job: JobRecord,
  { event, change, error }: Confirmation,
  evidence: ReturnEvidence | null,
  { book, clock, devices, journal, log }: ConfirmParts,
): JobRecord {
  const note = (): void => {
    const image = journal.images.get(job.image);
    if (event !== 'succeed' || image === null) return;
    journal.devices.holds(job.device, targetOf(image.dossier.kind), job.image, 'returned', clock.now());
  };
  const after = book.transition(job.id, event, change, note, evidence?.how ?? error?.message ?? null);
  const fields = {
    job: job.id,
    device: deviceName(devices, job.device),
    rule: job.rule,
    attempt: job.attempts,
    step: 'confirm',
    elapsedMs: clock.now() - (job.confirmFromMs ?? job.updatedMs),
    proof: after.proof,
  };
  if (error === null) log.info('job.succeeded', { ...fields, evidence: evidence?.how });
  else log.error('job.failed', { ...fields, ...error.toJSON() });
  return after;
}
