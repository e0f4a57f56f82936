import { crc32 } from 'node:zlib';
import type { FlashRange, Partition } from '../../model/image.ts';
import { encodeOtadata } from '../formats/otadata.ts';
import { readImageDossier } from '../image-dossier.ts';
import { bootSlot, isFactory, isOtadata, otaIndex, rangeOf } from '../partition-roles.ts';
import type { FlashPart, FlashSet } from './flash-set.ts';
import { overlaps, SECTOR } from './ranges.ts';

/** What has to be done besides, so that the application that was written is the one that starts. */
export type BootChoice = Pick<FlashSet, 'parts' | 'erase'>;

const NOTHING: BootChoice = { parts: [], erase: [] };

interface Given {
  readonly set: BootChoice;
  readonly partitions: readonly Partition[];
}

/**
 * A board that has been updated over the air boots the slot that its otadata names, whatever is written elsewhere. Where a set
 * writes an application and is silent about otadata, this adds what makes that application boot: an erased otadata where
 * that means the same, else a record.
 */
export function espIdfBootChoice({ set, partitions }: Given): BootChoice {
  const otadata = partitions.find(isOtadata);
  if (otadata === undefined || isTouched(set, rangeOf(otadata))) return NOTHING;
  const written = partitions.filter((partition) => writesTo(set, partition));
  const unrecorded = bootSlot(partitions);
  if (unrecorded !== null && written.includes(unrecorded)) return { parts: [], erase: [rangeOf(otadata)] };
  const index = written.map(otaIndex).find((slot) => slot !== null);
  if (index == null) return NOTHING;
  return { parts: [recordPart(otadata, encodeOtadata(index + 1))], erase: [] };
}

/**
 * The same for Pycom's own bootloader, whose record is another (pycom-micropython-sigfox, esp32/bootloader/bootmgr.h:
 * boot_info_t). Where flash is encrypted a plain record would read as noise, and so does an erased one: both boot the factory slot.
 */
export function pycomBootChoice({ set, partitions }: Given, isEncrypted: boolean): BootChoice {
  const otadata = partitions.find(isOtadata);
  if (otadata === undefined || isTouched(set, rangeOf(otadata))) return NOTHING;
  const slots = partitions.filter((partition) => isFactory(partition) || otaIndex(partition) === 0);
  const slot = slots
    .filter((partition) => writesTo(set, partition))
    .sort((one, other) => one.subtype - other.subtype)[0];
  if (slot === undefined) return NOTHING;
  if (isEncrypted) return isFactory(slot) ? { parts: [], erase: [rangeOf(otadata)] } : NOTHING;
  const imageBytes = set.parts.find(({ offset }) => offset === slot.offset)?.bytes.length ?? 0;
  return { parts: [recordPart(otadata, pycomRecord(isFactory(slot) ? 0 : 1, imageBytes))], erase: [] };
}

/** Status 1, "ready", of the factory slot; 0, "check", has the bootloader verify the other and fall back. As the vendor's updater sets them. */
function pycomRecord(active: 0 | 1, imageBytes: number): Uint8Array {
  const record = Buffer.alloc(SECTOR, 0xff);
  for (const [index, value] of [active, active === 0 ? 1 : 0, 0, imageBytes, 0].entries()) {
    record.writeUInt32LE(value, index * 4);
  }
  const checked = Buffer.concat([Buffer.alloc(4, 0xff), record.subarray(0, 36)]);
  record.writeUInt32LE(crc32(checked), 36);
  return new Uint8Array(record);
}

function isTouched({ parts, erase }: BootChoice, range: FlashRange): boolean {
  return [...parts.map(partRange), ...erase].some((touched) => overlaps(touched, range));
}

function writesTo({ parts }: BootChoice, { offset }: Partition): boolean {
  return parts.some((part) => part.offset === offset);
}

function partRange({ offset, bytes }: FlashPart): FlashRange {
  return { offset, sizeBytes: bytes.length };
}

function recordPart({ offset }: Partition, bytes: Uint8Array): FlashPart {
  return { name: 'boot choice', path: null, offset, bytes, dossier: readImageDossier(bytes), encryption: 'none' };
}
