import { crc32 } from 'node:zlib';

/**
 * The layout of NVS in flash, format version 2 (ESP-IDF, "Non-Volatile Storage Library", section "Internals").
 * A page is a header, a bitmap with two bits an entry, and 126 entries; all little-endian.
 */
export const PAGE_BYTES = 4096;
export const ENTRY_BYTES = 32;
export const ENTRIES_PER_PAGE = 126;
export const BITMAP_OFFSET = 32;
export const FIRST_ENTRY_OFFSET = 64;

/** Bits are cleared one after the other as a page ages. */
export const PageState = { EMPTY: 0xffffffff, ACTIVE: 0xfffffffe, FULL: 0xfffffffc, FREEING: 0xfffffff8 } as const;
/** Version byte of the page header: it counts down from 0xFF. */
export const VERSION_2 = 0xfe;
/** In the header: state, sequence number, version, CRC over bytes 4 to 27. */
export const HeaderOffset = { STATE: 0, SEQUENCE: 4, VERSION: 8, CRC: 28 } as const;

/** In an entry: namespace, type, span (entries with its data), chunk; CRC over all but itself; key; value. */
export const EntryOffset = { NAMESPACE: 0, TYPE: 1, SPAN: 2, CHUNK: 3, CRC: 4, KEY: 8, DATA: 24 } as const;
/** In the value of an entry with data behind it: size, CRC of the data. In that of a blob's index: size, chunks, first chunk. */
export const DataOffset = { SIZE: 24, CRC: 28, CHUNK_COUNT: 28, CHUNK_START: 29 } as const;
export const NO_CHUNK = 0xff;

/** The states of an entry, two bits each in the bitmap; flash can only clear bits. */
export const ENTRY_WRITTEN = 0b10;
export const ENTRY_EMPTY = 0b11;

/** The byte that says what an entry holds (`nvs_types.hpp`). */
export const TypeCode = {
  u8: 0x01,
  i8: 0x11,
  u16: 0x02,
  i16: 0x12,
  u32: 0x04,
  i32: 0x14,
  u64: 0x08,
  i64: 0x18,
  string: 0x21,
  /** Format version 1: a blob in one page. */
  blobV1: 0x41,
  blobData: 0x42,
  blobIndex: 0x48,
} as const;

/** CRC-32 as the ROM computes it for NVS: begun with FFFFFFFF on top of the usual complement. */
export function nvsCrc(bytes: Uint8Array): number {
  return crc32(bytes, 0xffffffff);
}

/** Over the header from its sequence number up to the CRC itself. */
export function headerCrc(header: Uint8Array): number {
  return nvsCrc(header.subarray(HeaderOffset.SEQUENCE, HeaderOffset.CRC));
}

/** Over the 32 bytes of the entry but for the CRC itself. */
export function entryCrc(entry: Uint8Array): number {
  return nvsCrc(Buffer.concat([entry.subarray(0, EntryOffset.CRC), entry.subarray(EntryOffset.KEY, ENTRY_BYTES)]));
}
