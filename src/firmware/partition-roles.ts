import type { FlashRange, Partition } from '../model/image.ts';

/** ESP-IDF, "Partition Tables", types and subtypes. */
const APP = 0;
const DATA = 1;
const FACTORY = 0x00;
const OTA_0 = 0x10;
const OTA_15 = 0x1f;
const OTADATA = 0x00;
const FILESYSTEMS: ReadonlySet<number> = new Set([0x81, 0x82, 0x83]);

/** Holds an application, be it `factory`, `ota_N` or `test`. */
export function isAppPartition({ type }: Partition): boolean {
  return type === APP;
}

/** The application that the bootloader falls back to. */
export function isFactory({ type, subtype }: Partition): boolean {
  return type === APP && subtype === FACTORY;
}

/** Says which OTA slot is started. */
export function isOtadata({ type, subtype }: Partition): boolean {
  return type === DATA && subtype === OTADATA;
}

/** LittleFS, SPIFFS or FAT. */
export function isFilesystemPartition({ type, subtype }: Partition): boolean {
  return type === DATA && FILESYSTEMS.has(subtype);
}

/** 0 for `ota_0`; null for what is no OTA slot. */
export function otaIndex({ type, subtype }: Partition): number | null {
  return type === APP && subtype >= OTA_0 && subtype <= OTA_15 ? subtype - OTA_0 : null;
}

/** What ESP-IDF's bootloader starts when otadata is erased: the factory application, else `ota_0`. */
export function bootSlot(partitions: readonly Partition[]): Partition | null {
  return partitions.find(isFactory) ?? partitions.find((partition) => otaIndex(partition) === 0) ?? null;
}

/** Where a partition lies in flash. */
export function rangeOf({ offset, sizeBytes }: Partition): FlashRange {
  return { offset, sizeBytes };
}
