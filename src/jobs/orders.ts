import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { ReleaseRecord } from './journal/releases.ts';
import type { RolloutRecord } from './journal/rollouts.ts';
import { jobsOfRollout } from './members.ts';
import { noSuch } from './no-such.ts';
import type { Deliveries } from './pull/deliveries.ts';
import type { Publisher } from './pull/publisher.ts';
import { type RenewalParts, type RenewalReport, renew, renewFailed, tellRenewed } from './renewal.ts';
import type { RolloutBook } from './rollout-book.ts';
import { deviceName } from './rule-book.ts';
import type { Undo, UndoReport } from './undo.ts';

/** What the orders of people work on. */
export interface OrderParts extends RenewalParts {
  readonly rollouts: RolloutBook;
  readonly undo: Undo;
  readonly publisher: Publisher;
  readonly deliveries: Deliveries;
  readonly log: Logger;
  /** Something has changed that may let a job start. */
  readonly wake: () => void;
  /** A job is at its end, and what hangs on it has to be looked at. */
  readonly ended: (job: JobRecord) => void;
}

const FETCHES_BY_ITSELF =
  'it fetches by itself; drop the older image again for it, or withdraw what is offered to it with "dropflash undo RELEASE"';

/** What people order of the {@link JobEngine}: each is carried out at once, and durable when it returns. */
export class Orders {
  readonly #parts: OrderParts;

  constructor(parts: OrderParts) {
    this.#parts = parts;
  }

  /** Takes a job out that has not started. Returns false where it is too late. */
  cancel(jobId: string): boolean {
    const { book, devices, journal, log } = this.#parts;
    const job = book.get(jobId);
    if (job?.state !== 'queued' || journal.publications.get(job.release) !== null) return false;
    this.#parts.ended(book.transition(jobId, 'cancel', {}, undefined, 'cancelled by a person'));
    const device = deviceName(devices, job.device);
    log.info('job.skipped', { job: jobId, device, rule: job.rule, reason: 'cancelled by a person' });
    return true;
  }

  /** Starts nothing more of this rollout. Throws as {@link RolloutBook.pause} does; so do the next three. */
  pauseRollout(release: string, by: string): RolloutRecord {
    return this.#parts.rollouts.pause(release, by);
  }

  resumeRollout(release: string, by: string): RolloutRecord {
    this.#parts.wake();
    return this.#parts.rollouts.resume(release, by);
  }

  approveRollout(release: string, by: string): RolloutRecord {
    this.#parts.wake();
    return this.#parts.rollouts.approve(release, by);
  }

  abortRollout(release: string, by: string): RolloutRecord {
    return this.#abort(release, by).rollout;
  }

  #abort(release: string, by: string): ReturnType<RolloutBook['abort']> {
    const aborted = this.#parts.rollouts.abort(release, by);
    for (const job of aborted.cancelled) this.#parts.ended(job);
    return aborted;
  }

  /**
   * Starts a job again that failed or was cancelled. `force`: also where the device may have taken the image.
   * Throws JOB_NOT_FOUND, JOB_NOT_RETRYABLE, JOB_NEEDS_FORCE.
   */
  retry(jobId: string, force: boolean): JobRecord {
    const job = renew(jobId, force, this.#parts);
    this.#renewed(job, force ? 'asked for by a person, with force' : 'asked for by a person');
    return job;
  }

  /** The same for every failed job of a release, never with force. Throws RELEASE_NOT_FOUND. */
  retryRelease(releaseId: string): RenewalReport {
    const report = renewFailed(releaseId, this.#parts);
    for (const job of report.planned) this.#renewed(job, 'asked for by a person, with its rollout');
    return report;
  }

  #renewed(job: JobRecord, reason: string): void {
    tellRenewed(job, reason, this.#parts);
    this.#parts.wake();
  }

  /**
   * Takes a release back: it is withdrawn, with its rollout if it has one, and every device that is known to have it gets the image it was
   * proven to run before. Devices whose outcome is not known are left alone. Throws RELEASE_NOT_FOUND.
   */
  undoRelease(releaseId: string, by: string): UndoReport {
    const { book, journal, undo } = this.#parts;
    const release = journal.releases.get(releaseId);
    if (release === null) throw noSuch('release', releaseId, journal);
    const publication = journal.publications.get(releaseId);
    if (publication !== null) {
      if (release.state === 'current') this.#withdrawPublication(releaseId, by);
      return { planned: [], refused: [], withdrawnFrom: publication.place };
    }
    const takenOut = release.state === 'current' ? this.#withdraw(release, by) : null;
    const jobs = jobsOfRollout(journal, releaseId).map((job) => book.get(job.id) ?? job);
    const report = undo.plan(
      jobs.filter(({ state }) => state !== 'cancelled' && state !== 'superseded'),
      by,
    );
    return this.#undone(takenOut === null ? report : { ...report, takenOut });
  }

  /** The same for the last image that one device took; its release goes on for others. */
  undoDevice(device: Device, by: string): UndoReport {
    const { undo } = this.#parts;
    const refusing = (reason: string) => ({ planned: [], refused: [{ device: device.name, reason }] });
    if (device.visits !== undefined) return refusing(FETCHES_BY_ITSELF);
    const job = undo.lastJobOf(device);
    return job === null ? refusing('no job has brought it anything') : this.#undone(undo.plan([job], by));
  }

  #undone(report: UndoReport): UndoReport {
    this.#parts.wake();
    return report;
  }

  /** Its place shows nothing any more. Devices that have it keep it. */
  #withdrawPublication(releaseId: string, by: string): void {
    const { deliveries, journal, publisher } = this.#parts;
    journal.transaction(() => {
      journal.releases.end(releaseId, 'withdrawn');
      deliveries.release(releaseId, `it was withdrawn by ${by}`);
    });
    publisher.wake();
  }

  /** Returns how many jobs that waited for their turn it has taken out. */
  #withdraw({ id }: ReleaseRecord, by: string): number {
    const { book, journal } = this.#parts;
    if (journal.rollouts.get(id) !== null) return this.#abort(id, by).cancelled.length;
    const queued = book.in('queued').filter(({ release }) => release === id);
    journal.releases.end(id, 'withdrawn');
    for (const job of queued) {
      this.#parts.ended(book.transition(job.id, 'cancel', {}, undefined, `its release was taken back by ${by}`));
    }
    return queued.length;
  }
}
