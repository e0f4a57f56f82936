import { crc32 } from 'node:zlib';
import { isFilledWith, u32At } from '../bytes.ts';
import { type Findings, NOTHING_FOUND, truncated } from '../findings.ts';

/** Two sectors with a record each: sequence, label, state, CRC over the sequence (ESP-IDF, esp_flash_partitions.h). */
const OTADATA_BYTES = 0x2000;
const SECTOR = 0x1000;
const RECORD_BYTES = 32;
const CRC_OFFSET = 28;
const ERASED = 0xffffffff;

/** The sequence number of the record at `offset`; null: erased or not valid. */
function sequenceAt(bytes: Uint8Array, offset: number): number | null {
  if (offset + RECORD_BYTES > bytes.length) return null;
  const sequence = u32At(bytes, offset);
  const isValid =
    sequence !== ERASED && u32At(bytes, offset + CRC_OFFSET) === crc32(bytes.subarray(offset, offset + 4), ERASED);
  return isValid ? sequence : null;
}

/** The data of an `otadata` partition, such as Arduino's boot_app0.bin; null where no record of it is valid. */
export function readOtadata(bytes: Uint8Array): Findings | null {
  if (bytes.length > OTADATA_BYTES) return null;
  const sequences = [sequenceAt(bytes, 0), sequenceAt(bytes, SECTOR)].filter((sequence) => sequence !== null);
  if (sequences.length === 0) return null;
  const isRestErased = [0, SECTOR].every((start) =>
    isFilledWith(bytes.subarray(start + RECORD_BYTES, start + SECTOR), 0xff),
  );
  if (!isRestErased) return null;
  const isWhole = bytes.length === OTADATA_BYTES;
  return {
    ...NOTHING_FOUND,
    kind: 'otadata',
    format: 'otadata',
    completeness: isWhole ? 'complete' : 'truncated',
    endsAt: isWhole ? OTADATA_BYTES : null,
    problems: isWhole ? [] : [truncated('inside its two sectors of OTA data', bytes.length, OTADATA_BYTES)],
    remarks: [
      `sequence ${Math.max(...sequences)}: the device boots slot (sequence − 1) modulo its number of OTA slots`,
    ],
  };
}
