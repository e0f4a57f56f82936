import {
  encodeOtadata,
  OTADATA_BYTES,
  OTADATA_REFUSED_STATES,
  OTADATA_SETTLED_STATES,
  readOtadataRecords,
} from '../../firmware/formats/otadata.ts';
import { TYPE_APP, TYPE_DATA } from '../../firmware/formats/partition-table.ts';
import type { Partition } from '../../model/image.ts';

const FACTORY = 0x00;
const FIRST_OTA = 0x10;
const LAST_OTA = 0x1f;
const DATA_OTA = 0x00;

/** The `otadata` partition, or null. */
export function otadataPartition(partitions: readonly Partition[]): Partition | null {
  return partitions.find(({ type, subtype }) => type === TYPE_DATA && subtype === DATA_OTA) ?? null;
}

/** The slots that otadata chooses among, in its order. */
function otaSlots(partitions: readonly Partition[]): Partition[] {
  return partitions
    .filter(({ type, subtype }) => type === TYPE_APP && subtype >= FIRST_OTA && subtype <= LAST_OTA)
    .sort((one, other) => one.subtype - other.subtype);
}

/** What starts where otadata is erased: the factory application, else the first slot; null: the table has neither. */
export function defaultApp(partitions: readonly Partition[]): Partition | null {
  const factory = partitions.find(({ type, subtype }) => type === TYPE_APP && subtype === FACTORY);
  return factory ?? otaSlots(partitions)[0] ?? null;
}

/**
 * The application that starts, and goes on starting (ESP-IDF, bootloader_utility_get_selected_boot_partition).
 *
 * @param otadata the contents of its partition; null: not known
 * @returns null where that cannot be relied on: contents not known, or a slot on trial that the bootloader would roll back
 */
export function bootingApp(partitions: readonly Partition[], otadata: Uint8Array | null): Partition | null {
  const fallback = defaultApp(partitions);
  if (otadataPartition(partitions) === null) return fallback;
  if (otadata === null) return null;
  const [chosen] = readOtadataRecords(otadata)
    .filter(({ state }) => !OTADATA_REFUSED_STATES.includes(state))
    .sort((one, other) => other.sequence - one.sequence);
  if (chosen === undefined) return fallback;
  if (!OTADATA_SETTLED_STATES.includes(chosen.state)) return null;
  const slots = otaSlots(partitions);
  return slots[(chosen.sequence - 1) % slots.length] ?? null;
}

/** Contents of otadata with which `app` starts: erased where it is the default, else a record for its slot; null: it never starts. */
export function otadataFor(partitions: readonly Partition[], app: Partition): Uint8Array | null {
  if (app.offset === defaultApp(partitions)?.offset) return new Uint8Array(OTADATA_BYTES).fill(0xff);
  const slot = otaSlots(partitions).findIndex(({ offset }) => offset === app.offset);
  return slot === -1 ? null : encodeOtadata(slot + 1);
}
