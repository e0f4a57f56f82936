import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { DeviceRecords } from './device-records.ts';
import type { Tracked } from './tracked.ts';

/** Another device that a device cannot be told from. */
export interface FoundConflict {
  readonly other: Tracked;
  readonly reason: string;
}

/** What a conflict is judged with. */
export interface ConflictParts {
  readonly records: DeviceRecords;
  readonly log: Logger;
  /** Asks whether a device is still there, so that a conflict with one that left clears up. */
  readonly reconfirm: (id: string) => void;
}

/**
 * Marks a conflict on both devices, or takes it back: the one whose sighting showed it must be seen without it, or one of
 * the two must be gone.
 *
 * @param found what its last sighting showed; null: none
 */
export function judgeConflict(id: string, found: FoundConflict | null, parts: ConflictParts): void {
  const device = parts.records.index.ownerOf(id);
  if (!device) return;
  if (!found) clear(device, parts);
  else if (device.conflict?.reason !== found.reason) mark(device, found, parts);
}

function clear(device: Tracked, { records }: ConflictParts): void {
  const { conflict, id } = device;
  if (!conflict || (!conflict.isReporter && device.paths.size > 0)) return;
  records.store({ ...device, conflict: null });
  const other = records.index.ownerOf(conflict.withId);
  if (other?.conflict?.withId === id) records.store({ ...other, conflict: null });
}

function mark(device: Tracked, found: FoundConflict, { records, log, reconfirm }: ConflictParts): void {
  const { id } = device;
  const error = new FlashError('DISCOVERY_AMBIGUOUS', found.reason);
  log.warn('device.ambiguous', {
    device: records.describe(device).name,
    id,
    other: found.other.id,
    ...error.toJSON(),
  });
  records.store({ ...device, conflict: { withId: found.other.id, reason: found.reason, isReporter: true } });
  const other = records.index.ownerOf(found.other.id);
  if (!other || other.id === id) return;
  records.store({ ...other, conflict: { withId: id, reason: found.reason, isReporter: false } });
  reconfirm(other.id);
}
