import type { BigIntStats } from 'node:fs';

/** What one look at a file shows of it, without its content. */
export interface Snapshot {
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  /** Changes with every write and cannot be set back, unlike `mtimeNs` (Samba and FTP servers set that at will). */
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;
  readonly inode: bigint;
  readonly volume: bigint;
}

/** Two that are equal: nothing was written in between, as far as the system tells. */
export function snapshotOf(stats: BigIntStats): Snapshot {
  return {
    sizeBytes: Number(stats.size),
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    birthtimeNs: stats.birthtimeNs,
    inode: stats.ino,
    volume: stats.dev,
  };
}

/** True where nothing happened to the file between two looks. */
export function isUnchanged(one: Snapshot, other: Snapshot): boolean {
  return isSameContent(one, other) && one.ctimeNs === other.ctimeNs;
}

/** True where the bytes are the same ones, though the file may have been renamed (which changes `ctimeNs`) in between. */
export function isSameContent(one: Snapshot, other: Snapshot): boolean {
  return isSameInode(one, other) && one.sizeBytes === other.sizeBytes && one.mtimeNs === other.mtimeNs;
}

/**
 * True where a file seen earlier under another name is this one, whatever was written to it since. Inode numbers are used
 * again at once; only the birth time tells a renamed file from a new one, so that without one (0) the answer is no.
 */
export function isSameBirth(one: Snapshot, other: Snapshot): boolean {
  return isSameInode(one, other) && one.birthtimeNs !== 0n && one.birthtimeNs === other.birthtimeNs;
}

/** True where a path still leads to the same folder: one that was deleted and made again may have got its inode back. */
export function isSameFolder(one: Snapshot, other: Snapshot): boolean {
  return isSameInode(one, other) && one.birthtimeNs === other.birthtimeNs;
}

/** True where it is the same file, or a later one that got its inode. */
export function isSameInode(one: Snapshot, other: Snapshot): boolean {
  return one.volume === other.volume && one.inode === other.inode;
}
