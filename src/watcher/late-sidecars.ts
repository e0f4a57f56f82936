import { join } from 'node:path';
import type { Drop, DropFolderName } from '../model/drop.ts';
import { COMPANION_SUFFIXES, type EntryName, entryName } from './entry-name.ts';
import { exists, pathIn } from './files.ts';
import { readSidecar } from './sidecar.ts';
import type { SubFolders } from './sub-folders.ts';

/** Drops whose sidecar is still welcome; the oldest goes first. */
const MOST_REMEMBERED = 1_000;

/** The image that a sidecar is about. */
export function imageOfSidecar({ bytes, text }: EntryName): EntryName {
  const suffix = COMPANION_SUFFIXES.find((candidate) => text.toLowerCase().endsWith(candidate)) ?? '';
  return entryName(bytes.subarray(0, bytes.length - suffix.length));
}

/**
 * Sidecars that arrive after their image was taken. Left behind, one would condemn the next image of that name, so it
 * follows the file it belongs to. One with any other hash stays: its image is yet to come.
 */
export class LateSidecars {
  readonly #root: string;
  readonly #folders: SubFolders;
  readonly #images = new Map<string, { readonly sha256: string; readonly path: string }>();

  constructor(root: string, folders: SubFolders) {
    this.#root = root;
    this.#folders = folders;
  }

  /** Where a taken file stands now. */
  remember(drop: Drop, folder: DropFolderName, placedName: string | null): void {
    this.#images.delete(drop.name);
    if (placedName === null) return;
    this.#images.set(drop.name, { sha256: drop.sha256, path: join(this.#folders.pathOf(folder), placedName) });
    const [oldest] = this.#images.keys();
    if (this.#images.size > MOST_REMEMBERED && oldest !== undefined) this.#images.delete(oldest);
  }

  async adopt(sidecar: EntryName): Promise<void> {
    const image = imageOfSidecar(sidecar);
    const known = this.#images.get(image.text);
    if (known === undefined || (await exists(pathIn(this.#root, image)))) return;
    if ((await readSidecar(pathIn(this.#root, sidecar)))?.sha256 !== known.sha256) return;
    await this.#folders.moveSidecar(pathIn(this.#root, image), known.path);
  }
}
