import type { Device } from '../model/device.ts';
import type { Journal } from './journal/journal.ts';
import type { ReleaseRecord } from './journal/releases.ts';
import { isPassing } from './renewal.ts';
import { idsOf } from './rule-book.ts';

/**
 * Whether a release is to be brought to all devices once more (`refresh: always`): not one whose rollout is under way or was stopped,
 * nor one that no device has yet, which goes out by itself.
 */
export function mayRefresh({ id }: ReleaseRecord, journal: Journal): boolean {
  const rollout = journal.rollouts.get(id);
  if (rollout !== null && rollout.state !== 'finished') return false;
  const states = journal.jobs.ofRelease(id).map(({ state }) => state);
  if (states.some((state) => state === 'running' || state === 'confirming' || state === 'soaking')) return false;
  return states.length === 0 || states.includes('succeeded');
}

/**
 * Whether a release that refreshes is for this device too. Not where the image was taken back, where a person has taken the job out, nor
 * where the image failed for a reason that does not pass by itself: it would fail so night after night.
 */
export function refreshes(release: ReleaseRecord, device: Device, journal: Journal): boolean {
  const ids = idsOf(device);
  const isTakenBack = journal.releases
    .undosFor(ids)
    .some(({ undoOf }) => undoOf !== null && journal.releases.get(undoOf)?.slot === release.slot);
  if (isTakenBack) return false;
  const last = journal.jobs.list({ devices: ids, limit: 100 }).find(({ image }) => image === release.image);
  if (last === undefined) return true;
  return last.state === 'failed' ? isPassing(last) : last.state !== 'cancelled';
}
