import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { JobBook } from './job-book.ts';

/**
 * What the last process left running. Before `commit` the image cannot have been whole on the device: the job starts again. From
 * `commit` on the device may have taken it: its return is awaited, and nothing is sent.
 */
export function recover({ book, clock, log }: { book: JobBook; clock: Clock; log: Logger }): void {
  for (const job of book.in('running')) {
    const fields = { job: job.id, device: job.device, rule: job.rule, step: job.step };
    if (job.step !== 'commit' && job.step !== 'confirm') {
      book.transition(
        job.id,
        'interrupt',
        { attempts: job.attempts - 1, step: null },
        undefined,
        'the daemon had ended',
      );
      log.warn('job.retry', { ...fields, reason: 'the daemon ended before the image was sent whole' });
      continue;
    }
    const error = new FlashError('JOB_OUTCOME_UNKNOWN', 'the daemon ended between the last bytes and the answer', {
      step: 'commit',
    });
    const change = { step: 'confirm', error: error.toJSON(), confirmFromMs: clock.now() } as const;
    book.transition(job.id, 'doubt', change, undefined, error.message);
    log.warn('job.waiting', { ...fields, code: error.code, waitingFor: 'the device to be seen again' });
  }
}
