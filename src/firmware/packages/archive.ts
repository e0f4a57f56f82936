import { FlashError } from '../../errors.ts';
import { count } from '../findings.ts';

/** The files of a package. They are read when asked for: an archive of a whole build folder costs what its manifest names. */
export interface PackageFiles {
  readonly paths: readonly string[];
  /**
   * The bytes of a file of {@link paths}, or null where there is none of that path.
   *
   * @throws FlashError IMAGE_CORRUPT, IMAGE_TRUNCATED, PACKAGE_REFUSED
   */
  read(path: string): Uint8Array | null;
}

/** A build folder with all its object files has some thousands. */
export const MOST_ENTRIES = 20_000;
/** Everything that is read out of one archive: four boards' worth of 16 MB. */
export const MOST_CONTENT_BYTES = 64 * 1024 * 1024;

/** Collects the names of an archive, and refuses what an archive of firmware has no reason to hold. */
export class EntryNames<Place> {
  readonly #places = new Map<string, Place>();

  get paths(): string[] {
    return [...this.#places.keys()];
  }

  placeOf(path: string): Place | null {
    return this.#places.get(path) ?? null;
  }

  /** @throws FlashError PACKAGE_REFUSED */
  add(name: string, place: Place): void {
    const path = safePath(name);
    if (this.#places.has(path)) throw refused(`it holds two files of the name ${JSON.stringify(path)}`);
    if (this.#places.size >= MOST_ENTRIES) throw refused(`it holds more than ${count(MOST_ENTRIES)} files`);
    this.#places.set(path, place);
  }
}

/** `build\\app.bin` and `./build/app.bin` are `build/app.bin`; what leads out of the archive's own tree is refused. */
export function safePath(name: string): string {
  const slashed = name.replaceAll('\\', '/');
  const isOutside = slashed.startsWith('/') || /^[A-Za-z]:/.test(slashed) || slashed.split('/').includes('..');
  if (isOutside) throw refused(`the name ${JSON.stringify(name)} leads out of the archive`);
  if (/[\p{Cc}\p{Cf}]/u.test(slashed)) throw refused(`the name ${JSON.stringify(name)} is not plain text`);
  const path = slashed
    .split('/')
    .filter((step) => step !== '' && step !== '.')
    .join('/');
  if (path === '') throw refused('it holds a file without a name');
  return path;
}

/** PACKAGE_REFUSED: it may be whole, and is not taken. */
export function refused(message: string): FlashError {
  return new FlashError('PACKAGE_REFUSED', message);
}

/** IMAGE_CORRUPT: the archive itself is damaged. */
export function corrupt(message: string): FlashError {
  return new FlashError('IMAGE_CORRUPT', message);
}
