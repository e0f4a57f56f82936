import type { Device } from '../model/device.ts';
import type { HeldImage } from './journal/devices.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import { idsOf } from './rule-book.ts';

/** Further back nobody looks for what a device fetched last. */
const LAST_JOBS = 20;

/** The application that the device is known to hold, with its name where that is known. */
export function heldBy(device: Device, journal: Journal): (HeldImage & { readonly name: string | null }) | null {
  if (device.visits !== undefined) return fetchedBy(device, journal);
  const held = journal.devices.held(idsOf(device), 'app');
  return held === null ? null : { ...held, name: journal.images.get(held.image)?.name ?? null };
}

/** What a device that fetches by itself has fetched whole last. */
function fetchedBy(device: Device, journal: Journal): ReturnType<typeof heldBy> {
  const fetched = journal.jobs.list({ devices: idsOf(device), limit: LAST_JOBS }).flatMap((job) => {
    const { image, proof } = job;
    return proof === null ? [] : [{ release: job.release, image, proof, atMs: shownAtMs(job) }];
  });
  const [last] = fetched.toSorted((one, other) => other.atMs - one.atMs);
  if (last === undefined) return null;
  const { release, ...held } = last;
  return { ...held, name: journal.releases.get(release)?.imageName ?? null };
}

/** When it had fetched all of it, or a later visit showed that it has it. */
function shownAtMs({ proof, confirmFromMs, updatedMs }: JobRecord): number {
  return proof === 'sent' ? (confirmFromMs ?? updatedMs) : updatedMs;
}
