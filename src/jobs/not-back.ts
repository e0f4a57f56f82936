import type { Limits } from './admission.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import { type DeviceDirectory, idsOf } from './rule-book.ts';

/** A device's latest failed jobs that are looked at. */
const LAST_JOBS = 10;

/**
 * The jobs of devices in exclusive groups that took an image of a release which is current, and have not been seen since they were given up.
 * They hold their group: of two pumps, the one that still runs is left alone.
 */
export function notBack(
  { exclusive }: Limits,
  { devices, journal }: { readonly devices: DeviceDirectory; readonly journal: Journal },
): readonly JobRecord[] {
  const names = new Set(exclusive.flat().map((name) => name.toLowerCase()));
  if (names.size === 0) return [];
  return devices
    .list()
    .filter(({ name }) => names.has(name.toLowerCase()))
    .flatMap((device) => {
      const failed = journal.jobs.list({ devices: idsOf(device), states: ['failed'], limit: LAST_JOBS });
      const isBack = (job: JobRecord) => device.presence === 'present' && (device.lastSeenMs ?? 0) > job.updatedMs;
      const isCurrent = (job: JobRecord) => journal.releases.get(job.release)?.state === 'current';
      return failed.filter((job) => job.confirmFromMs !== null && !isBack(job) && isCurrent(job));
    });
}
