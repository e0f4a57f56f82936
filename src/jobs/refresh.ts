import type { Device } from '../model/device.ts';
import type { RolloutSettings } from '../model/rollout.ts';
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
 * The rollout of a release file, for the devices of one rule alone: each rule refreshes at its own time. Canaries that are others' would
 * never have a job, and hold it up for ever.
 */
export function amongDevices(settings: RolloutSettings, devices: readonly Device[]): RolloutSettings {
  const { canary } = settings;
  if (canary?.by !== 'names') return settings;
  const known = new Set(devices.map(({ name }) => name.toLowerCase()));
  const names = canary.names.filter((name) => known.has(name.toLowerCase()));
  return { ...settings, canary: names.length === 0 ? null : { by: 'names', names } };
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
