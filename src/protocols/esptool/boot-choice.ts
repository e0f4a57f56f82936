import {
  encodeOtadata,
  OTADATA_BYTES,
  OTADATA_REFUSED_STATES,
  OTADATA_SETTLED_STATES,
  readOtadataRecords,
} from '../../firmware/formats/otadata.ts';
import { bootSlot, isOtadata, otaIndex } from '../../firmware/partition-roles.ts';
import type { Partition } from '../../model/image.ts';

/** The `otadata` partition, or null. */
export function otadataPartition(partitions: readonly Partition[]): Partition | null {
  return partitions.find(isOtadata) ?? null;
}

/**
 * The application that starts, and goes on starting (ESP-IDF, bootloader_utility_get_selected_boot_partition).
 *
 * @param otadata the contents of its partition; null: not known
 * @returns null where that cannot be relied on: contents not known, or a slot on trial that the bootloader would roll back
 */
export function bootingApp(partitions: readonly Partition[], otadata: Uint8Array | null): Partition | null {
  const fallback = bootSlot(partitions);
  if (otadataPartition(partitions) === null) return fallback;
  if (otadata === null) return null;
  const [chosen] = readOtadataRecords(otadata)
    .filter(({ state }) => !OTADATA_REFUSED_STATES.includes(state))
    .sort((one, other) => other.sequence - one.sequence);
  if (chosen === undefined) return fallback;
  if (!OTADATA_SETTLED_STATES.includes(chosen.state)) return null;
  const slots = partitions.filter((partition) => otaIndex(partition) !== null);
  const index = (chosen.sequence - 1) % slots.length;
  return slots.find((slot) => otaIndex(slot) === index) ?? null;
}

/** Contents of otadata with which `app` starts: erased where it is the default, else a record for its slot; null: it never starts. */
export function otadataFor(partitions: readonly Partition[], app: Partition): Uint8Array | null {
  if (app.offset === bootSlot(partitions)?.offset) return new Uint8Array(OTADATA_BYTES).fill(0xff);
  const slot = otaIndex(app);
  return slot === null ? null : encodeOtadata(slot + 1);
}
