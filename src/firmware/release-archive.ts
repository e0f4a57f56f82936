import { type ErrorReport, FlashError } from '../errors.ts';
import type { Dossier } from '../model/image.ts';
import type { ReleaseEntry, ReleaseManifest } from '../model/release-file.ts';
import { sha256Of } from './bytes.ts';
import { readDossier } from './dossier.ts';
import { problem } from './findings.ts';
import { pathBeside, shallowest } from './packages/manifest.ts';
import { openArchive } from './packages/package.ts';

/** The name of a release file within an archive. */
export const RELEASE_FILE = 'release.yaml';

/** Reads the text of a release file. Throws RELEASE_INVALID. */
export type ParseRelease = (text: string, file: string) => ReleaseManifest;

/** An image of a release, with its bytes. */
export interface ReleaseImage {
  readonly entry: ReleaseEntry;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly dossier: Dossier;
}

/** What was found: with any problem it is not for use. */
export interface ReleaseReading {
  /** Null where it cannot be read. */
  readonly manifest: ReleaseManifest | null;
  /** Those that are there, in the order of the manifest. */
  readonly images: readonly ReleaseImage[];
  readonly problems: readonly ErrorReport[];
}

/** The release in an archive; null where these bytes are no archive, or one without a release file. Pure, and total. */
export function readReleaseArchive(bytes: Uint8Array, name: string, parse: ParseRelease): ReleaseReading | null {
  try {
    const files = openArchive(bytes);
    const [path] = files === null ? [] : shallowest(files.paths, (candidate) => candidate === RELEASE_FILE);
    if (files === null || path === undefined) return null;
    const text = new TextDecoder().decode(files.read(path) ?? new Uint8Array());
    return readRelease(text, `${name}/${path}`, parse, (file) => files.read(pathBeside(path, file)));
  } catch (error) {
    if (!(error instanceof FlashError)) throw error;
    // What is wrong with the archive itself, its dossier tells.
    return null;
  }
}

/** Reads a release file and its images, wherever they are. `read`: the bytes of an image, or null where there is none. Total. */
export function readRelease(
  text: string,
  file: string,
  parse: ParseRelease,
  read: (path: string) => Uint8Array | null,
): ReleaseReading {
  try {
    const manifest = parse(text, file);
    const found = manifest.images.map((entry) => readImage(entry, file, read));
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

function readImage(
  entry: ReleaseEntry,
  file: string,
  read: (path: string) => Uint8Array | null,
): ReleaseImage | ErrorReport {
  try {
    const bytes = read(entry.file);
    if (bytes === null) return problem('RELEASE_IMAGE_MISSING', `${file} names ${entry.file}, which is not there`);
    return { entry, bytes, sha256: sha256Of(bytes), dossier: readDossier(bytes, entry.file) };
  } catch (error) {
    if (!(error instanceof FlashError)) throw error;
    return error.toJSON();
  }
}

function problemsOf({ entry, sha256, dossier }: ReleaseImage, file: string): readonly ErrorReport[] {
  if (entry.sha256 === null || entry.sha256 === sha256) return dossier.problems;
  const message = `${entry.file} has the SHA-256 ${sha256}, but ${file} says ${entry.sha256}`;
  return [problem('IMAGE_HASH_MISMATCH', message, { sha256, expected: entry.sha256 })];
}
