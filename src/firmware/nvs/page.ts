import { badEntry } from './entry.ts';
import {
  BITMAP_OFFSET,
  DataOffset,
  ENTRIES_PER_PAGE,
  ENTRY_BYTES,
  ENTRY_EMPTY,
  ENTRY_WRITTEN,
  EntryOffset,
  entryCrc,
  FIRST_ENTRY_OFFSET,
  HeaderOffset,
  headerCrc,
  NO_CHUNK,
  nvsCrc,
  PAGE_BYTES,
  PageState,
  VERSION_2,
} from './layout.ts';

/** What an entry says of itself before its value. */
export interface EntryHead {
  readonly namespaceIndex: number;
  readonly type: number;
  readonly key: string;
  /** Number of a blob's chunk; absent for everything else. */
  readonly chunk?: number;
}

/** One page being filled. It does not know its neighbours. */
export class NvsPage {
  readonly bytes = Buffer.alloc(PAGE_BYTES, 0xff);
  #used = 0;

  constructor(sequence: number) {
    this.bytes.writeUInt32LE(PageState.ACTIVE, HeaderOffset.STATE);
    this.bytes.writeUInt32LE(sequence, HeaderOffset.SEQUENCE);
    this.bytes.writeUInt8(VERSION_2, HeaderOffset.VERSION);
    this.bytes.writeUInt32LE(headerCrc(this.bytes), HeaderOffset.CRC);
  }

  get freeEntries(): number {
    return ENTRIES_PER_PAGE - this.#used;
  }

  /** No further entry goes here. */
  close(): void {
    this.bytes.writeUInt32LE(PageState.FULL, HeaderOffset.STATE);
  }

  /** An entry that holds its value itself: up to eight bytes. */
  addValue(head: EntryHead, value: Uint8Array): void {
    this.#addEntry(head, 1, value);
  }

  /** An entry with its data in the entries behind it. */
  addData(head: EntryHead, data: Uint8Array): void {
    const dataEntries = Math.ceil(data.length / ENTRY_BYTES);
    const value = Buffer.alloc(8, 0xff);
    value.writeUInt16LE(data.length, DataOffset.SIZE - EntryOffset.DATA);
    value.writeUInt32LE(nvsCrc(data), DataOffset.CRC - EntryOffset.DATA);
    this.#addEntry(head, 1 + dataEntries, value);
    this.bytes.set(data, FIRST_ENTRY_OFFSET + this.#used * ENTRY_BYTES);
    for (let entry = 0; entry < dataEntries; entry++) this.#markWritten();
  }

  #addEntry({ namespaceIndex, type, key, chunk = NO_CHUNK }: EntryHead, span: number, value: Uint8Array): void {
    if (span > this.freeEntries)
      throw badEntry(`${key}: ${span} entries do not fit into the ${this.freeEntries} of its page`);
    const start = FIRST_ENTRY_OFFSET + this.#used * ENTRY_BYTES;
    const entry = this.bytes.subarray(start, start + ENTRY_BYTES);
    entry[EntryOffset.NAMESPACE] = namespaceIndex;
    entry[EntryOffset.TYPE] = type;
    entry[EntryOffset.SPAN] = span;
    entry[EntryOffset.CHUNK] = chunk;
    entry.fill(0, EntryOffset.KEY, EntryOffset.DATA);
    entry.write(key, EntryOffset.KEY);
    entry.set(value, EntryOffset.DATA);
    entry.writeUInt32LE(entryCrc(entry), EntryOffset.CRC);
    this.#markWritten();
  }

  #markWritten(): void {
    const offset = BITMAP_OFFSET + Math.floor(this.#used / 4);
    const shift = (this.#used % 4) * 2;
    const cleared = (ENTRY_EMPTY ^ ENTRY_WRITTEN) << shift;
    this.bytes[offset] = (this.bytes[offset] ?? 0) & ~cleared;
    this.#used += 1;
  }
}
