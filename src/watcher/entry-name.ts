import { isUtf8 } from 'node:buffer';
import { DROP_FOLDERS, type DropFolderName } from '../model/drop.ts';

/**
 * A name as the file system keeps it. On Linux that is any bytes but NUL and `/`, so the bytes are the name and `text` is
 * what the journal, the log and people get to see of it.
 */
export interface EntryName {
  readonly bytes: Buffer;
  /** The name itself where it is UTF-8; otherwise with each stray byte written as `\xNN`. Always well-formed. */
  readonly text: string;
  /** Identifies the entry within its folder: one character a byte. */
  readonly key: string;
}

/** For a name as the system gave it, whatever bytes it has. */
export function entryName(bytes: Buffer): EntryName {
  return {
    bytes,
    text: isUtf8(bytes) ? bytes.toString('utf8') : escapeStrayBytes(bytes),
    key: bytes.toString('latin1'),
  };
}

/** For a name that this program has made. */
export function entryNameOf(text: string): EntryName {
  return entryName(Buffer.from(text, 'utf8'));
}

/** Keeps each run of bytes that is UTF-8 and escapes the others, so that two names never look alike by accident. */
function escapeStrayBytes(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((size) => at + size <= bytes.length && isUtf8(bytes.subarray(at, at + size))) ?? 0;
    text += length === 0 ? `\\x${bytes.toString('hex', at, at + 1)}` : bytes.toString('utf8', at, at + length);
    at += Math.max(1, length);
  }
  return text;
}

/** What stands beside a file and belongs to it. */
export const SIDECAR_SUFFIX = '.sha256';
export const SIGNATURE_SUFFIX = '.minisig';
/** What may stand beside an image and travels with it. */
export const COMPANION_SUFFIXES = [SIDECAR_SUFFIX, SIGNATURE_SUFFIX] as const;
export const RESULT_SUFFIX = '.result.json';

/** What other programs call a file that they are not done with. */
const TEMPORARY_SUFFIXES = ['~', '.part', '.tmp', '.crdownload', '.filepart', '.swp'] as const;

/** `image`: could be firmware. `temporary`: an upload under way. `sidecar`: a `.sha256` or a `.minisig`. `own`: dropflash put it there. */
export type NameKind = 'image' | 'temporary' | 'sidecar' | 'own';

/** What an entry of the drop folder is, by its name alone. Suffixes count in either case: shares come from everywhere. */
export function kindOfName({ text }: EntryName): NameKind {
  const lower = text.toLowerCase();
  if (isDropFolderName(text) || lower.endsWith(RESULT_SUFFIX)) return 'own';
  if (text.startsWith('.') || TEMPORARY_SUFFIXES.some((suffix) => lower.endsWith(suffix))) return 'temporary';
  return COMPANION_SUFFIXES.some((suffix) => lower.endsWith(suffix)) ? 'sidecar' : 'image';
}

function isDropFolderName(text: string): text is DropFolderName {
  return (DROP_FOLDERS as readonly string[]).includes(text);
}

/** File systems allow 255; the longest companion is `.<name>.result.json.tmp`. */
const LONGEST_PLACED_BYTES = 255 - Buffer.byteLength(`.${RESULT_SUFFIX}.tmp`);

/**
 * The names a dropped file may get in a sub-folder, best first: its own; with the first eight digits of its SHA-256 before
 * the extension, as `app.3f2a9c01.bin`; and so on with a number, as `app.3f2a9c01-2.bin`. A name too long to leave room for
 * its companions is cut, and then always carries the digits.
 */
export function* placedNames(name: string, sha256: string): Generator<string, never> {
  const { stem, extension } = splitExtension(name);
  const mark = `.${sha256.slice(0, 8)}`;
  if (Buffer.byteLength(name) <= LONGEST_PLACED_BYTES) yield name;
  for (let turn = 1; ; turn += 1) {
    const suffix = `${mark}${turn === 1 ? '' : `-${turn}`}${extension}`;
    yield `${cutToBytes(stem, LONGEST_PLACED_BYTES - Buffer.byteLength(suffix))}${suffix}`;
  }
}

function splitExtension(name: string): { stem: string; extension: string } {
  const match = /^(.+?)((?:\.[A-Za-z0-9]{1,8}){1,2})$/s.exec(name);
  return { stem: match?.[1] ?? name, extension: match?.[2] ?? '' };
}

/** Never cuts through a character. */
function cutToBytes(text: string, sizeBytes: number): string {
  let cut = '';
  let usedBytes = 0;
  for (const character of text) {
    usedBytes += Buffer.byteLength(character);
    if (usedBytes > sizeBytes) break;
    cut += character;
  }
  return cut;
}
