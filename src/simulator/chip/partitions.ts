const TABLE_OFFSET = 0x8000;
const TABLE_BYTES = 0xc00;
const ROW_BYTES = 32;
const ROW_MAGIC = 0x50aa;
const TYPE_APP = 0;
const TYPE_DATA = 1;
const SUBTYPE_OTA_DATA = 0x00;
const SUBTYPE_OTA_0 = 0x10;
const SUBTYPE_OTA_15 = 0x1f;
const SECTOR_BYTES = 0x1000;
const NO_SEQUENCE = 0xffffffff;
/** States of an OTA slot that do not run any more: invalid, aborted. */
const DEAD_STATES: readonly number[] = [3, 4];
const LABEL_BYTES = 16;

/** One row of the table, as the second boot loader reads it. */
export interface Partition {
  readonly type: number;
  readonly subtype: number;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly label: string;
}

/** The rows at 0x8000 (ESP-IDF, "Partition Tables"); null where the first is none. */
export function readPartitionTable(flash: Uint8Array): readonly Partition[] | null {
  const view = new DataView(flash.buffer, flash.byteOffset, flash.byteLength);
  const rows: Partition[] = [];
  for (let at = TABLE_OFFSET; at < TABLE_OFFSET + TABLE_BYTES; at += ROW_BYTES) {
    if (view.getUint16(at, true) !== ROW_MAGIC) break;
    const label = Buffer.from(flash.subarray(at + 12, at + 12 + LABEL_BYTES)).toString('latin1');
    rows.push({
      type: view.getUint8(at + 2),
      subtype: view.getUint8(at + 3),
      offset: view.getUint32(at + 4, true),
      sizeBytes: view.getUint32(at + 8, true),
      label: label.split('\0')[0] ?? '',
    });
  }
  return rows.length === 0 ? null : rows;
}

/** The application partitions in the order in which the boot loader tries them (ESP-IDF, "Bootloader", "OTA Updates"). */
export function bootOrder(flash: Uint8Array, table: readonly Partition[]): readonly Partition[] {
  const apps = table.filter(({ type }) => type === TYPE_APP);
  const slots = apps
    .filter(({ subtype }) => subtype >= SUBTYPE_OTA_0 && subtype <= SUBTYPE_OTA_15)
    .sort((a, b) => a.subtype - b.subtype);
  const others = apps.filter((app) => !slots.includes(app));
  const sequence = otaSequence(flash, table);
  if (sequence === null || slots.length === 0) return [...others, ...slots];
  const chosen = (sequence - 1) % slots.length;
  return [...slots.slice(chosen), ...slots.slice(0, chosen), ...others];
}

/** The highest sequence number of the two OTA data records; null where neither is good. */
function otaSequence(flash: Uint8Array, table: readonly Partition[]): number | null {
  const data = table.find(({ type, subtype }) => type === TYPE_DATA && subtype === SUBTYPE_OTA_DATA);
  if (data === undefined) return null;
  const records = [data.offset, data.offset + SECTOR_BYTES].map((offset) => readSequence(flash, offset));
  const good = records.filter((sequence) => sequence !== null);
  return good.length === 0 ? null : Math.max(...good);
}

function readSequence(flash: Uint8Array, offset: number): number | null {
  if (offset + ROW_BYTES > flash.length) return null;
  const view = new DataView(flash.buffer, flash.byteOffset + offset, ROW_BYTES);
  const sequence = view.getUint32(0, true);
  const isDead = DEAD_STATES.includes(view.getUint32(24, true));
  const isWhole = view.getUint32(28, true) === crc32OfWord(sequence);
  return sequence !== NO_SEQUENCE && sequence !== 0 && isWhole && !isDead ? sequence : null;
}

/** ESP-IDF, bootloader_common: CRC-32 of the sequence number, started from FFFFFFFF, which the ROM's routine inverts to 0. */
function crc32OfWord(word: number): number {
  let crc = 0;
  for (let nth = 0; nth < 4; nth += 1) {
    crc ^= (word >>> (nth * 8)) & 0xff;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
