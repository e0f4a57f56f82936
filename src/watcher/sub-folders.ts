import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { DROP_FOLDERS, type Drop, type DropFolderName, type DropResult, type FinalFolder } from '../model/drop.ts';
import { COMPANION_SUFFIXES, type EntryName, entryNameOf, placedNames } from './entry-name.ts';
import { errorCode, exists, lookAt, moveFile, pathIn, readFolder, syncFolder } from './files.ts';
import { commitPending, dropOfResult, nameOfPending, pendingPath, resultPath, writePending } from './results.ts';
import { isSameContent, type Snapshot } from './snapshot.ts';

/** A file of the drop folder that is to leave it. */
export interface Departure {
  readonly name: EntryName;
  /** As it was when its content was read. */
  readonly snapshot: Snapshot;
  /** Marks the name where the plain one is taken; null where the content was never read. */
  readonly sha256: string | null;
}

/**
 * The folders under the drop folder. Only this object writes there, one move at a time, so that a name found free stays free;
 * file systems of the network know no rename that refuses to overwrite.
 */
export class SubFolders {
  readonly #root: string;
  readonly #log: Logger;
  readonly #onReturn: (name: EntryName, snapshot: Snapshot) => void;
  #turn: Promise<unknown> = Promise.resolve();

  /** `onReturn` is told of each file before it is put back into the drop folder. */
  constructor(root: string, log: Logger, onReturn: (name: EntryName, snapshot: Snapshot) => void) {
    this.#root = root;
    this.#log = log;
    this.#onReturn = onReturn;
  }

  pathOf(folder: DropFolderName): string {
    return join(this.#root, folder);
  }

  /** @throws the system's error where a folder cannot be made. */
  async make(): Promise<void> {
    for (const folder of DROP_FOLDERS) await this.#make(folder);
  }

  /** Brings the moves that a crash cut in two to their end. */
  async recover(): Promise<void> {
    for (const folder of DROP_FOLDERS) {
      for (const { name } of await readFolder(this.pathOf(folder))) await this.#recoverEntry(folder, name.text);
    }
  }

  async #recoverEntry(folder: DropFolderName, entry: string): Promise<void> {
    const name = nameOfPending(entry);
    if (name === null) return;
    if (await exists(join(this.pathOf(folder), name))) return commitPending(this.pathOf(folder), name);
    await rm(join(this.pathOf(folder), entry), { force: true });
  }

  /**
   * Moves a file of the drop folder, with its sidecar, into `working/`.
   *
   * @returns its name there; null where it was gone, or where another file had taken its place and was put back.
   * @throws FlashError WATCH_MOVE_FAILED
   */
  takeIn(departure: Departure): Promise<string | null> {
    return this.#inTurn(departure.name.text, async () => {
      const name = await this.#freeName('working', departure.name.text, departure.sha256);
      return (await this.#depart(departure, 'working', name)) ? name : null;
    });
  }

  /**
   * Moves a file of the drop folder that is no firmware, with its sidecar, into `rejected/`, and its result after it.
   *
   * @returns false where it was gone or had been replaced, so that nothing was decided about it.
   * @throws FlashError WATCH_MOVE_FAILED
   */
  reject(departure: Departure, result: DropResult): Promise<boolean> {
    return this.#inTurn(departure.name.text, async () => {
      const folder = this.pathOf('rejected');
      const name = await this.#freeName('rejected', departure.name.text, departure.sha256);
      await writePending(folder, name, { ...result, drop: null });
      if (!(await this.#depart(departure, 'rejected', name))) {
        await rm(pendingPath(folder, name), { force: true });
        return false;
      }
      await commitPending(folder, name);
      await syncFolder(folder);
      return true;
    });
  }

  /**
   * Moves a file from `working/` to its last folder, with its sidecar, and its result after it. May be repeated.
   *
   * @returns its name there; null where someone else had removed it, so that there is only a result.
   * @throws FlashError WATCH_MOVE_FAILED
   */
  finish(drop: Drop, folder: FinalFolder, result: DropResult): Promise<string | null> {
    return this.#inTurn(drop.name, async () => {
      const target = this.pathOf(folder);
      const source = await this.#sourceOf(drop);
      const begun = source === null ? await this.#begunName(drop, folder) : null;
      const name = begun ?? (await this.#freeName(folder, drop.name, drop.sha256));
      await writePending(target, name, { ...result, drop: drop.id });
      if (source !== null) await moveFile(join(this.pathOf('working'), source), join(target, name));
      if (drop.placedName !== null) {
        await this.moveSidecar(join(this.pathOf('working'), drop.placedName), join(target, name));
      }
      await commitPending(target, name);
      await syncFolder(target);
      return (await exists(join(target, name))) ? name : null;
    });
  }

  /** Moves the sidecars of `from` to those of `to`. They are companions: failing to move one stops nothing. */
  async moveSidecar(from: Buffer | string, to: string): Promise<void> {
    for (const suffix of COMPANION_SUFFIXES) await this.#moveCompanion(from, to, suffix);
  }

  async #moveCompanion(from: Buffer | string, to: string, suffix: string): Promise<void> {
    const source = Buffer.concat([Buffer.from(from), Buffer.from(suffix)]);
    try {
      if ((await lookAt(source))?.type === 'file') await moveFile(source, `${to}${suffix}`);
    } catch (error) {
      this.#log.warn('file.sidecar_left', { file: source.toString(), reason: errorCode(error) });
    }
  }

  /** The drop's name in `working/` while its file is there. One that was written to after it was taken is put back. */
  async #sourceOf(drop: Drop): Promise<string | null> {
    if (drop.placedName === null) return null;
    const path = join(this.pathOf('working'), drop.placedName);
    const look = await lookAt(path);
    if (look === null) return null;
    // What is changed in a folder that was taken is not looked at: its images are in the store.
    if (look.type === 'folder' || look.snapshot.sizeBytes === drop.sizeBytes) return drop.placedName;
    await this.#putBack(path, look.snapshot, drop.name);
    return null;
  }

  /** The name under which an earlier call, cut short, had begun to finish this drop. */
  async #begunName(drop: Drop, folder: FinalFolder): Promise<string | null> {
    const target = this.pathOf(folder);
    for (const name of placedNames(drop.name, drop.sha256)) {
      const results = [resultPath(target, name), pendingPath(target, name)];
      const owners = await Promise.all(results.map(dropOfResult));
      if (owners.includes(drop.id)) return name;
      if (await this.#isFree(target, name)) return null;
    }
    return null;
  }

  async #depart({ name, snapshot }: Departure, folder: DropFolderName, placedName: string): Promise<boolean> {
    const source = pathIn(this.#root, name);
    const target = join(this.pathOf(folder), placedName);
    const before = await lookAt(source);
    if (before === null || !isSameContent(before.snapshot, snapshot)) return false;
    await moveFile(source, target);
    const moved = await lookAt(target);
    const isOnSameVolume = moved?.snapshot.volume === snapshot.volume;
    if (moved?.type === 'file' && isOnSameVolume && !isSameContent(moved.snapshot, snapshot)) {
      await this.#putBack(target, moved.snapshot, name.text);
      return false;
    }
    await this.moveSidecar(source, target);
    return true;
  }

  /** It is not what was taken: it goes back, to be taken in its own right. */
  async #putBack(path: string, snapshot: Snapshot, name: string): Promise<void> {
    for (const free of placedNames(name, String(Date.now()))) {
      if (await exists(join(this.#root, free))) continue;
      this.#log.warn('file.put_back', { file: free, reason: 'it changed after its content was read' });
      this.#onReturn(entryNameOf(free), snapshot);
      return moveFile(path, join(this.#root, free));
    }
  }

  async #freeName(folder: DropFolderName, name: string, sha256: string | null): Promise<string> {
    await this.#make(folder);
    const candidates = placedNames(name, sha256 ?? 'unread');
    for (;;) {
      const candidate = candidates.next().value;
      if (await this.#isFree(this.pathOf(folder), candidate)) return candidate;
    }
  }

  async #isFree(folder: string, name: string): Promise<boolean> {
    const path = join(folder, name);
    const found = await Promise.all(
      [path, ...COMPANION_SUFFIXES.map((suffix) => `${path}${suffix}`), resultPath(folder, name)].map(exists),
    );
    return !found.includes(true);
  }

  /** Not recursive: where the drop folder itself is gone, its share may be unmounted, and nothing is made in its place. */
  async #make(folder: DropFolderName): Promise<void> {
    try {
      await mkdir(this.pathOf(folder));
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }

  /** One after the other; a failure of one is not the next one's. */
  #inTurn<T>(name: string, move: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(move).catch((error: unknown) => {
      const code = errorCode(error);
      if (code === null) throw error;
      throw new FlashError('WATCH_MOVE_FAILED', `"${name}" could not be moved (${code})`, { cause: error });
    });
    this.#turn = run.catch(() => undefined);
    return run;
  }
}
