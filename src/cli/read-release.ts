import { lstat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseReleaseFile } from '../config/release-file.ts';
import { FlashError } from '../errors.ts';
import { sha256Of } from '../firmware/bytes.ts';
import { readDossier } from '../firmware/dossier.ts';
import { pathBeside } from '../firmware/packages/manifest.ts';
import {
  type FoundImage,
  isReleaseFileName,
  RELEASE_FILE,
  type ReleaseReading,
  readRelease,
  readReleaseArchive,
} from '../firmware/release-archive.ts';
import type { ReleaseEntry } from '../model/release-file.ts';
import { readBytes } from './read-image.ts';

/** A release as a command was given it: an archive, a folder, or a release file beside its images. */
export interface GivenRelease extends ReleaseReading {
  /** As it was given. */
  readonly file: string;
  /** Of the archive, or of the release file. */
  readonly sha256: string;
}

/**
 * The release at a path; null where there is none: a single image, a package, any other folder.
 *
 * @param rules that the release may name; null: any
 * @throws FlashError IMAGE_UNREADABLE, IMAGE_TOO_LARGE. What is wrong with the release itself is among its problems.
 */
export async function readGivenRelease(
  path: string,
  cwd: string,
  rules: readonly string[] | null,
): Promise<GivenRelease | null> {
  const parse = (text: string, file: string) => parseReleaseFile(text, file, rules);
  const absolute = resolve(cwd, path);
  const type = await lstat(absolute).catch(() => null);
  const releaseFile = type?.isDirectory() ? join(absolute, RELEASE_FILE) : absolute;
  if (!isReleaseFileName(basename(releaseFile)) || !(await isFile(releaseFile))) {
    if (type === null || type.isDirectory()) return null;
    const bytes = await readBytes(path, absolute);
    const reading = await readReleaseArchive(bytes, basename(path), parse);
    return reading === null ? null : { ...reading, file: path, sha256: sha256Of(bytes) };
  }
  const bytes = await readBytes(path, releaseFile);
  const label = type?.isDirectory() ? join(path, RELEASE_FILE) : path;
  const reading = await readRelease(new TextDecoder().decode(bytes), label, parse, (entries) =>
    Promise.all(entries.map((entry) => imageBeside(releaseFile, entry))),
  );
  return { ...reading, file: path, sha256: sha256Of(bytes) };
}

async function imageBeside(releaseFile: string, { file }: ReleaseEntry): Promise<FoundImage> {
  const path = join(dirname(releaseFile), pathBeside(RELEASE_FILE, file));
  if (!(await isFile(path))) return null;
  try {
    const bytes = await readBytes(file, path);
    return { bytes, sha256: sha256Of(bytes), dossier: readDossier(bytes, file) };
  } catch (error) {
    if (error instanceof FlashError) return error.toJSON();
    throw error;
  }
}

/** The drop folder follows no links either. */
async function isFile(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  return found?.isFile() === true;
}
