import { type ErrorReport, FlashError } from '../errors.ts';
import type { ReleaseEntry, ReleaseManifest } from '../model/release-file.ts';
import { readApart } from './apart/read-apart.ts';
import type { ExtractedImage } from './apart/tasks.ts';
import { problem } from './findings.ts';
import { pathBeside } from './packages/manifest.ts';
import { isArchive } from './packages/package.ts';

/** The name of a release file within an archive. */
export const RELEASE_FILE = 'release.yaml';

/** Is this the name of a release file that lies beside its images? `release.yaml`, or anything that ends in `.release.yaml`. */
export function isReleaseFileName(name: string): boolean {
  return /(?:^|\.)release\.yaml$/i.test(name);
}

/** Reads the text of a release file. Throws RELEASE_INVALID. */
export type ParseRelease = (text: string, file: string) => ReleaseManifest;

/** An image of a release, with its bytes. */
export interface ReleaseImage extends ExtractedImage {
  readonly entry: ReleaseEntry;
}

/** What was found: with any problem it is not for use. */
export interface ReleaseReading {
  /** Null where it cannot be read. */
  readonly manifest: ReleaseManifest | null;
  /** Those that are there, in the order of the manifest. */
  readonly images: readonly ReleaseImage[];
  readonly problems: readonly ErrorReport[];
}

/** An image as it was read for a release; a report of what is wrong with it; null where there is none. */
export type FoundImage = ExtractedImage | ErrorReport | null;

/** The release in an archive; null where these bytes are no archive, or one without a release file. Total. */
export async function readReleaseArchive(
  bytes: Uint8Array,
  name: string,
  parse: ParseRelease,
): Promise<ReleaseReading | null> {
  const found = isArchive(bytes) ? await readApart('text', bytes, RELEASE_FILE) : null;
  if (found === null) return null;
  const { path, text } = found;
  return readRelease(text, `${name}/${path}`, parse, (entries) =>
    readApart(
      'images',
      bytes,
      entries.map(({ file }) => pathBeside(path, file)),
    ),
  );
}

/**
 * Reads a release file and its images, wherever they are. Total.
 *
 * @param read the images of these entries, in their order
 */
export async function readRelease(
  text: string,
  file: string,
  parse: ParseRelease,
  read: (entries: readonly ReleaseEntry[]) => Promise<readonly FoundImage[]>,
): Promise<ReleaseReading> {
  try {
    const manifest = parse(text, file);
    const images = await read(manifest.images);
    const found = manifest.images.map((entry, index) => imageOf(entry, file, images[index] ?? null));
    return {
      manifest,
      images: found.flatMap((image) => ('bytes' in image ? [image] : [])),
      problems: found.flatMap((image) => ('bytes' in image ? problemsOf(image, file) : [image])),
    };
  } catch (error) {
    if (!(error instanceof FlashError)) throw error;
    return { manifest: null, images: [], problems: [error.toJSON()] };
  }
}

function imageOf(entry: ReleaseEntry, file: string, found: FoundImage): ReleaseImage | ErrorReport {
  if (found === null) return problem('RELEASE_IMAGE_MISSING', `${file} names ${entry.file}, which is not there`);
  return 'bytes' in found ? { entry, ...found } : found;
}

function problemsOf({ entry, sha256, dossier }: ReleaseImage, file: string): readonly ErrorReport[] {
  if (entry.sha256 === null || entry.sha256 === sha256) return dossier.problems;
  const message = `${entry.file} has the SHA-256 ${sha256}, but ${file} says ${entry.sha256}`;
  return [problem('IMAGE_HASH_MISMATCH', message, { sha256, expected: entry.sha256 })];
}
