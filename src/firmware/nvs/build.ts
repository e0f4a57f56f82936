import { FlashError } from '../../errors.ts';
import { count } from '../findings.ts';
import { badEntry, checkEntry, type IntegerType, integerShape, type NvsEntry, nameOf } from './entry.ts';
import { ENTRIES_PER_PAGE, ENTRY_BYTES, NO_CHUNK, PAGE_BYTES, TypeCode } from './layout.ts';
import { NvsPage } from './page.ts';

/** ESP-IDF, "NVS Partition Generator Utility": a page stays free for the device to tidy up with; smaller partitions are read-only. */
const SMALLEST_WRITABLE_PAGES = 3;
const MOST_NAMESPACES = 254;

/**
 * The image of an NVS partition that holds these entries, byte for byte as Espressif's nvs_partition_gen writes it (format
 * version 2). Entries come in the order given, a namespace before its first. Pure.
 *
 * @param sizeBytes of the partition: a multiple of 4,096. Below 12,288 the partition has to be marked read-only in the table.
 * @throws FlashError NVS_BAD_ENTRY, NVS_FULL
 */
export function buildNvs(entries: readonly NvsEntry[], sizeBytes: number): Uint8Array {
  if (sizeBytes < PAGE_BYTES || sizeBytes % PAGE_BYTES !== 0) {
    throw new FlashError(
      'NVS_FULL',
      `a partition of ${count(sizeBytes)} bytes; NVS takes multiples of ${count(PAGE_BYTES)}`,
    );
  }
  checkEntries(entries);
  const writer = new NvsWriter(sizeBytes);
  for (const entry of entries) writer.add(entry);
  return writer.image();
}

function checkEntries(entries: readonly NvsEntry[]): void {
  const seen = new Set<string>();
  for (const entry of entries) {
    checkEntry(entry);
    const name = nameOf(entry);
    if (seen.has(name)) throw badEntry(`${name} is there twice`);
    seen.add(name);
  }
}

/** Puts entries onto pages, one after the other. */
class NvsWriter {
  readonly #sizeBytes: number;
  readonly #mostPages: number;
  readonly #pages: NvsPage[] = [];
  readonly #namespaces = new Map<string, number>();
  #page: NvsPage;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    const pages = sizeBytes / PAGE_BYTES;
    this.#mostPages = pages >= SMALLEST_WRITABLE_PAGES ? pages - 1 : pages;
    this.#page = this.#openPage();
  }

  add(entry: NvsEntry): void {
    const namespaceIndex = this.#indexOf(entry.namespace);
    switch (entry.type) {
      case 'string':
        this.#addString(namespaceIndex, entry.key, Buffer.from(`${entry.value}\0`));
        break;
      case 'blob':
        this.#addBlob(namespaceIndex, entry.key, entry.value);
        break;
      default: {
        const head = { namespaceIndex, type: TypeCode[entry.type], key: entry.key };
        this.#roomFor(1).addValue(head, integerBytes(entry.type, entry.value));
      }
    }
  }

  image(): Uint8Array {
    const image = new Uint8Array(this.#sizeBytes).fill(0xff);
    for (const [index, { bytes }] of this.#pages.entries()) image.set(bytes, index * PAGE_BYTES);
    return image;
  }

  /** A namespace is an entry of namespace 0, whose value is its number. */
  #indexOf(namespace: string): number {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    const index = this.#namespaces.size + 1;
    if (index > MOST_NAMESPACES) throw badEntry(`${namespace} is namespace ${index}; ${MOST_NAMESPACES} are possible`);
    this.#roomFor(1).addValue(
      { namespaceIndex: 0, type: TypeCode.u8, key: namespace },
      integerBytes('u8', BigInt(index)),
    );
    this.#namespaces.set(namespace, index);
    return index;
  }

  /** A string stays in one page. One that would take all that is left of a page goes to the next, as the generator has it. */
  #addString(namespaceIndex: number, key: string, data: Uint8Array): void {
    const span = 1 + Math.ceil(data.length / ENTRY_BYTES);
    const page = this.#roomFor(Math.min(span + 1, ENTRIES_PER_PAGE));
    page.addData({ namespaceIndex, type: TypeCode.string, key }, data);
  }

  /** A blob goes in chunks over as many pages as it needs; behind the last stands their index. */
  #addBlob(namespaceIndex: number, key: string, data: Uint8Array): void {
    this.#roomFor(1);
    let chunk = 0;
    let offset = 0;
    do {
      const tailroom = (this.#page.freeEntries - 1) * ENTRY_BYTES;
      const part = data.subarray(offset, offset + tailroom);
      this.#page.addData({ namespaceIndex, type: TypeCode.blobData, key, chunk }, part);
      offset += part.length;
      chunk += 1;
      if (offset < data.length) this.#nextPage();
    } while (offset < data.length);
    const index = Buffer.alloc(8, 0xff);
    index.writeUInt32LE(data.length, 0);
    index.writeUInt8(chunk, 4);
    index.writeUInt8(0, 5);
    this.#roomFor(1).addValue({ namespaceIndex, type: TypeCode.blobIndex, key, chunk: NO_CHUNK }, index);
  }

  #roomFor(entries: number): NvsPage {
    return this.#page.freeEntries >= entries ? this.#page : this.#nextPage();
  }

  #nextPage(): NvsPage {
    this.#page.close();
    this.#page = this.#openPage();
    return this.#page;
  }

  #openPage(): NvsPage {
    if (this.#pages.length === this.#mostPages) {
      const message = `the entries do not fit into ${count(this.#sizeBytes)} bytes, of which ${count(this.#mostPages * PAGE_BYTES)} can be used`;
      throw new FlashError('NVS_FULL', message);
    }
    const page = new NvsPage(this.#pages.length);
    this.#pages.push(page);
    return page;
  }
}

function integerBytes(type: IntegerType, value: bigint): Uint8Array {
  const { widthBytes } = integerShape(type);
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(BigInt.asUintN(64, value));
  return word.subarray(0, widthBytes);
}
