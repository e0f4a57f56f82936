import { FlashError } from '../../errors.ts';
import { alignUp, byteAt, isFilledWith, startsWith, textAt } from '../bytes.ts';
import { count } from '../findings.ts';
import { corrupt, EntryNames, type PackageFiles, refused } from './archive.ts';

/** POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar manual, "The Standard Format". */
const BLOCK = 512;
const NAME = { offset: 0, sizeBytes: 100 } as const;
const SIZE = { offset: 124, sizeBytes: 12 } as const;
const CHECKSUM = { offset: 148, sizeBytes: 8 } as const;
const TYPE_OFFSET = 156;
const MAGIC_OFFSET = 257;
const USTAR = [0x75, 0x73, 0x74, 0x61, 0x72];
/** GNU's own magic goes on with a blank and keeps other things where POSIX has the prefix. */
const POSIX_MARK_OFFSET = 262;
const VERSION_OFFSET = 263;
const PREFIX = { offset: 345, sizeBytes: 155 } as const;
const SPACE = 0x20;

/** By the character in the type field. A link could stand for any file of this machine, and a device for worse. */
const FILE_TYPES = new Set(['0', '\0', '7']);
const FOLDER = '5';
const PAX_NEXT = 'x';
const PAX_ALL = 'g';
const GNU_LONG_NAME = 'L';

interface Place {
  readonly start: number;
  readonly sizeBytes: number;
}

/** By the magic of POSIX.1-1988 and GNU tar, and a header checksum that is right. */
export function isTar(bytes: Uint8Array): boolean {
  return bytes.length >= BLOCK && startsWith(bytes, MAGIC_OFFSET, USTAR) && hasChecksum(bytes, 0);
}

/**
 * The files of a tar archive.
 *
 * @throws FlashError IMAGE_TRUNCATED, IMAGE_CORRUPT, PACKAGE_REFUSED
 */
export function openTar(bytes: Uint8Array): PackageFiles {
  const names = new EntryNames<Place>();
  let at = 0;
  let longName: string | null = null;
  while (!isEnd(bytes, at)) {
    const header = readHeader(bytes, at);
    const { type, sizeBytes, start } = header;
    const next = start + alignUp(sizeBytes, BLOCK);
    const name: string = longName ?? header.name;
    longName = null;
    if (type === PAX_NEXT || type === GNU_LONG_NAME)
      longName = longNameOf(bytes.subarray(start, start + sizeBytes), type);
    else if (FILE_TYPES.has(type)) addFile(names, name, { start, sizeBytes });
    else if (type !== FOLDER && type !== PAX_ALL)
      throw refused(`${JSON.stringify(name)} is a link, a device or the like`);
    at = next;
  }
  return {
    paths: names.paths,
    read: (path) => {
      const place = names.placeOf(path);
      return place === null ? null : bytes.subarray(place.start, place.start + place.sizeBytes);
    },
  };
}

/** Where the two zero blocks at the end are missing, the archive was cut: there, or in a file before. */
function isEnd(bytes: Uint8Array, at: number): boolean {
  if (at + BLOCK > bytes.length) throw truncatedAt(bytes);
  return isFilledWith(bytes.subarray(at, at + BLOCK), 0);
}

function truncatedAt({ length }: Uint8Array): FlashError {
  return new FlashError('IMAGE_TRUNCATED', `the archive ends at ${count(length)} bytes, before its end mark`);
}

interface Header extends Place {
  readonly name: string;
  readonly type: string;
}

function readHeader(bytes: Uint8Array, at: number): Header {
  if (!hasChecksum(bytes, at)) throw corrupt(`the archive's header at ${count(at)} is damaged`);
  const name = textAt(bytes, at + NAME.offset, NAME.sizeBytes);
  const isPosix = startsWith(bytes, at + MAGIC_OFFSET, USTAR) && byteAt(bytes, at + POSIX_MARK_OFFSET) === 0;
  const sizeBytes = octalAt(bytes, at + SIZE.offset, SIZE.sizeBytes);
  if (Number.isNaN(sizeBytes)) throw corrupt(`the archive does not say how long ${JSON.stringify(name)} is`);
  const prefix = isPosix ? textAt(bytes, at + PREFIX.offset, PREFIX.sizeBytes) : '';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: String.fromCharCode(byteAt(bytes, at + TYPE_OFFSET)),
    start: at + BLOCK,
    sizeBytes,
  };
}

/** The sum of the header's bytes, those of the sum itself counted as blanks. */
function hasChecksum(bytes: Uint8Array, at: number): boolean {
  const end = CHECKSUM.offset + CHECKSUM.sizeBytes;
  let sum = 0;
  for (let place = 0; place < BLOCK; place++) {
    sum += place >= CHECKSUM.offset && place < end ? SPACE : byteAt(bytes, at + place);
  }
  return sum === octalAt(bytes, at + CHECKSUM.offset, CHECKSUM.sizeBytes);
}

/** NaN for a field that is not octal, such as GNU's binary sizes from 8 GB on. */
function octalAt(bytes: Uint8Array, offset: number, sizeBytes: number): number {
  const digits = textAt(bytes, offset, sizeBytes).trim();
  if (digits === '') return 0;
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** What macOS packs beside each file is left out. */
function addFile(names: EntryNames<Place>, name: string, place: Place): void {
  if (!/(^|\/)\._[^/]*$/.test(name)) names.add(name, place);
}

/** The name that a header of its own gives the next file, or null. */
function longNameOf(content: Uint8Array, type: string): string | null {
  if (type === GNU_LONG_NAME) return textAt(content, 0, content.length);
  // pax records: "LENGTH KEY=VALUE\n".
  const text = new TextDecoder().decode(content);
  if (/(^|\n)\d+ (size|GNU\.sparse[^=]*)=/.test(text)) throw refused('it holds a file with holes, or one beyond 8 GB');
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(text)?.[1] ?? null;
}

/** A tar archive of these files, in this order: the same files are the same bytes, whenever and by whom they are packed. */
export function packTar(files: readonly { readonly path: string; readonly bytes: Uint8Array }[]): Uint8Array {
  const blocks = files.flatMap(({ path, bytes }) => {
    const padding = new Uint8Array(alignUp(bytes.length, BLOCK) - bytes.length);
    return [packHeader(path, bytes.length), bytes, padding];
  });
  return new Uint8Array(Buffer.concat([...blocks, new Uint8Array(2 * BLOCK)]));
}

function packHeader(path: string, sizeBytes: number): Uint8Array {
  const header = Buffer.alloc(BLOCK);
  const { name, prefix } = splitPath(path);
  header.write(name, NAME.offset);
  header.write(prefix, PREFIX.offset);
  // Mode, owner, group; size; time.
  for (const [offset, value] of [
    [100, 0o644],
    [108, 0],
    [116, 0],
  ] as const)
    header.write(octal(value, 7), offset);
  header.write(octal(sizeBytes, SIZE.sizeBytes - 1), SIZE.offset);
  header.write(octal(0, 11), 136);
  header.write('0', TYPE_OFFSET);
  header.write('ustar', MAGIC_OFFSET);
  header.write('00', VERSION_OFFSET);
  header.fill(SPACE, CHECKSUM.offset, CHECKSUM.offset + CHECKSUM.sizeBytes);
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\0`,
    CHECKSUM.offset,
  );
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** A path of more than 100 bytes goes into two fields, cut at a slash. */
function splitPath(path: string): { readonly name: string; readonly prefix: string } {
  if (Buffer.byteLength(path) <= NAME.sizeBytes) return { name: path, prefix: '' };
  const cut = path.lastIndexOf('/', PREFIX.sizeBytes);
  const [prefix, name] = [path.slice(0, Math.max(cut, 0)), path.slice(cut + 1)];
  const fits = Buffer.byteLength(prefix) <= PREFIX.sizeBytes && Buffer.byteLength(name) <= NAME.sizeBytes;
  if (cut <= 0 || !fits) throw refused(`the path ${JSON.stringify(path)} is too long`);
  return { name, prefix };
}
