import { resolve } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { isSameFolder, type Snapshot } from './snapshot.ts';

/**
 * A hint that something happened to an entry of the watched folder.
 * - `name`: null where the system did not say which.
 * - `isWrite`: the entry was written to or its attributes were changed; otherwise it appeared, went, or was replaced.
 */
export interface FolderHint {
  readonly name: string | null;
  readonly isWrite: boolean;
}

/**
 * The events of one folder. Only chokidar's raw ones are used: they come first, they tell a write from a rename, and they cost
 * one watch for the whole folder however many files it holds. Its own view of the folder stays empty (everything in it is
 * ignored), since the scan is what decides.
 */
export class FolderEvents {
  readonly #folder: string;
  readonly #onHint: (hint: FolderHint) => void;
  readonly #onLost: (error: unknown) => void;
  #watcher: FSWatcher | null = null;
  #watched: Snapshot | null = null;

  /** `onLost` is told when the system has no watch to give, or takes one back. */
  constructor(folder: string, onHint: (hint: FolderHint) => void, onLost: (error: unknown) => void) {
    this.#folder = resolve(folder);
    this.#onHint = onHint;
    this.#onLost = onLost;
  }

  get isLive(): boolean {
    return this.#watcher !== null;
  }

  /** Sees to it that events come from the folder as it is now: a folder made again under the same path is another one. */
  async follow(folder: Snapshot): Promise<void> {
    if (this.#watcher !== null && this.#watched !== null && isSameFolder(this.#watched, folder)) return;
    await this.close();
    const watcher = watch(this.#folder, {
      ignored: (path) => resolve(path) !== this.#folder,
      ignoreInitial: true,
      followSymlinks: true,
      atomic: false,
      depth: 0,
    });
    this.#watcher = watcher;
    this.#watched = folder;
    watcher.on('raw', (event: string, name: string | null) => this.#onHint({ name, isWrite: event === 'change' }));
    await new Promise<void>((ready) => {
      watcher.once('ready', ready);
      watcher.on('error', (error) => {
        this.#lose(watcher, error);
        ready();
      });
    });
  }

  async close(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = null;
    await watcher?.close();
  }

  #lose(watcher: FSWatcher, error: unknown): void {
    if (this.#watcher !== watcher) return;
    this.#onLost(error);
    void this.close();
  }
}
