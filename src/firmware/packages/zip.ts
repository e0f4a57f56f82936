import { crc32, inflateRawSync } from 'node:zlib';
import { FlashError } from '../../errors.ts';
import { startsWith, u16At, u32At } from '../bytes.ts';
import { count } from '../findings.ts';
import { corrupt, EntryNames, MOST_CONTENT_BYTES, type PackageFiles, refused } from './archive.ts';

/** PKWARE, "APPNOTE.TXT – .ZIP File Format Specification", sections 4.3.7 (local header), 4.3.12 (directory) and 4.3.16 (its end). */
const LOCAL = { magic: [0x50, 0x4b, 0x03, 0x04], sizeBytes: 30 } as const;
const CENTRAL = { magic: [0x50, 0x4b, 0x01, 0x02], sizeBytes: 46 } as const;
const END = { magic: [0x50, 0x4b, 0x05, 0x06], sizeBytes: 22 } as const;
const LONGEST_COMMENT = 0xffff;
const STORED = 0;
const DEFLATED = 8;
const FLAG_ENCRYPTED = 0x0001;
const MADE_ON_UNIX = 3;
const UNIX_TYPE = 0xf000;
const UNIX_LINK = 0xa000;
const IN_ZIP64 = 0xffffffff;

interface Entry {
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly sizeBytes: number;
  readonly headerOffset: number;
}

/** By its first entry, or by the end record of an empty one. */
export function isZip(bytes: Uint8Array): boolean {
  return startsWith(bytes, 0, LOCAL.magic) || startsWith(bytes, 0, END.magic);
}

/**
 * The files of a ZIP archive. Every byte that is handed out has been held against its CRC-32.
 *
 * @throws FlashError IMAGE_TRUNCATED, IMAGE_CORRUPT, PACKAGE_REFUSED
 */
export function openZip(bytes: Uint8Array): PackageFiles {
  const names = readDirectory(bytes, findEnd(bytes));
  let leftBytes = MOST_CONTENT_BYTES;
  return {
    paths: names.paths,
    read: (path) => {
      const entry = names.placeOf(path);
      if (entry === null) return null;
      leftBytes -= entry.sizeBytes;
      if (leftBytes < 0) throw refused(`its files hold more than ${count(MOST_CONTENT_BYTES)} bytes`);
      return extract(bytes, path, entry);
    },
  };
}

/** The directory stands at the end: a copy under way does not have it yet. */
function findEnd(bytes: Uint8Array): number {
  const last = bytes.length - END.sizeBytes;
  for (let at = last; at >= Math.max(0, last - LONGEST_COMMENT); at--) {
    if (startsWith(bytes, at, END.magic) && at + END.sizeBytes + u16At(bytes, at + 20) === bytes.length) return at;
  }
  throw new FlashError('IMAGE_TRUNCATED', `the archive ends at ${count(bytes.length)} bytes, before its directory`);
}

function readDirectory(bytes: Uint8Array, end: number): EntryNames<Entry> {
  const names = new EntryNames<Entry>();
  const entryCount = u16At(bytes, end + 10);
  let at = u32At(bytes, end + 16);
  if (at === IN_ZIP64 || entryCount === 0xffff)
    throw refused('it is a ZIP64 archive, for more than 4 GB or 65,534 files');
  if (u16At(bytes, end + 4) !== 0 || u16At(bytes, end + 8) !== entryCount)
    throw refused('it is one of several volumes');
  for (let index = 0; index < entryCount; index++) {
    if (at + CENTRAL.sizeBytes > end || !startsWith(bytes, at, CENTRAL.magic)) {
      throw corrupt(`entry ${index + 1} of the archive's directory is damaged`);
    }
    at = readEntry(bytes, at, end, names);
  }
  if (at !== end) throw corrupt("the archive's directory does not end where its last entry does");
  return names;
}

/** Adds one entry, unless it is a folder or what macOS packs beside each file; returns where the next begins. */
function readEntry(bytes: Uint8Array, at: number, end: number, names: EntryNames<Entry>): number {
  const nameEnd = at + CENTRAL.sizeBytes + u16At(bytes, at + 28);
  const next = nameEnd + u16At(bytes, at + 30) + u16At(bytes, at + 32);
  if (next > end) throw corrupt("an entry of the archive's directory reaches over its end");
  const name = new TextDecoder().decode(bytes.subarray(at + CENTRAL.sizeBytes, nameEnd));
  if (name.endsWith('/') || name.startsWith('__MACOSX/')) return next;
  const isOnUnix = u16At(bytes, at + 4) >> 8 === MADE_ON_UNIX;
  if (isOnUnix && (u16At(bytes, at + 40) & UNIX_TYPE) === UNIX_LINK) throw refused(`${JSON.stringify(name)} is a link`);
  if ((u16At(bytes, at + 8) & FLAG_ENCRYPTED) !== 0)
    throw refused(`${JSON.stringify(name)} is protected by a password`);
  names.add(name, {
    method: u16At(bytes, at + 10),
    crc: u32At(bytes, at + 16),
    packedBytes: u32At(bytes, at + 20),
    sizeBytes: u32At(bytes, at + 24),
    headerOffset: u32At(bytes, at + 42),
  });
  return next;
}

function extract(bytes: Uint8Array, path: string, entry: Entry): Uint8Array {
  const { headerOffset, packedBytes, sizeBytes } = entry;
  if (headerOffset + LOCAL.sizeBytes > bytes.length || !startsWith(bytes, headerOffset, LOCAL.magic)) {
    throw corrupt(`the archive has no file where its directory says ${JSON.stringify(path)} is`);
  }
  const start = headerOffset + LOCAL.sizeBytes + u16At(bytes, headerOffset + 26) + u16At(bytes, headerOffset + 28);
  const packed = bytes.subarray(start, start + packedBytes);
  if (packed.length !== packedBytes) throw corrupt(`${JSON.stringify(path)} reaches over the end of the archive`);
  const content = unpack(packed, path, entry);
  if (content.length !== sizeBytes || crc32(content) !== entry.crc) {
    throw corrupt(`${JSON.stringify(path)} is damaged: its size or CRC-32 is not what the archive says`);
  }
  return content;
}

function unpack(packed: Uint8Array, path: string, { method, sizeBytes }: Entry): Uint8Array {
  if (method === STORED) return packed;
  if (method !== DEFLATED)
    throw refused(`${JSON.stringify(path)} is packed by method ${method}; stored and deflate are read`);
  if (sizeBytes === 0) return new Uint8Array();
  try {
    return inflateRawSync(packed, { maxOutputLength: sizeBytes });
  } catch (cause) {
    throw new FlashError('IMAGE_CORRUPT', `${JSON.stringify(path)} cannot be unpacked`, { cause });
  }
}
