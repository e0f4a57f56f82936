import { type ErrorReport, FlashError } from '../../errors.ts';
import type { Dossier } from '../../model/image.ts';
import { sha256Of } from '../bytes.ts';
import { readDossier } from '../dossier.ts';
import type { PackageFiles } from '../packages/archive.ts';
import { shallowest } from '../packages/manifest.ts';
import { openArchive, readPackage } from '../packages/package.ts';

/** A file out of an archive, read. */
export interface ExtractedImage {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly dossier: Dossier;
}

/** A file of an archive whose text was asked for. */
export interface ArchivedText {
  /** Within the archive. */
  readonly path: string;
  readonly text: string;
}

/**
 * What is read out of a whole file: each takes the bytes of the file and one thing more, and gives a value that can be handed from thread to
 * thread. All are pure and total: what is wrong with the bytes is part of the value.
 */
export const TASKS = {
  /** {@link readDossier}; given the file's name. */
  dossier: readDossier,
  /** {@link readPackage}: null where the bytes are no archive. */
  package: (bytes: Uint8Array, _nothing: null) => readPackage(bytes),
  /** The file of this name in an archive, the one nearest to its top; null where there is none. */
  text: readText,
  /** Files of an archive by their paths, in this order; null for one that is not there. */
  images: readImages,
} as const;

/** Names the task in the message to the thread. */
export type TaskName = keyof typeof TASKS;
/** What a task gets beside the bytes; it is copied to the thread. */
export type Given<Name extends TaskName> = Parameters<(typeof TASKS)[Name]>[1];
/** What a task gives back; it is copied from the thread. */
export type Result<Name extends TaskName> = ReturnType<(typeof TASKS)[Name]>;

/** Does a task here and now; the thread calls it, and {@link TASKS} says what it throws. */
export function perform<Name extends TaskName>(name: Name, bytes: Uint8Array, given: Given<Name>): Result<Name> {
  // A member of a union of functions, which the compiler does not connect with its argument.
  const task = TASKS[name] as (bytes: Uint8Array, given: Given<Name>) => Result<Name>;
  return task(bytes, given);
}

function readText(bytes: Uint8Array, fileName: string): ArchivedText | null {
  try {
    const files = openArchive(bytes);
    const [path] = files === null ? [] : shallowest(files.paths, (candidate) => candidate === fileName);
    if (files === null || path === undefined) return null;
    return { path, text: new TextDecoder().decode(files.read(path) ?? new Uint8Array()) };
  } catch (error) {
    if (!(error instanceof FlashError)) throw error;
    // What is wrong with the archive itself, its dossier tells.
    return null;
  }
}

function readImages(bytes: Uint8Array, paths: readonly string[]): (ExtractedImage | ErrorReport | null)[] {
  let files: PackageFiles | null = null;
  return paths.map((path) => {
    try {
      files ??= openArchive(bytes);
      const image = files?.read(path) ?? null;
      return image === null ? null : { bytes: image, sha256: sha256Of(image), dossier: readDossier(image, path) };
    } catch (error) {
      if (!(error instanceof FlashError)) throw error;
      return error.toJSON();
    }
  });
}
