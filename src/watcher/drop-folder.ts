import { mkdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Clock, Timer } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { ParseRelease } from '../firmware/release-archive.ts';
import type { Logger } from '../log.ts';
import type { Drop, DropLedger, DropResult, FinalFolder } from '../model/drop.ts';
import type { Trust } from '../model/trust.ts';
import { Arrivals } from './arrivals.ts';
import { type EntryName, entryNameOf, kindOfName } from './entry-name.ts';
import { errorCode, type FolderEntry, readFolder } from './files.ts';
import { FolderEvents, type FolderHint } from './folder-events.ts';
import { Gathering } from './gathering.ts';
import { type ImageKeeper, Intake } from './intake.ts';
import { LastMoves } from './last-moves.ts';
import { imageOfSidecar, LateSidecars } from './late-sidecars.ts';
import { Notices } from './notices.ts';
import { OpenWriters } from './open-writers.ts';
import { reconcile } from './reconcile.ts';
import { ReleaseFiles } from './release-files.ts';
import { ReleaseFolders } from './release-folders.ts';
import { isRemote } from './remote-volumes.ts';
import { snapshotOf } from './snapshot.ts';
import { SubFolders } from './sub-folders.ts';
import { TrustGate } from './trust-gate.ts';
import { WaitingFiles } from './waiting-files.ts';

/** Two looks this far apart must agree before a file that proves to be whole is taken. */
const CONFIRM_MS = 60;
/** A burst of events becomes one look. */
const COALESCE_MS = 5;
/** How often to scan where no events come. */
const POLL_MS = 1_000;
/** The subject of a notice. No file can have this name. */
const EVENTS = '/events';
/** How soon trouble with a file is looked at again, at most. */
const LONGEST_RETRY_MS = 5_000;

/** `drop:` of the config. */
export interface DropFolderSettings {
  readonly path: string;
  /** How long a file that cannot prove to be whole must stand still. */
  readonly settleMs: number;
  /** How often the folder is read through although no event came. */
  readonly scanMs: number;
  /** `polling`: no events are asked for, and the folder is scanned at least every second. Default `events`. */
  readonly watch?: 'events' | 'polling';
}

/** What the drop folder is made of; `createDaemon` gives it. */
export interface DropFolderParts {
  readonly settings: DropFolderSettings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ledger: DropLedger;
  readonly store: ImageKeeper;
  /** Reads release files; without it there are none. */
  readonly parseRelease?: ParseRelease;
  /** Whose files are used; null: everyone's. */
  readonly trust?: Trust | null;
  /**
   * Gets each taken file, once it stands in `working/`. After a restart it gets all unfinished drops again, so that it must
   * go by the drop's id. If it throws, it is called again with the next scan.
   */
  readonly onDrop: (drop: Drop) => void | Promise<void>;
}

/** The drop folder: events are hints, scans are the truth. A settled file leaves it through {@link Intake}. */
export class DropFolder {
  readonly #parts: DropFolderParts;
  readonly #log: Logger;
  readonly #notices: Notices;
  readonly #folders: SubFolders;
  readonly #intake: Intake;
  readonly #files: WaitingFiles;
  readonly #releaseFolders: ReleaseFolders | null;
  readonly #arrivals = new Arrivals();
  readonly #sidecars: LateSidecars;
  readonly #lastMoves: LastMoves;
  readonly #writers: OpenWriters;
  readonly #events: FolderEvents;
  /** Taken but not yet accepted by `onDrop`. */
  readonly #unheard = new Map<string, Drop>();
  readonly #hinted = new Set<string>();
  readonly #asides = new Set<Promise<void>>();
  #hintTimer: Timer | null = null;
  #scanTimer: Timer | null = null;
  #scanning: Promise<void> | null = null;
  #isScanWanted = false;
  #isRemote = false;
  #realPath: string;
  #started: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;

  constructor(parts: DropFolderParts) {
    const { settings, clock, log } = parts;
    this.#parts = parts;
    this.#log = log;
    this.#realPath = settings.path;
    this.#writers = new OpenWriters(clock);
    this.#notices = new Notices(log);
    this.#folders = new SubFolders(settings.path, log, (name, snapshot) => this.#arrivals.noteReturned(name, snapshot));
    this.#sidecars = new LateSidecars(settings.path, this.#folders);
    this.#lastMoves = new LastMoves({
      ...parts,
      folders: this.#folders,
      notices: this.#notices,
      sidecars: this.#sidecars,
    });
    const gate = parts.trust == null ? null : new TrustGate(settings.path, parts.trust);
    this.#intake = new Intake({
      ...parts,
      parseRelease: parts.parseRelease ?? null,
      root: settings.path,
      folders: this.#folders,
      gate,
    });
    this.#events = new FolderEvents(
      settings.path,
      (hint) => this.#onHint(hint),
      (error) => this.#onEventsLost(error),
    );
    const times = { settleMs: settings.settleMs, confirmMs: Math.min(CONFIRM_MS, settings.settleMs) };
    const isHeld = (name: EntryName) => this.#writers.hold(join(this.#realPath, name.text));
    const { parseRelease } = parts;
    const releasesIn = (isFolder: boolean): ReleaseFiles | null => {
      if (parseRelease === undefined) return null;
      // A folder is the work of many moments, whatever its files prove of themselves: all of it has to stand still.
      const own = isFolder ? { ...times, confirmMs: times.settleMs } : times;
      const gathering = new Gathering({ root: settings.path, parseRelease, gate, times: own, isFolder });
      const heldForMs = isFolder ? times.settleMs * 15 : times.settleMs;
      return new ReleaseFiles({ gathering, clock, confirmMs: own.confirmMs, settleMs: heldForMs, isHeld });
    };
    const shared = {
      root: settings.path,
      clock,
      log,
      notices: this.#notices,
      intake: this.#intake,
      retryMs: Math.min(LONGEST_RETRY_MS, settings.scanMs),
      onTaken: (drop: Drop) => this.#onTaken(drop),
    };
    const folderReleases = releasesIn(true);
    this.#releaseFolders =
      folderReleases === null
        ? null
        : new ReleaseFolders({ ...shared, settleMs: settings.settleMs, releases: folderReleases });
    this.#files = new WaitingFiles({
      ...shared,
      times,
      releases: releasesIn(false),
      wasMoved: (name, snapshot) => this.#arrivals.wasMoved(name, snapshot),
      isHeld,
      onFolder: (name) => this.#releaseFolders?.look(name),
    });
  }

  /**
   * Makes the folder where it does not exist, goes on with what a crash interrupted, and resolves after the first scan.
   *
   * @throws FlashError WATCH_FOLDER_UNUSABLE
   */
  start(signal: AbortSignal): Promise<void> {
    this.#started ??= this.#start(signal);
    return this.#started;
  }

  /** Takes nothing more, and resolves when the files being taken in have reached a safe point. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /**
   * Moves a drop to its last folder with its result beside it. May be repeated, also after a crash. Where the move is not
   * possible now, as before {@link start}, it is made with a later scan; the ledger has the drop unfinished until then.
   */
  finish(drop: Drop, folder: FinalFolder, result: DropResult): Promise<void> {
    return this.#lastMoves.make({ drop, folder, result });
  }

  async #start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    signal.addEventListener('abort', () => void this.stop(), { once: true });
    const { settings, ledger } = this.#parts;
    try {
      await mkdir(settings.path, { recursive: true });
      await this.#folders.make();
    } catch (error) {
      const message = `the drop folder ${settings.path} cannot be used (${errorCode(error) ?? String(error)})`;
      throw new FlashError('WATCH_FOLDER_UNUSABLE', message, { cause: error });
    }
    const drops = await reconcile({
      root: settings.path,
      log: this.#log,
      notices: this.#notices,
      ledger,
      folders: this.#folders,
      intake: this.#intake,
    });
    this.#lastMoves.allow();
    for (const drop of drops) this.#onTaken(drop);
    await this.#scan();
  }

  async #stop(): Promise<void> {
    await this.#started?.catch(() => undefined);
    this.#scanTimer?.cancel();
    this.#hintTimer?.cancel();
    await this.#scanning;
    await this.#events.close();
    await this.#files.close();
    await this.#releaseFolders?.close();
    await Promise.all(this.#asides);
  }

  /** One scan at a time; one asked for during another follows it. */
  #scan(): Promise<void> {
    if (this.#scanning !== null) {
      this.#isScanWanted = true;
      return this.#scanning;
    }
    this.#scanning = this.#scanOnce()
      .catch((error: unknown) => this.#log.error('drop.scan_failed', { reason: String(error) }))
      .finally(() => {
        this.#scanning = null;
        this.#scheduleScan();
      });
    return this.#scanning;
  }

  #scheduleScan(): void {
    if (this.#stopped !== null) return;
    const { clock, settings } = this.#parts;
    const areEventsEnough = this.#events.isLive && !this.#isRemote;
    const periodMs = areEventsEnough ? settings.scanMs : Math.min(settings.scanMs, POLL_MS);
    const delayMs = this.#isScanWanted ? COALESCE_MS : periodMs;
    this.#isScanWanted = false;
    this.#scanTimer?.cancel();
    this.#scanTimer = clock.setTimer(delayMs, () => void this.#scan());
  }

  async #scanOnce(): Promise<void> {
    const { path, watch } = this.#parts.settings;
    try {
      const folder = snapshotOf(await stat(path, { bigint: true }));
      if (watch !== 'polling') await this.#events.follow(folder);
      this.#isRemote = await isRemote(path);
      this.#realPath = await realpath(path);
      if (this.#events.isLive) this.#notices.settle(EVENTS);
      this.#survey(await readFolder(path));
      this.#notices.settle(path);
    } catch (error) {
      const code = errorCode(error);
      if (code === null) throw error;
      const message = `the drop folder ${path} is not there (${code}); nothing is taken until it is back`;
      this.#notices.tell(path, 'drop.folder_gone', new FlashError('WATCH_FOLDER_GONE', message, { cause: error }));
      await this.#events.close();
      this.#files.retain(new Set());
      this.#releaseFolders?.retain(new Set());
    }
    for (const drop of [...this.#unheard.values()]) await this.#handOver(drop);
    await this.#lastMoves.retry();
  }

  /** Compares what there is with what is known. Types come with the names; only what could be an image is looked at. */
  #survey(entries: readonly FolderEntry[]): void {
    const folders = entries.filter(({ name, type }) => type === 'folder' && kindOfName(name) === 'image');
    this.#releaseFolders?.retain(new Set(folders.map(({ name }) => name.key)));
    for (const { name } of folders) this.#releaseFolders?.look(name);
    const present = entries.filter(({ type }) => type !== 'folder');
    const keys = new Set(present.map(({ name }) => name.key));
    this.#files.retain(keys);
    this.#arrivals.retain(keys);
    for (const { name } of present) if (!this.#arrivals.isTemporaryKnown(name)) this.#noteEntry(name);
  }

  #noteEntry(name: EntryName): void {
    switch (kindOfName(name)) {
      case 'image':
        this.#files.look(name);
        break;
      case 'temporary':
        this.#aside(this.#arrivals.noteTemporary(this.#parts.settings.path, name));
        break;
      case 'sidecar': {
        const image = imageOfSidecar(name);
        if (this.#files.has(image)) this.#files.look(image);
        this.#aside(this.#sidecars.adopt(name));
        break;
      }
      case 'own':
        break;
    }
  }

  /** Runs what only helps, beside the rest; the next scan makes up for a failure. */
  #aside(work: Promise<void>): void {
    const run = work
      .catch((error: unknown) => this.#log.debug('drop.aside_failed', { reason: errorCode(error) ?? String(error) }))
      .finally(() => this.#asides.delete(run));
    this.#asides.add(run);
  }

  #onHint({ name, isWrite }: FolderHint): void {
    if (this.#stopped !== null) return;
    const isNameless =
      name === null || name.includes('\uFFFD') || name === basename(resolve(this.#parts.settings.path));
    if (isNameless) this.#isScanWanted = true;
    else {
      const entry = entryNameOf(name);
      if (kindOfName(entry) === 'own') return;
      this.#arrivals.note(entry, isWrite);
      this.#hinted.add(name);
    }
    this.#hintTimer ??= this.#parts.clock.setTimer(COALESCE_MS, () => this.#followHints());
  }

  #followHints(): void {
    this.#hintTimer = null;
    for (const name of this.#hinted) this.#noteEntry(entryNameOf(name));
    this.#hinted.clear();
    if (this.#isScanWanted) void this.#scan();
  }

  #onEventsLost(error: unknown): void {
    const message = `the system reports no events for the drop folder (${errorCode(error) ?? String(error)}); it is scanned every ${POLL_MS} ms instead`;
    this.#notices.tell(EVENTS, 'drop.events_lost', new FlashError('WATCH_NO_EVENTS', message, { cause: error }));
  }

  #onTaken(drop: Drop): void {
    if (drop.folder !== null) this.#sidecars.remember(drop, drop.folder, drop.placedName);
    this.#aside(this.#handOver(drop));
  }

  async #handOver(drop: Drop): Promise<void> {
    this.#unheard.delete(drop.id);
    try {
      await this.#parts.onDrop(drop);
    } catch (error) {
      this.#unheard.set(drop.id, drop);
      this.#log.error('drop.handover_failed', { file: drop.name, drop: drop.id, reason: String(error) });
    }
  }
}
