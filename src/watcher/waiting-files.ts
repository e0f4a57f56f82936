import type { Clock, Timer } from '../clock.ts';
import { type ErrorCode, type ErrorReport, FlashError } from '../errors.ts';
import { sha256Of } from '../firmware/bytes.ts';
import { isReleaseFileName } from '../firmware/release-archive.ts';
import type { Logger } from '../log.ts';
import type { Drop } from '../model/drop.ts';
import { type EntryName, SIDECAR_SUFFIX, SIGNATURE_SUFFIX } from './entry-name.ts';
import { type EntryType, errorCode, lookAt, pathIn } from './files.ts';
import type { GatheredImage } from './gathering.ts';
import type { Content, Intake } from './intake.ts';
import type { Notices } from './notices.ts';
import type { ReleaseFiles } from './release-files.ts';
import { type Decision, decide, type FileHistory, observe, PATIENCE, type Proof, type SettleTimes } from './settle.ts';
import { readSidecar } from './sidecar.ts';
import type { Snapshot } from './snapshot.ts';
import { WorkQueue } from './work-queue.ts';

/** How many files are looked at, read and moved at a time. Reading holds a whole image in memory. */
const FILES_AT_A_TIME = 4;

/** A file that has been changing for so long is worth a word. */
const LONG_GROWTH_MS = 600_000;
/** A file that need not be all of it, and that somebody still holds open to write, is waited for so many times `settleMs`: five minutes, as it comes. */
const STALL_PATIENCE = 150;

interface TakenState {
  readonly drop: Drop;
  readonly snapshot: Snapshot;
  /** Undefined while it is not moved. */
  placedName: string | null | undefined;
}

interface WaitingFile {
  readonly name: EntryName;
  readonly seenMs: number;
  history: FileHistory | null;
  /** Set once it is in the ledger: from then on it only has to be moved and recorded, whatever else comes up. */
  taken: TakenState | null;
  /** Monotonic; infinite where only a change can bring news. */
  dueMs: number;
  isBusy: boolean;
  wasHinted: boolean;
}

/** What files that wait are looked at with. */
export interface WaitingFilesParts {
  readonly root: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly notices: Notices;
  readonly intake: Intake;
  readonly times: SettleTimes;
  /** How long after trouble a file is tried again, in milliseconds. */
  readonly retryMs: number;
  /** Did this file get its name by a rename? Asked with each look. */
  readonly wasMoved: (name: EntryName, snapshot: Snapshot) => boolean;
  /** Does a writer that can be seen still hold this file open? */
  readonly isHeld: (name: EntryName) => boolean;
  readonly onTaken: (drop: Drop) => void;
  /** What an event named is a folder. */
  readonly onFolder: (name: EntryName) => void;
  /** Null: there are no release files. */
  readonly releases: ReleaseFiles | null;
}

/** The files of the drop folder that are not taken yet: looks at them as long as {@link decide} says, then has them taken in. */
export class WaitingFiles {
  readonly #parts: WaitingFilesParts;
  readonly #files = new Map<string, WaitingFile>();
  readonly #work = new WorkQueue(FILES_AT_A_TIME);
  #timer: Timer | null = null;
  #armedMs = Infinity;
  #isClosed = false;

  constructor(parts: WaitingFilesParts) {
    this.#parts = parts;
  }

  has(name: EntryName): boolean {
    return this.#files.has(name.key);
  }

  /** Asks for a look at the file of this name, new or known. */
  look(name: EntryName): void {
    if (this.#isClosed) return;
    const file = this.#files.get(name.key) ?? this.#add(name);
    if (file.isBusy) {
      file.wasHinted = true;
      return;
    }
    file.isBusy = true;
    this.#work.add(() => this.#visit(file));
  }

  /** Forgets the files that a scan did not find. Those being worked on find out by themselves. */
  retain(keys: ReadonlySet<string>): void {
    for (const file of this.#files.values()) {
      if (!keys.has(file.name.key)) this.look(file.name);
    }
  }

  /** Stops looking, and resolves when the files being taken in at this moment have reached a safe point. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#work.close();
  }

  #add(name: EntryName): WaitingFile {
    const seenMs = this.#parts.clock.now();
    const file = { name, seenMs, history: null, taken: null, dueMs: Infinity, isBusy: false, wasHinted: false };
    this.#files.set(name.key, file);
    if (isReleaseFileName(name.text)) this.#parts.releases?.expect(name);
    return file;
  }

  async #visit(file: WaitingFile): Promise<void> {
    file.dueMs = Infinity;
    try {
      await this.#advance(file);
    } catch (error) {
      this.#onTrouble(file, error);
    }
    file.isBusy = false;
    if (file.wasHinted) {
      file.wasHinted = false;
      this.look(file.name);
    }
    this.#arm(file.dueMs);
  }

  #onTrouble(file: WaitingFile, error: unknown): void {
    if (this.#isNotYetReadable(file, error)) return;
    const known =
      error instanceof FlashError
        ? error
        : new FlashError(
            'WATCH_NOT_TAKEN',
            `"${file.name.text}" could not be taken in (${errorCode(error) ?? String(error)})`,
            { cause: error },
          );
    this.#parts.notices.tell(file.name.key, 'file.left', known, { file: file.name.text });
    file.dueMs = this.#parts.clock.monotonic() + this.#parts.retryMs;
  }

  /** Some writers (`rsync --inplace`, `tar`) let nobody read the file until all of it is there: that is no trouble while it changes. */
  #isNotYetReadable(file: WaitingFile, error: unknown): boolean {
    if (!(error instanceof FlashError) || error.code !== 'WATCH_UNREADABLE' || file.history === null) return false;
    const settledMs = file.history.unchangedSinceMs + this.#parts.times.settleMs;
    if (this.#parts.clock.monotonic() >= settledMs) return false;
    file.dueMs = settledMs;
    return true;
  }

  /** One visit: look, decide, and do what was decided. */
  async #advance(file: WaitingFile): Promise<void> {
    const { root, clock, wasMoved } = this.#parts;
    if (file.taken !== null) return this.#place(file, file.taken);
    const look = await lookAt(pathIn(root, file.name));
    if (look === null) return this.#forget(file);
    if (look.type !== 'file') return this.#leaveAlone(file, look.type);

    const { snapshot } = look;
    const { releases } = this.#parts;
    if (releases !== null && isReleaseFileName(file.name.text)) return this.#gather(file, snapshot, releases);
    const sidecar = snapshot.sizeBytes === 0 ? null : await readSidecar(pathIn(root, file.name, SIDECAR_SUFFIX));
    if (file.history === null) this.#parts.log.info('file.seen', { file: file.name.text, bytes: snapshot.sizeBytes });
    file.history = observe(
      file.history,
      { snapshot, sidecar, signature: await this.#signatureOf(file.name), wasMoved: wasMoved(file.name, snapshot) },
      clock.monotonic(),
    );
    await this.#act(file, file.history, null);
  }

  async #act(file: WaitingFile, history: FileHistory, content: Content | null): Promise<void> {
    const { clock, releases, times } = this.#parts;
    const decision = decide(history, clock.monotonic(), times);
    const isEnd = decision.action === 'take' || decision.action === 'refuse';
    if (isEnd && releases?.isClaimed(file.name) === true) return this.#lookSoon(file);
    if (isEnd && this.#isStalled(file, history, decision)) return this.#lookLater(file);
    switch (decision.action) {
      case 'wait':
        file.dueMs = decision.untilMs;
        this.#mindGrowth(file, history);
        return this.#mindCut(file, history, content === null);
      case 'leave':
        return this.#tell(file, 'WATCH_EMPTY', 'is empty');
      case 'examine': {
        const read = await this.#parts.intake.examine({ name: file.name, snapshot: history.snapshot });
        if (read === null) return this.#lookSoon(file);
        const wasMoved = this.#parts.wasMoved(file.name, history.snapshot);
        const examination = { sha256: read.sha256, verdict: read.verdict };
        file.history = { ...history, wasMoved, examination };
        return this.#act(file, file.history, read);
      }
      case 'take': {
        const refusal = releases?.refusalOf(file.name) ?? null;
        if (refusal !== null) return this.#reject(file, history, refusal);
        return this.#mayGoOn(file, history, decision.proof) ? this.#lookSoon(file) : this.#take(file, history, content);
      }
      case 'refuse':
        return this.#reject(file, history, mismatch(file.name, history, decision.sidecarSha256));
    }
  }

  /**
   * An image can look whole and have its signature still to come: a writer that holds it open gets the settle time. Not asked where
   * two witnesses agree, a rename and the content.
   */
  #mayGoOn(file: WaitingFile, history: FileHistory, proof: Proof): boolean {
    const isBeyondDoubt = proof === 'sidecar' || proof === 'settled' || (proof === 'whole' && history.wasMoved);
    const quietMs = this.#parts.clock.monotonic() - history.unchangedSinceMs;
    return !isBeyondDoubt && quietMs < this.#parts.times.settleMs && this.#parts.isHeld(file.name);
  }

  /** Nothing proves that what is there is all, and a writer still holds it open: its link may be slow, or it may wait for something. */
  #isStalled(file: WaitingFile, history: FileHistory, decision: Decision): boolean {
    const { clock, isHeld, times } = this.#parts;
    const isUnproven = decision.action === 'refuse' || (decision.action === 'take' && decision.proof === 'settled');
    const isPatient = clock.monotonic() - history.unchangedSinceMs < times.settleMs * STALL_PATIENCE;
    return isUnproven && isPatient && isHeld(file.name);
  }

  async #take(file: WaitingFile, history: FileHistory, known: Content | null): Promise<void> {
    const { intake } = this.#parts;
    const settled = { name: file.name, snapshot: history.snapshot, seenMs: file.seenMs };
    const content = known ?? (await intake.examine(settled));
    if (content === null) return this.#lookSoon(file);
    const [problem] = content.problems;
    if (problem !== undefined) return this.#reject(file, history, problem);
    if (content.image === null) return;
    const drop = await intake.take(settled, content.image);
    if (drop === null) return this.#lookSoon(file);
    file.taken = { drop, snapshot: history.snapshot, placedName: undefined };
    await this.#place(file, file.taken);
  }

  /** A release file is taken with its images, or rejected with them. */
  async #gather(file: WaitingFile, snapshot: Snapshot, releases: ReleaseFiles): Promise<void> {
    const { clock, intake, log } = this.#parts;
    if (file.history === null) log.info('file.seen', { file: file.name.text, bytes: snapshot.sizeBytes });
    file.history = observe(file.history, { snapshot, sidecar: null, wasMoved: false }, clock.monotonic());
    const verdict = await releases.judge(file.name, snapshot);
    if (verdict.kind === 'wait') {
      file.dueMs = verdict.untilMs;
      return;
    }
    const settled = { name: file.name, snapshot, seenMs: file.seenMs };
    const { manifest, images, bytes } = verdict.set.gathered;
    const names = images.map(({ name }) => name);
    if (verdict.kind === 'reject') {
      // Where nobody can read which files it means, it may mean any of those that wait beside it.
      releases.refuse(manifest === null ? this.#besides(file) : names, verdict.problem);
      const wasMoved = await intake.reject(settled, sha256Of(bytes), verdict.problem);
      return wasMoved ? this.#forget(file) : this.#lookSoon(file);
    }
    const taken = await intake.takeSet(settled, verdict.set);
    if (taken === null) return this.#lookSoon(file);
    releases.admit(names);
    for (const [index, drop] of taken.parts.entries()) this.#follow(drop, images[index]);
    file.taken = { drop: taken.release, snapshot, placedName: undefined };
    await this.#place(file, file.taken);
  }

  #besides(file: WaitingFile): readonly EntryName[] {
    return [...this.#files.values()].filter((other) => other !== file).map(({ name }) => name);
  }

  /** An image that was taken with its release has only to be moved. */
  #follow(drop: Drop, image: GatheredImage | undefined): void {
    if (image === undefined || image.snapshot === null) return;
    const file = this.#files.get(image.name.key) ?? this.#add(image.name);
    file.taken = { drop, snapshot: image.snapshot, placedName: undefined };
    this.look(file.name);
  }

  async #place(file: WaitingFile, taken: TakenState): Promise<void> {
    const { intake, onTaken } = this.#parts;
    const { drop, snapshot } = taken;
    if (taken.placedName === undefined) taken.placedName = await intake.move(drop, { name: file.name, snapshot });
    const placed = intake.record(drop, taken.placedName);
    this.#forget(file);
    onTaken(placed);
    if (placed.placedName === null) this.look(file.name);
  }

  async #reject(file: WaitingFile, history: FileHistory, problem: ErrorReport): Promise<void> {
    const settled = { name: file.name, snapshot: history.snapshot, seenMs: file.seenMs };
    const wasMoved = await this.#parts.intake.reject(settled, history.examination?.sha256 ?? null, problem);
    return wasMoved ? this.#forget(file) : this.#lookSoon(file);
  }

  /** Gone, taken or rejected: whatever appears under this name now is another file. */
  #forget(file: WaitingFile): void {
    this.#files.delete(file.name.key);
    this.#parts.releases?.forget(file.name);
    this.#parts.notices.settle(file.name.key);
    if (file.wasHinted) {
      file.wasHinted = false;
      this.look(file.name);
    }
  }

  #lookSoon(file: WaitingFile): void {
    file.dueMs = this.#parts.clock.monotonic() + this.#parts.times.confirmMs;
  }

  #lookLater(file: WaitingFile): void {
    file.dueMs = this.#parts.clock.monotonic() + this.#parts.times.settleMs;
  }

  #leaveAlone(file: WaitingFile, type: EntryType): void {
    file.history = null;
    if (type === 'folder') this.#parts.onFolder(file.name);
    if (type === 'link') this.#tell(file, 'WATCH_LINK', 'is a link');
    if (type === 'special') this.#tell(file, 'WATCH_NOT_A_FILE', 'is a pipe, socket or device');
  }

  #mindGrowth(file: WaitingFile, history: FileHistory): void {
    const growingMs = history.unchangedSinceMs - history.firstSeenMs;
    if (growingMs < LONG_GROWTH_MS) return;
    this.#tell(file, 'WATCH_STILL_GROWING', `has been changing for ${Math.round(growingMs / 60_000)} minutes`);
  }

  /**
   * The rest of it may still be sent, by a person or by a program that tries again: it is told what keeps the file here. Reading takes its time, and
   * what was just read may have grown since: that takes another look.
   */
  #mindCut(file: WaitingFile, { examination, snapshot, unchangedSinceMs }: FileHistory, isLookNew: boolean): void {
    if (examination?.verdict !== 'cut') return;
    const tellMs = unchangedSinceMs + this.#parts.times.settleMs * PATIENCE;
    if (!isLookNew || this.#parts.clock.monotonic() < tellMs) {
      file.dueMs = Math.min(file.dueMs, tellMs);
      return;
    }
    const bytes = snapshot.sizeBytes.toLocaleString('en-US');
    this.#tell(
      file,
      'WATCH_CUT_OFF',
      `ends after ${bytes} bytes, before its own structure does; the rest is waited for`,
    );
  }

  #tell(file: WaitingFile, code: ErrorCode, what: string): void {
    const error = new FlashError(code, `"${file.name.text}" ${what}`);
    this.#parts.notices.tell(file.name.key, 'file.left', error, { file: file.name.text });
  }

  /** As it stands now: what it says is the trust gate's to judge. */
  async #signatureOf(name: EntryName): Promise<Snapshot | null> {
    return (await lookAt(pathIn(this.#parts.root, name, SIGNATURE_SUFFIX)))?.snapshot ?? null;
  }

  /** One timer, for the file that is due first. */
  #arm(dueMs: number): void {
    if (this.#isClosed || dueMs >= this.#armedMs) return;
    const { clock } = this.#parts;
    this.#timer?.cancel();
    this.#armedMs = dueMs;
    this.#timer = clock.setTimer(Math.max(0, Math.ceil(dueMs - clock.monotonic())), () => this.#lookAtDue());
  }

  #lookAtDue(): void {
    const nowMs = this.#parts.clock.monotonic();
    this.#armedMs = Infinity;
    let nextMs = Infinity;
    for (const { name, dueMs, isBusy } of [...this.#files.values()]) {
      if (isBusy) continue;
      if (dueMs <= nowMs) this.look(name);
      else nextMs = Math.min(nextMs, dueMs);
    }
    this.#arm(nextMs);
  }
}

function mismatch(name: EntryName, history: FileHistory, sidecarSha256: string | null): ErrorReport {
  const sha256 = history.examination?.sha256 ?? null;
  const expected = sidecarSha256 === null ? 'holds no SHA-256' : `says ${sidecarSha256}`;
  const message = `"${name.text}" has the SHA-256 ${sha256}, but its sidecar ${expected}`;
  return new FlashError('IMAGE_HASH_MISMATCH', message, { details: { sha256, expected: sidecarSha256 } }).toJSON();
}
