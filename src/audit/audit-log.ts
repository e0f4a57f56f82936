import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Clock, sleep, type Timer } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { AuditEntry } from '../jobs/journal/audit.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import type { Logger } from '../log.ts';
import type { Part } from '../service/lifecycle.ts';
import { GENESIS, type Link, seal, sha256, type Told, unseal } from './chain.ts';
import { Imprint } from './imprint.ts';
import { closedName, OPEN_SEGMENT, segmentsIn } from './segments.ts';
import { TORN, walk } from './walk.ts';

/** What the audit log is made of; `createDaemon` gives it. */
export interface AuditLogParts {
  /** The data folder. */
  readonly folder: string;
  readonly journal: Journal;
  /** Adds what only the running daemon knows, such as the name and address of a device. */
  readonly enrich: (fields: AuditEntry['fields']) => AuditEntry['fields'];
  readonly clock: Clock;
  readonly log: Logger;
  /** At this size the file is closed and the next one begun. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 4_000_000;
const ENTRIES_AT_A_TIME = 500;
const RETRY_MS = 5_000;
/** A stop waits for the last records no longer than this. */
const LAST_WRITE_MS = 5_000;
/** The operators' group may read along; others may not. */
const FILE_MODE = 0o640;

/** Brings what the journal's outbox holds to the hash-chained file, synced, each entry once. What cannot be written now is kept. */
export class AuditLog {
  readonly #parts: AuditLogParts;
  readonly #path: string;
  #handle: FileHandle | null = null;
  #imprint = new Imprint(new Uint8Array());
  #firstSeq = 1;
  #link: Link = GENESIS;
  #draining: Promise<void> | null = null;
  #isAsked = false;
  #timer: Timer | null = null;
  #isInTrouble = false;
  /** The last write went to a file that is gone. Not asked twice in a row: on some network volumes a file never looks like itself. */
  #isMissed = false;

  constructor(parts: AuditLogParts) {
    this.#parts = parts;
    this.#path = join(parts.folder, OPEN_SEGMENT);
  }

  /** The part of the daemon: starts after the journal, stops before it. */
  part(): Part {
    return {
      name: 'audit',
      start: async () => {
        this.#parts.journal.audit.onAdded(() => this.#ask());
        await this.drain();
      },
      stop: async () => {
        this.#parts.journal.audit.onAdded(() => undefined);
        this.#timer?.cancel();
        await Promise.race([this.drain(), sleep(this.#parts.clock, LAST_WRITE_MS)]);
        this.#timer?.cancel();
        await this.#close();
      },
    };
  }

  /** Writes all that there is to write. Never rejects: trouble is logged, and tried again later. */
  drain(): Promise<void> {
    this.#isAsked = true;
    this.#draining ??= this.#drainAll().finally(() => {
      this.#draining = null;
    });
    return this.#draining;
  }

  /** Soon, so that a transaction that is open now is over. */
  #ask(): void {
    const isUnderWay = this.#isAsked || this.#draining !== null || this.#isInTrouble;
    this.#isAsked = true;
    if (isUnderWay) return;
    setImmediate(() => void this.drain());
  }

  async #drainAll(): Promise<void> {
    try {
      while (this.#isAsked) {
        this.#isAsked = false;
        await this.#drainOnce();
      }
      this.#isInTrouble = false;
    } catch (cause) {
      this.#onTrouble(cause);
    }
  }

  async #drainOnce(): Promise<void> {
    const { journal, enrich } = this.#parts;
    const handle = this.#handle ?? (await this.#open());
    const entries = journal.audit.pending(ENTRIES_AT_A_TIME);
    const last = entries.at(-1);
    if (last === undefined) return;
    if (!(await this.#imprint.holds(handle))) return this.#openAgain();
    const told = entries.map(({ entry, atMs, event, fields }) => ({ entry, atMs, event, data: enrich(fields) }));
    await this.#append(handle, told);
    // Written to a file that is gone, or beside what somebody else wrote: opened again, and written again behind the damage.
    const wasMissed = this.#isMissed;
    this.#isMissed = !wasMissed && !(await this.#isOurs(handle));
    if (this.#isMissed) return this.#openAgain();
    journal.transaction(() => journal.audit.settle(last.entry, this.#link));
    this.#isAsked = true;
    if (this.#imprint.sizeBytes >= (this.#parts.maxBytes ?? MAX_BYTES)) await this.#closeSegment();
  }

  /** Somebody was at the file: what it holds is gone through before the next record. */
  async #openAgain(): Promise<void> {
    await this.#close();
    this.#isAsked = true;
  }

  /** Is the file under its name still the one that is written to, and as long as it was left? Records written elsewhere nobody would find. */
  async #isOurs(handle: FileHandle): Promise<boolean> {
    const own = await handle.stat({ bigint: true });
    const there = await stat(this.#path, { bigint: true }).catch(() => null);
    if (there === null || there.ino !== own.ino || there.dev !== own.dev) return false;
    return Number(there.size) === this.#imprint.sizeBytes;
  }

  async #append(handle: FileHandle, told: readonly Told[], before = ''): Promise<void> {
    let link = this.#link;
    let text = before;
    for (const one of told) {
      const sealed = seal(link, one);
      text += `${sealed.line}\n`;
      link = sealed.link;
    }
    await handle.appendFile(text);
    await handle.datasync();
    await this.#imprint.added(text, handle);
    this.#link = link;
  }

  /** Finds the end of the chain. What a crash left half-written is closed; what was tampered with is left as it is, and said. */
  async #open(): Promise<FileHandle> {
    const { journal } = this.#parts;
    const head = journal.audit.head() ?? GENESIS;
    const bytes = completed(this.#path, readIfThere(this.#path));
    const from = beginningOf(bytes) ?? endOfClosed(this.#parts.folder);
    let lastEntry = 0;
    let hashAtHead = from.seq === head.seq ? from.hash : null;
    const { sound, flaws } = walk(bytes, from, ({ seq, hash, entry }) => {
      if (seq === head.seq) hashAtHead = hash;
      if (entry !== null) lastEntry = Math.max(lastEntry, entry);
    });
    const isSound = sound.link.seq >= head.seq && hashAtHead === head.hash;
    if (!isSound) return this.#beginAfterDamage(bytes, head, flaws[0]?.message);
    const handle = await this.#openFile(bytes, from);
    this.#link = sound.link;
    if (sound.bytes < bytes.length) await this.#closeTear(handle, bytes.subarray(sound.bytes));
    if (lastEntry > 0) journal.transaction(() => journal.audit.settle(lastEntry, this.#link));
    return handle;
  }

  async #openFile(bytes: Buffer, from: Link): Promise<FileHandle> {
    this.#handle = await open(this.#path, 'a+', FILE_MODE);
    this.#imprint = new Imprint(bytes);
    this.#firstSeq = from.seq + 1;
    if (bytes.length === 0) syncFolder(this.#parts.folder);
    return this.#handle;
  }

  async #closeTear(handle: FileHandle, tail: Buffer): Promise<void> {
    const isEnded = tail.at(-1) === 0x0a;
    const waste = isEnded ? tail.subarray(0, -1) : tail;
    const data = { bytes: waste.length, sha256: sha256(waste) };
    const told = { atMs: this.#parts.clock.now(), event: TORN, entry: null, data };
    await this.#append(handle, [told], isEnded ? '' : '\n');
    this.#parts.log.warn('audit.torn', data);
  }

  /** The old file stays as it is, under another name; the chain goes on from what the journal knows, so that the gap can be seen. */
  async #beginAfterDamage(bytes: Buffer, head: Link, flaw = 'its end is missing'): Promise<FileHandle> {
    const { clock, log } = this.#parts;
    const message = `the audit log ${this.#path} was changed from outside: ${flaw}`;
    log.error('audit.broken', { ...new FlashError('AUDIT_BROKEN', message).toJSON() });
    if (bytes.length > 0) renameSync(this.#path, this.#nameForDamaged((beginningOf(bytes) ?? head).seq + 1));
    this.#link = head;
    const handle = await this.#openFile(Buffer.alloc(0), head);
    const data = { found: flaw, goesOnAfter: head.seq };
    await this.#append(handle, [{ atMs: clock.now(), event: 'audit.broken', entry: null, data }]);
    return handle;
  }

  /** Never that of another file, whatever somebody has written into this one. */
  #nameForDamaged(firstSeq: number): string {
    const path = join(this.#parts.folder, closedName(firstSeq));
    return existsSync(path) ? `${path}.damaged-${this.#parts.clock.now()}` : path;
  }

  async #closeSegment(): Promise<void> {
    await this.#close();
    renameSync(this.#path, join(this.#parts.folder, closedName(this.#firstSeq)));
    syncFolder(this.#parts.folder);
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close().catch(() => undefined);
  }

  /** What was half-written is found and closed when the file is opened again. */
  #onTrouble(cause: unknown): void {
    const { clock, log } = this.#parts;
    void this.#close();
    if (!this.#isInTrouble) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const error = new FlashError('AUDIT_NOT_WRITTEN', `the audit log ${this.#path} cannot be written: ${why}`, {
        cause,
      });
      log.error('audit.failed', { ...error.toJSON() });
    }
    this.#isInTrouble = true;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(RETRY_MS, () => {
      this.#timer = null;
      void this.drain();
    });
  }
}

/** The link before the first record of a file, by that record's own word; null for a file without one. */
function beginningOf(bytes: Buffer): Link | null {
  const end = bytes.indexOf(0x0a);
  const record = end === -1 ? null : unseal(bytes.toString('utf8', 0, end));
  return record === null ? null : { seq: record.seq - 1, hash: record.prev };
}

/** The last record of the newest full file; where there is none, the chain has yet to begin. */
function endOfClosed(folder: string): Link {
  const newest = segmentsIn(folder)
    .filter((path) => basename(path) !== OPEN_SEGMENT)
    .at(-1);
  const lastLine = newest === undefined ? '' : readFileSync(newest, 'utf8').trimEnd().split('\n').at(-1);
  const record = unseal(lastLine ?? '');
  return record === null ? GENESIS : { seq: record.seq, hash: record.hash };
}

/** A crash may have taken no more than the line feed of the last record, which is whole then. */
function completed(path: string, bytes: Buffer): Buffer {
  const lastLine = bytes.toString('utf8', bytes.lastIndexOf(0x0a) + 1);
  if (lastLine === '' || unseal(lastLine) === null) return bytes;
  appendFileSync(path, '\n', { flush: true });
  return Buffer.concat([bytes, Buffer.from('\n')]);
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** Makes a new name outlive a power cut. Windows has no such call and needs none. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
