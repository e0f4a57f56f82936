import { byteAt, textAt, u16At, u32At } from '../../src/firmware/bytes.ts';
import { count, hex } from '../../src/firmware/findings.ts';
import {
  INTEGER_TYPES,
  type IntegerType,
  integerShape,
  type NvsEntry,
  type NvsValue,
} from '../../src/firmware/nvs/entry.ts';
import {
  BITMAP_OFFSET,
  DataOffset,
  ENTRIES_PER_PAGE,
  ENTRY_BYTES,
  ENTRY_WRITTEN,
  EntryOffset,
  entryCrc,
  FIRST_ENTRY_OFFSET,
  HeaderOffset,
  headerCrc,
  nvsCrc,
  PAGE_BYTES,
  PageState,
  TypeCode,
} from '../../src/firmware/nvs/layout.ts';

/** One entry as it stands in flash. */
interface RawEntry {
  readonly namespaceIndex: number;
  readonly type: number;
  readonly chunk: number;
  readonly key: string;
  /** The entry itself, 32 bytes. */
  readonly bytes: Uint8Array;
  /** What stands behind it; empty for an entry that holds its value itself. */
  readonly data: Uint8Array;
}

const LIVE_PAGES: ReadonlySet<number> = new Set([PageState.ACTIVE, PageState.FULL, PageState.FREEING]);
const HAS_DATA: ReadonlySet<number> = new Set([TypeCode.string, TypeCode.blobV1, TypeCode.blobData]);
const INTEGER_BY_CODE: ReadonlyMap<number, IntegerType> = new Map(INTEGER_TYPES.map((type) => [TypeCode[type], type]));

/** What a device finds in an NVS partition that is not encrypted, in the order it was written. Every CRC is checked; throws where one is wrong. */
export function readNvs(image: Uint8Array): NvsEntry[] {
  if (image.length % PAGE_BYTES !== 0) throw damaged(`${count(image.length)} bytes are no whole number of pages`);
  const raw = livePages(image).flatMap(readPage);
  const namespaces = new Map(
    raw
      .filter(({ namespaceIndex }) => namespaceIndex === 0)
      .map(({ key, bytes }) => [byteAt(bytes, EntryOffset.DATA), key]),
  );
  return raw.flatMap((entry) => {
    if (entry.namespaceIndex === 0 || entry.type === TypeCode.blobData) return [];
    const namespace = namespaces.get(entry.namespaceIndex);
    if (namespace === undefined)
      throw damaged(`${entry.key} is of namespace ${entry.namespaceIndex}, which is not there`);
    return [{ namespace, key: entry.key, ...valueIn(entry, raw) }];
  });
}

/** In the order in which the device filled them. */
function livePages(image: Uint8Array): Uint8Array[] {
  const pages: Uint8Array[] = [];
  for (let start = 0; start < image.length; start += PAGE_BYTES) {
    const page = image.subarray(start, start + PAGE_BYTES);
    if (!LIVE_PAGES.has(u32At(page, HeaderOffset.STATE))) continue;
    if (u32At(page, HeaderOffset.CRC) !== headerCrc(page))
      throw damaged(`the header of the page at ${hex(start)} is damaged`);
    pages.push(page);
  }
  return pages.sort((one, other) => u32At(one, HeaderOffset.SEQUENCE) - u32At(other, HeaderOffset.SEQUENCE));
}

function readPage(page: Uint8Array): RawEntry[] {
  const entries: RawEntry[] = [];
  let index = 0;
  while (index < ENTRIES_PER_PAGE) {
    const state = (byteAt(page, BITMAP_OFFSET + Math.floor(index / 4)) >> ((index % 4) * 2)) & 0b11;
    const entry = state === ENTRY_WRITTEN ? readEntry(page, index) : null;
    if (entry !== null) entries.push(entry);
    index += entry === null ? 1 : byteAt(entry.bytes, EntryOffset.SPAN);
  }
  return entries;
}

function readEntry(page: Uint8Array, index: number): RawEntry {
  const start = FIRST_ENTRY_OFFSET + index * ENTRY_BYTES;
  const bytes = page.subarray(start, start + ENTRY_BYTES);
  const key = textAt(bytes, EntryOffset.KEY, 16);
  const span = byteAt(bytes, EntryOffset.SPAN);
  if (u32At(bytes, EntryOffset.CRC) !== entryCrc(bytes) || span === 0 || index + span > ENTRIES_PER_PAGE) {
    throw damaged(`entry ${index} of a page is damaged`);
  }
  const type = byteAt(bytes, EntryOffset.TYPE);
  const sizeBytes = HAS_DATA.has(type) ? u16At(bytes, DataOffset.SIZE) : 0;
  const data = page.subarray(start + ENTRY_BYTES, start + ENTRY_BYTES + sizeBytes);
  const isWhole = sizeBytes <= (span - 1) * ENTRY_BYTES;
  if (HAS_DATA.has(type) && (!isWhole || nvsCrc(data) !== u32At(bytes, DataOffset.CRC)))
    throw damaged(`the data of ${key} is damaged`);
  return {
    namespaceIndex: byteAt(bytes, EntryOffset.NAMESPACE),
    type,
    chunk: byteAt(bytes, EntryOffset.CHUNK),
    key,
    bytes,
    data,
  };
}

function valueIn(entry: RawEntry, all: readonly RawEntry[]): NvsValue {
  if (entry.type === TypeCode.string)
    return { type: 'string', value: new TextDecoder().decode(entry.data.subarray(0, -1)) };
  if (entry.type === TypeCode.blobV1) return { type: 'blob', value: new Uint8Array(entry.data) };
  if (entry.type === TypeCode.blobIndex) return { type: 'blob', value: joinChunks(entry, all) };
  const type = INTEGER_BY_CODE.get(entry.type);
  if (type === undefined) throw damaged(`${entry.key} is of type ${hex(entry.type)}, which is not known`);
  return { type, value: integerOf(entry.bytes, type) };
}

function joinChunks({ namespaceIndex, key, bytes }: RawEntry, all: readonly RawEntry[]): Uint8Array {
  const first = byteAt(bytes, DataOffset.CHUNK_START);
  const chunks = Array.from({ length: byteAt(bytes, DataOffset.CHUNK_COUNT) }, (_, step) => {
    const found = all.find(
      (entry) =>
        entry.type === TypeCode.blobData &&
        entry.namespaceIndex === namespaceIndex &&
        entry.key === key &&
        entry.chunk === first + step,
    );
    if (found === undefined) throw damaged(`chunk ${step} of ${key} is not there`);
    return found.data;
  });
  const value = new Uint8Array(Buffer.concat(chunks));
  if (value.length !== u32At(bytes, DataOffset.SIZE))
    throw damaged(`${key} has ${count(value.length)} bytes, its index says otherwise`);
  return value;
}

function integerOf(bytes: Uint8Array, type: IntegerType): bigint {
  const { widthBytes, isSigned } = integerShape(type);
  const word = Buffer.from(bytes.subarray(EntryOffset.DATA, EntryOffset.DATA + 8)).readBigUInt64LE();
  return isSigned ? BigInt.asIntN(widthBytes * 8, word) : BigInt.asUintN(widthBytes * 8, word);
}

function damaged(message: string): Error {
  return new Error(`no sound NVS partition: ${message}`);
}
