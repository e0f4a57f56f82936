import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { FlashError } from '../errors.ts';
import { LARGEST_IMAGE_BYTES, readDossier } from '../firmware/dossier.ts';
import { packFolder } from '../firmware/packages/folder.ts';
import type { FirmwareImage } from '../model/image.ts';

/**
 * Reads a file and its dossier; a folder is read as the package in it.
 *
 * @throws FlashError IMAGE_UNREADABLE, IMAGE_TOO_LARGE before it reads what no flash can hold, and what {@link packFolder} throws
 */
export async function readImage(path: string, cwd: string): Promise<FirmwareImage> {
  const bytes = await readBytes(path, resolve(cwd, path));
  const name = basename(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { sha256, name, sizeBytes: bytes.length, dossier: readDossier(bytes, name), bytes };
}

/**
 * The bytes of a file, or of the package in a folder. `path` is what messages call it.
 *
 * @throws FlashError as {@link readImage}
 */
export async function readBytes(path: string, absolute: string): Promise<Uint8Array> {
  try {
    const found = await stat(absolute);
    if (found.isDirectory()) return await packFolder(absolute);
    const { size } = found;
    if (size > LARGEST_IMAGE_BYTES) {
      throw new FlashError(
        'IMAGE_TOO_LARGE',
        `${path}: it has ${size} bytes; the largest flash has ${LARGEST_IMAGE_BYTES}`,
      );
    }
    return await readFile(absolute);
  } catch (cause) {
    if (cause instanceof FlashError) throw cause;
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new FlashError('IMAGE_UNREADABLE', `${path}: the file cannot be read (${why})`, { cause });
  }
}
