import { heldBy } from '../jobs/held-image.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import { idsOf } from '../jobs/rule-book.ts';
import type { Device } from '../model/device.ts';
import type { HistoryDocument } from './documents.ts';

/** More than anyone looks back; `dropflash job ID` has each of them in full. */
const MOST_JOBS = 100;

/** What was done to a device, under any of its ids. */
export function historyOf(device: Device, journal: Journal): HistoryDocument {
  const jobs = journal.jobs.list({ devices: idsOf(device), limit: MOST_JOBS }).map((job) => ({
    ...job,
    imageName: journal.releases.get(job.release)?.imageName ?? null,
    attemptRecords: journal.attempts.ofJob(job.id),
    transitions: journal.jobs.transitionsOf(job.id),
  }));
  return { device, holds: heldBy(device, journal), jobs };
}
