import { isUtf8 } from 'node:buffer';
import type { Clock, Timer } from '../clock.ts';
import { FlashError } from '../errors.ts';
import { sha256Of } from '../firmware/bytes.ts';
import { RELEASE_FILE } from '../firmware/release-archive.ts';
import type { Logger } from '../log.ts';
import type { Drop } from '../model/drop.ts';
import { type EntryName, entryNameOf } from './entry-name.ts';
import { errorCode, lookAt, lookInside, pathIn } from './files.ts';
import type { Intake, SettledFile } from './intake.ts';
import type { Notices } from './notices.ts';
import type { ReleaseFiles } from './release-files.ts';
import type { Snapshot } from './snapshot.ts';
import { WorkQueue } from './work-queue.ts';

/** No event comes from within a folder: while it changes it is looked at so often. */
const POLL_MS = 250;
/** A folder in which nothing has appeared for so many times `settleMs` is looked at with each scan only. */
const PATIENCE = 15;

interface WaitingFolder {
  readonly name: EntryName;
  readonly seenMs: number;
  /** Of its own list of names, as it was last seen to change, and when that was (monotonic). */
  mtimeNs: bigint | null;
  changedMs: number;
  wasTold: boolean;
  taken: { readonly drop: Drop; readonly snapshot: Snapshot } | null;
  isBusy: boolean;
  /** Asked for while it was busy: by now another folder may have its name. */
  wasHinted: boolean;
  timer: Timer | null;
}

/** What folders with a release file are judged with. */
export interface ReleaseFoldersParts {
  readonly root: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly notices: Notices;
  readonly intake: Intake;
  readonly settleMs: number;
  /** How long after trouble a folder is tried again, in milliseconds. */
  readonly retryMs: number;
  readonly releases: ReleaseFiles;
  readonly onTaken: (drop: Drop) => void;
}

/**
 * Folders in the drop folder that hold a release file. One is taken as a whole, like an archive, when all that the release file names is
 * there and the whole folder has stood still; any other folder is left alone.
 */
export class ReleaseFolders {
  readonly #parts: ReleaseFoldersParts;
  readonly #folders = new Map<string, WaitingFolder>();
  readonly #work = new WorkQueue(1);
  #isClosed = false;

  constructor(parts: ReleaseFoldersParts) {
    this.#parts = parts;
  }

  /** Asks for a look at the folder of this name, new or known. */
  look(name: EntryName): void {
    if (this.#isClosed || !isUtf8(name.bytes)) return;
    const folder = this.#folders.get(name.key) ?? this.#add(name);
    if (folder.isBusy) {
      folder.wasHinted = true;
      return;
    }
    folder.isBusy = true;
    folder.timer?.cancel();
    this.#work.add(() => this.#visit(folder));
  }

  /** Forgets the folders that a scan did not find. */
  retain(keys: ReadonlySet<string>): void {
    for (const folder of [...this.#folders.values()])
      if (!keys.has(folder.name.key) && !folder.isBusy) this.#forget(folder);
  }

  /** Stops looking, and resolves when a folder that is being taken in at this moment has reached a safe point. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { timer } of this.#folders.values()) timer?.cancel();
    await this.#work.close();
  }

  #add(name: EntryName): WaitingFolder {
    const { clock } = this.#parts;
    const folder: WaitingFolder = {
      name,
      seenMs: clock.now(),
      mtimeNs: null,
      changedMs: clock.monotonic(),
      wasTold: false,
      taken: null,
      isBusy: false,
      wasHinted: false,
      timer: null,
    };
    this.#folders.set(name.key, folder);
    return folder;
  }

  #forget(folder: WaitingFolder): void {
    folder.timer?.cancel();
    this.#folders.delete(folder.name.key);
    this.#parts.releases.forget(releaseFileIn(folder.name));
    this.#parts.notices.settle(folder.name.key);
  }

  async #visit(folder: WaitingFolder): Promise<void> {
    const { clock, notices, retryMs } = this.#parts;
    let againMs: number | null;
    try {
      againMs = await this.#advance(folder);
    } catch (error) {
      const known =
        error instanceof FlashError
          ? error
          : new FlashError(
              'WATCH_NOT_TAKEN',
              `"${folder.name.text}" could not be taken in (${errorCode(error) ?? String(error)})`,
              { cause: error },
            );
      notices.tell(folder.name.key, 'file.left', known, { file: folder.name.text });
      againMs = retryMs;
    }
    folder.isBusy = false;
    if (folder.wasHinted) {
      folder.wasHinted = false;
      return this.look(folder.name);
    }
    if (againMs === null || this.#isClosed || !this.#folders.has(folder.name.key)) return;
    folder.timer = clock.setTimer(againMs, () => this.look(folder.name));
  }

  /** Returns in how many milliseconds to look again; null: with the next scan, or never. */
  async #advance(folder: WaitingFolder): Promise<number | null> {
    const { clock, log, releases, root } = this.#parts;
    const { name } = folder;
    if (folder.taken !== null) return this.#place(folder, folder.taken);
    const look = await lookAt(pathIn(root, name));
    if (look?.type !== 'folder') {
      this.#forget(folder);
      return null;
    }
    const file = releaseFileIn(name);
    const inside = await lookInside(root, file.text);
    if (inside?.type !== 'file' || inside.snapshot.sizeBytes === 0) return this.#pauseBefore(folder, look.snapshot);
    if (!folder.wasTold) log.info('file.seen', { file: name.text, bytes: inside.snapshot.sizeBytes });
    folder.wasTold = true;
    const verdict = await releases.judge(file, inside.snapshot);
    if (verdict.kind === 'wait') return Math.max(1, Math.min(POLL_MS, verdict.untilMs - clock.monotonic()));
    const settled = { name, snapshot: look.snapshot, seenMs: folder.seenMs };
    return verdict.kind === 'take'
      ? this.#take(folder, settled, verdict.set)
      : this.#reject(folder, settled, verdict.set, verdict.problem);
  }

  /** It may be a release of which the first files are being copied, or none at all. */
  #pauseBefore(folder: WaitingFolder, { mtimeNs }: Snapshot): number | null {
    const { clock, settleMs } = this.#parts;
    if (folder.mtimeNs !== mtimeNs) folder.changedMs = clock.monotonic();
    folder.mtimeNs = mtimeNs;
    return clock.monotonic() - folder.changedMs < settleMs * PATIENCE ? POLL_MS : null;
  }

  async #take(
    folder: WaitingFolder,
    settled: SettledFile,
    set: Parameters<Intake['takeFolder']>[2],
  ): Promise<number | null> {
    const drop = await this.#parts.intake.takeFolder(settled, releaseFileIn(folder.name), set);
    if (drop === null) return POLL_MS;
    folder.taken = { drop, snapshot: settled.snapshot };
    return this.#place(folder, folder.taken);
  }

  async #place(folder: WaitingFolder, { drop, snapshot }: NonNullable<WaitingFolder['taken']>): Promise<null> {
    const { intake, onTaken } = this.#parts;
    const placedName = await intake.move(drop, { name: folder.name, snapshot });
    this.#forget(folder);
    onTaken(intake.record(drop, placedName));
    if (placedName === null) this.look(folder.name);
    return null;
  }

  async #reject(
    folder: WaitingFolder,
    settled: SettledFile,
    { gathered }: Parameters<Intake['takeFolder']>[2],
    problem: Parameters<Intake['reject']>[2],
  ): Promise<number | null> {
    if (!(await this.#parts.intake.reject(settled, sha256Of(gathered.bytes), problem))) return POLL_MS;
    this.#forget(folder);
    return null;
  }
}

function releaseFileIn({ text }: EntryName): EntryName {
  return entryNameOf(`${text}/${RELEASE_FILE}`);
}
