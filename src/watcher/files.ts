import { constants } from 'node:fs';
import { copyFile, cp, type FileHandle, lstat, open, readdir, rename, rm, utimes } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { type EntryName, entryName, entryNameOf } from './entry-name.ts';
import { isUnchanged, type Snapshot, snapshotOf } from './snapshot.ts';

/** Of an entry that may be looked into. Folders and links are known by their type alone. */
export type EntryType = 'file' | 'folder' | 'link' | 'special';

/** One line of a folder; nothing of it was opened. */
export interface FolderEntry {
  readonly name: EntryName;
  readonly type: EntryType;
}

interface TypedEntry {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** Names and types in one call; nothing is looked at. */
export async function readFolder(folder: string): Promise<FolderEntry[]> {
  const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' });
  return entries.map((entry) => ({ name: entryName(entry.name), type: typeOf(entry) }));
}

function typeOf(entry: TypedEntry): EntryType {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'folder';
  return entry.isSymbolicLink() ? 'link' : 'special';
}

/** As bytes, because the name may be no UTF-8. */
export function pathIn(folder: string, name: EntryName, suffix = ''): Buffer {
  return Buffer.concat([Buffer.from(join(folder, sep)), name.bytes, Buffer.from(suffix)]);
}

/** What the system tells of an entry without opening it; a link is not followed. */
export interface EntryLook {
  readonly type: EntryType;
  readonly snapshot: Snapshot;
  /** The user it belongs to; 0 on Windows, which has none. */
  readonly ownerUid: number;
}

/** One look at an entry, without following it; null where there is none (or where its name is too long to exist). */
export async function lookAt(path: Buffer | string): Promise<EntryLook | null> {
  try {
    const stats = await lstat(path, { bigint: true });
    return { type: typeOf(stats), snapshot: snapshotOf(stats), ownerUid: Number(stats.uid) };
  } catch (error) {
    if (isMissing(error) || errorCode(error) === 'ENAMETOOLONG') return null;
    throw error;
  }
}

/**
 * One look at an entry of a folder, by its path from there with slashes. Null also where a step on the way is no folder: a link may lead
 * anywhere.
 */
export async function lookInside(folder: string, path: string): Promise<EntryLook | null> {
  const steps = path.split('/');
  for (let depth = 1; depth < steps.length; depth += 1) {
    const look = await lookAt(pathIn(folder, entryNameOf(steps.slice(0, depth).join('/'))));
    if (look?.type !== 'folder') return null;
  }
  return lookAt(pathIn(folder, entryNameOf(path)));
}

/** More files than any release has. */
const MOST_TREE_ENTRIES = 5_000;

/** Everything in a folder and below, links not followed, as far as its first {@link MOST_TREE_ENTRIES} entries. */
export async function lookAtTree(folder: string): Promise<readonly Snapshot[]> {
  const found: Snapshot[] = [];
  const folders = [Buffer.from(folder)];
  for (let next = folders.pop(); next !== undefined && found.length < MOST_TREE_ENTRIES; next = folders.pop()) {
    for (const name of await readdir(next, { encoding: 'buffer' })) {
      const path = Buffer.concat([next, Buffer.from(sep), name]);
      const look = await lookAt(path);
      if (look === null) continue;
      found.push(look.snapshot);
      if (look.type === 'folder') folders.push(path);
    }
  }
  return found;
}

/** A link counts, wherever it leads. */
export async function exists(path: Buffer | string): Promise<boolean> {
  return (await lookAt(path)) !== null;
}

/** The system's name of an error (`ENOENT`), or null for any other kind of error. */
export function errorCode(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' ? code : null;
}

/** Whether an error of the file system says that nothing is there. */
export function isMissing(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Never waits for the other end of a FIFO, never follows a link. Windows knows neither flag. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * The bytes of a file, or null where it is no longer the file of `expected`, is not one any more, or changed while it was
 * read. Throws the system's error where it cannot be opened or read.
 */
export async function readUnchanged(path: Buffer, expected: Snapshot): Promise<Uint8Array | null> {
  let handle: FileHandle;
  try {
    handle = await open(path, OPEN_FLAGS);
  } catch (error) {
    if (isMissing(error) || errorCode(error) === 'ELOOP') return null;
    throw error;
  }
  try {
    const before = await handle.stat({ bigint: true });
    if (!before.isFile() || !isUnchanged(snapshotOf(before), expected)) return null;
    const bytes = await readExactly(handle, expected.sizeBytes);
    const after = await handle.stat({ bigint: true });
    return isUnchanged(snapshotOf(after), expected) ? bytes : null;
  } finally {
    await handle.close();
  }
}

/** Null where the file ends early. */
async function readExactly(handle: FileHandle, sizeBytes: number): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; ) {
    const { bytesRead } = await handle.read(bytes, at, sizeBytes - at, at);
    if (bytesRead === 0) return null;
    at += bytesRead;
  }
  return bytes;
}

/** Begins the name of a copy that is on its way between two volumes. Its source is still where it was. */
export const MOVING_PREFIX = '.moving-';

/**
 * Moves a file or a folder to a free name. Where the two lie on different volumes it is copied under a temporary name, synced and
 * renamed before the source goes, so that it is never in neither place.
 */
export async function moveFile(from: Buffer | string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw error;
    await moveAcrossVolumes(from, to);
  }
}

async function moveAcrossVolumes(from: Buffer | string, to: string): Promise<void> {
  const temporary = join(dirname(to), `${MOVING_PREFIX}${process.pid}.tmp`);
  if ((await lookAt(from))?.type === 'folder') return moveFolderAcrossVolumes(from, temporary, to);
  try {
    await copyFile(from, temporary);
    const { atime, mtime } = await lstat(from);
    await utimes(temporary, atime, mtime);
    await syncFile(temporary);
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rm(from);
}

async function moveFolderAcrossVolumes(from: Buffer | string, temporary: string, to: string): Promise<void> {
  try {
    await cp(String(from), temporary, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    for (const entry of await readdir(temporary, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) await syncFile(join(entry.parentPath, entry.name));
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await rm(from, { recursive: true });
}

/** Makes the content of a file outlive a power cut. */
async function syncFile(path: string): Promise<void> {
  await using handle = await open(path, 'r+');
  await handle.sync();
}

/** Makes the names in a folder outlive a power cut. Windows has no such call and needs none. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  await using handle = await open(path, constants.O_RDONLY);
  await handle.sync();
}
