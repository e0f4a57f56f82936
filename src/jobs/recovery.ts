import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { JobBook } from './job-book.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import { type DeviceDirectory, deviceName } from './rule-book.ts';

/** What an earlier process may have left things in. */
export interface RecoveryParts {
  readonly journal: Journal;
  readonly book: JobBook;
  readonly devices: DeviceDirectory;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * What the last process left running. Before `commit` the image cannot have been whole on the device: the job starts again. From
 * `commit` on the device may have taken it: its return is awaited, and nothing is sent.
 */
export function recover(parts: RecoveryParts): void {
  for (const job of parts.book.in('running')) {
    if (job.step === 'commit' || job.step === 'confirm') doubt(job, parts);
    else interrupt(job, parts);
  }
}

/** The attempt does not count against the retries: it was not the device that failed. */
function interrupt(job: JobRecord, parts: RecoveryParts): void {
  const error = new FlashError('JOB_INTERRUPTED', 'the daemon ended before the image was sent whole');
  const change = { attempts: job.attempts - 1, step: null };
  parts.book.transition(job.id, 'interrupt', change, () => abandon(job, error, parts), error.message);
  parts.log.warn('job.retry', { ...fieldsOf(job, parts), code: error.code, reason: error.message });
}

function doubt(job: JobRecord, parts: RecoveryParts): void {
  const error = new FlashError('JOB_OUTCOME_UNKNOWN', 'the daemon ended between the last bytes and the answer', {
    step: 'commit',
  });
  const change = { step: 'confirm', error: error.toJSON(), confirmFromMs: parts.clock.now() } as const;
  parts.book.transition(job.id, 'doubt', change, () => abandon(job, error, parts), error.message);
  parts.log.warn('job.waiting', {
    ...fieldsOf(job, parts),
    code: error.code,
    waitingFor: 'the device to be seen again',
  });
}

function abandon({ id, step }: JobRecord, error: FlashError, { journal, clock }: RecoveryParts): void {
  journal.attempts.abandon(id, { step, error: error.toJSON(), endedMs: clock.now() });
}

function fieldsOf({ id, device, rule, step }: JobRecord, { devices }: RecoveryParts): Record<string, unknown> {
  return { job: id, device: deviceName(devices, device), rule, step };
}
