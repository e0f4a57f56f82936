import { sha256InSteps } from '../firmware/bytes.ts';
import { pathBeside } from '../firmware/packages/manifest.ts';
import { packTar } from '../firmware/packages/tar.ts';
import { RELEASE_FILE } from '../firmware/release-archive.ts';
import type { Drop } from '../model/drop.ts';
import { entryNameOf } from './entry-name.ts';
import { lookInside, pathIn, readUnchanged } from './files.ts';

interface NamedBytes {
  /** As the release file writes it. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

/**
 * A release folder as one file: the release file and the images that it names, and nothing else. The same content packs to the same
 * bytes. Throws PACKAGE_REFUSED where a path is too long for any archive.
 */
export function packRelease(releaseFile: Uint8Array, images: readonly NamedBytes[]): Uint8Array {
  const parts = images.map(({ file, bytes }) => ({ path: pathBeside(RELEASE_FILE, file), bytes }));
  parts.sort((one, other) => (one.path < other.path ? -1 : 1));
  return packTar([{ path: RELEASE_FILE, bytes: releaseFile }, ...parts]);
}

/** Whether this folder holds what the drop was taken for. Other files in it count for nothing. */
export async function holdsRelease(folder: string, { release, sha256 }: Drop): Promise<boolean> {
  if (release === undefined) return false;
  const releaseFile = await readInside(folder, RELEASE_FILE);
  if (releaseFile === null) return false;
  const images: NamedBytes[] = [];
  for (const { file } of release.manifest.images) {
    const bytes = await readInside(folder, pathBeside(RELEASE_FILE, file));
    if (bytes === null) return false;
    images.push({ file, bytes });
  }
  return (await sha256InSteps(packRelease(releaseFile, images))) === sha256;
}

async function readInside(folder: string, path: string): Promise<Uint8Array | null> {
  const look = await lookInside(folder, path);
  return look?.type === 'file' ? await readUnchanged(pathIn(folder, entryNameOf(path)), look.snapshot) : null;
}
