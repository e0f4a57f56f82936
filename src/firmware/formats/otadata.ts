import { crc32 } from 'node:zlib';
import { isFilledWith, u32At } from '../bytes.ts';
import { type Findings, NOTHING_FOUND, truncated } from '../findings.ts';

/** Two sectors with a record each: sequence, label, state, CRC over the sequence (ESP-IDF, esp_flash_partitions.h). */
export const OTADATA_BYTES = 0x2000;
const SECTOR = 0x1000;
const RECORD_BYTES = 32;
const STATE_OFFSET = 24;
const CRC_OFFSET = 28;
const ERASED = 0xffffffff;

/** A valid record: the sequence number chooses the slot, the state says what became of it (`esp_ota_img_states_t`). */
export interface OtadataRecord {
  readonly sequence: number;
  readonly state: number;
}

/** The states that the bootloader takes for good: confirmed by the application, or written where nobody has to confirm. */
export const OTADATA_SETTLED_STATES: readonly number[] = [2, ERASED];
/** Refused by the bootloader: it rolled back. */
export const OTADATA_REFUSED_STATES: readonly number[] = [3, 4];

/** The valid records of an otadata partition, of the two that it has room for. */
export function readOtadataRecords(bytes: Uint8Array): OtadataRecord[] {
  return [0, SECTOR].map((offset) => recordAt(bytes, offset)).filter((record) => record !== null);
}

/** The data of an otadata partition whose first record chooses the slot with this sequence number, without further ado. */
export function encodeOtadata(sequence: number): Uint8Array {
  const bytes = Buffer.alloc(OTADATA_BYTES, 0xff);
  bytes.writeUInt32LE(sequence, 0);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 4), ERASED), CRC_OFFSET);
  return new Uint8Array(bytes);
}

/** Null: erased or not valid. */
function recordAt(bytes: Uint8Array, offset: number): OtadataRecord | null {
  if (offset + RECORD_BYTES > bytes.length) return null;
  const sequence = u32At(bytes, offset);
  const isValid =
    sequence !== ERASED && u32At(bytes, offset + CRC_OFFSET) === crc32(bytes.subarray(offset, offset + 4), ERASED);
  return isValid ? { sequence, state: u32At(bytes, offset + STATE_OFFSET) } : null;
}

/** The data of an `otadata` partition, such as Arduino's boot_app0.bin; null where no record of it is valid. */
export function readOtadata(bytes: Uint8Array): Findings | null {
  if (bytes.length > OTADATA_BYTES) return null;
  const sequences = readOtadataRecords(bytes).map(({ sequence }) => sequence);
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
