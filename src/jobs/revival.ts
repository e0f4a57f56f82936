import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import type { JobBook } from './job-book.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import { isAbsence, isUnbegun } from './retry.ts';
import { type DeviceDirectory, deviceName, idsOf } from './rule-book.ts';

/** Failed jobs of one device, or of one release, that are looked at; far more than there are. */
const MOST_JOBS = { ofDevice: 100, ofRelease: 100_000 } as const;

/** What taking jobs up again needs of the engine's surroundings. */
export interface RevivalParts {
  readonly journal: Journal;
  readonly book: JobBook;
  readonly devices: DeviceDirectory;
  readonly log: Logger;
}

/** A device that did not answer and is there again: its jobs need not wait, and one that had given up is taken up. */
export function reviveReturned(device: Device, parts: RevivalParts): void {
  const { book, journal } = parts;
  const ids = idsOf(device);
  for (const job of book.in('queued')) {
    if (job.notBeforeMs > 0 && ids.includes(job.device) && isAbsence(job.error?.code)) book.due(job.id);
  }
  for (const job of journal.jobs.list({ devices: ids, states: ['failed'], limit: MOST_JOBS.ofDevice })) {
    if (!isUnbegun(job.error?.code) || journal.releases.get(job.release)?.state !== 'current') continue;
    takeUp(job, 'the device came back', parts);
  }
}

/** A rung may have been dropped for jobs that were given up for want of it. */
export function reviveClimbers(parts: RevivalParts): void {
  const { journal } = parts;
  for (const { id } of journal.releases.current()) {
    for (const job of journal.jobs.list({ release: id, states: ['failed'], limit: MOST_JOBS.ofRelease }))
      if (job.error?.code === 'JOB_RUNG_MISSING') takeUp(job, 'images were dropped', parts);
  }
}

function takeUp(job: JobRecord, reason: string, { book, devices, log }: RevivalParts): void {
  book.transition(job.id, 'revive', { attempts: 0, notBeforeMs: 0, step: null }, undefined, reason);
  log.info('job.planned', { job: job.id, device: deviceName(devices, job.device), rule: job.rule, reason });
}
