import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/clock.ts';
import { parseReleaseFile } from '../../../src/config/release-file.ts';
import type { LogEvent, LogFields, Logger, LogLevel } from '../../../src/log.ts';
import type { Drop, DropFolderName, DropLedger, DropResult, FinalFolder, TakenFile } from '../../../src/model/drop.ts';
import type { Trust } from '../../../src/model/trust.ts';
import { DropFolder } from '../../../src/watcher/drop-folder.ts';
import type { ImageKeeper } from '../../../src/watcher/intake.ts';
import { noise } from '../../fixtures/images/bytes.ts';

/** Fails rather than hangs: waits until `isTrue` holds. */
export async function until(isTrue: () => boolean | Promise<boolean>, what: string, withinMs = 60_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await nap(5);
  }
}

export function nap(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs);
  });
}

/** A folder of its own, removed at the end of the scope. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'dropflash-watcher-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** The names in a folder, sorted; none where it does not exist. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

export async function jsonOf(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path, 'utf8'));
}

/** The journal's part in memory, kept across "restarts" by handing the same one to the next drop folder. */
export class MemoryLedger implements DropLedger {
  readonly drops = new Map<string, Drop>();
  readonly calls: string[] = [];
  readonly #parts = new Map<string, readonly Drop[]>();

  taken(file: TakenFile): Drop {
    const drop: Drop = { ...file, id: randomUUID(), folder: null, placedName: null };
    this.drops.set(drop.id, drop);
    const images = file.hasPartFiles === true ? (file.release?.images ?? []) : [];
    const parts = images.map((image): Drop => {
      return { ...image, id: randomUUID(), seenMs: file.seenMs, folder: null, placedName: null };
    });
    for (const part of parts) this.drops.set(part.id, part);
    this.#parts.set(drop.id, parts);
    this.calls.push(`taken ${file.name}`);
    return drop;
  }

  filePartsOf(dropId: string): readonly Drop[] {
    return this.#parts.get(dropId) ?? [];
  }

  rejected(): void {
    // What these tests look at is in the folder.
  }

  placed(dropId: string, folder: DropFolderName, placedName: string | null): void {
    const drop = this.drops.get(dropId);
    if (drop === undefined) throw new Error(`no drop ${dropId}`);
    this.drops.set(dropId, { ...drop, folder, placedName });
    this.calls.push(`placed ${drop.name} ${folder}`);
  }

  unfinished(): readonly Drop[] {
    return [...this.drops.values()].filter(({ folder }) => folder === null || folder === 'working');
  }
}

/** A ledger that dies at one of its steps, before or after it has written, and stays dead as its process would. */
export class DyingLedger implements DropLedger {
  readonly #ledger: MemoryLedger;
  readonly #dieAt: string;
  isDead = false;

  constructor(ledger: MemoryLedger, dieAt: string) {
    this.#ledger = ledger;
    this.#dieAt = dieAt;
  }

  taken(file: TakenFile): Drop {
    this.#step('before taken');
    const drop = this.#ledger.taken(file);
    this.#step('after taken');
    return drop;
  }

  filePartsOf(dropId: string): readonly Drop[] {
    return this.#ledger.filePartsOf(dropId);
  }

  rejected(): void {
    this.#step('rejected');
  }

  placed(dropId: string, folder: DropFolderName, placedName: string | null): void {
    this.#step(`before placed ${folder}`);
    this.#ledger.placed(dropId, folder, placedName);
    this.#step(`after placed ${folder}`);
  }

  unfinished(): readonly Drop[] {
    return this.#ledger.unfinished();
  }

  #step(name: string): void {
    this.isDead ||= name === this.#dieAt;
    if (this.isDead) throw new Error(`died ${this.#dieAt}`);
  }
}

export interface LogLine extends LogFields {
  readonly level: LogLevel;
  readonly event: LogEvent;
}

/** Keeps what is logged. */
export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = [];

  error(event: LogEvent, fields: LogFields = {}): void {
    this.lines.push({ level: 'error', event, ...fields });
  }
  warn(event: LogEvent, fields: LogFields = {}): void {
    this.lines.push({ level: 'warn', event, ...fields });
  }
  info(event: LogEvent, fields: LogFields = {}): void {
    this.lines.push({ level: 'info', event, ...fields });
  }
  debug(event: LogEvent, fields: LogFields = {}): void {
    this.lines.push({ level: 'debug', event, ...fields });
  }
  trace(event: LogEvent, fields: LogFields = {}): void {
    this.lines.push({ level: 'trace', event, ...fields });
  }
  child(): Logger {
    return this;
  }

  of(event: LogEvent): LogLine[] {
    return this.lines.filter((line) => line.event === event);
  }

  withCode(code: string): LogLine[] {
    return this.lines.filter((line) => line['code'] === code);
  }
}

export interface BenchOptions {
  readonly settleMs?: number;
  readonly scanMs?: number;
  readonly watch?: 'events' | 'polling';
  readonly ledger?: DropLedger;
  readonly store?: ImageKeeper;
  readonly trust?: Trust;
  readonly onDrop?: (drop: Drop) => void | Promise<void>;
}

/** A drop folder on a real folder, with what it took and what it said. */
export class Bench implements AsyncDisposable {
  readonly root: string;
  readonly log = new RecordingLogger();
  readonly ledger: DropLedger;
  readonly store: ImageKeeper;
  readonly drops: Drop[] = [];
  readonly folder: DropFolder;

  constructor(root: string, options: BenchOptions = {}) {
    this.root = root;
    this.ledger = options.ledger ?? new MemoryLedger();
    this.store = options.store ?? new MemoryStore();
    this.folder = new DropFolder({
      settings: {
        path: root,
        settleMs: options.settleMs ?? 300,
        scanMs: options.scanMs ?? 30_000,
        watch: options.watch ?? 'events',
      },
      clock: systemClock,
      log: this.log,
      ledger: this.ledger,
      store: this.store,
      trust: options.trust ?? null,
      parseRelease: (text, file) => parseReleaseFile(text, file, ['sensors', 'gateways']),
      onDrop: async (drop) => {
        await options.onDrop?.(drop);
        this.drops.push(drop);
      },
    });
  }

  async start(): Promise<this> {
    await this.folder.start(new AbortController().signal);
    return this;
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  async taken(count: number, withinMs?: number): Promise<void> {
    await until(() => this.drops.length >= count, `${count} drops, have ${this.drops.length}`, withinMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder.stop();
  }
}

/** Keeps images by their hash, as the store does. */
export class MemoryStore implements ImageKeeper {
  readonly images = new Map<string, Uint8Array>();

  async put(bytes: Uint8Array): Promise<{ readonly sha256: string }> {
    const sha256 = sha256Of(bytes);
    this.images.set(sha256, bytes);
    return { sha256 };
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function resultFor(drop: Drop, outcome: FinalFolder): DropResult {
  return {
    file: drop.name,
    sha256: drop.sha256,
    outcome,
    summary: 'A test said so.',
    error: null,
    finishedAt: new Date(0).toISOString(),
    jobs: [],
  };
}

/** Bytes of no format: the first is none of the magics that one byte is enough for. */
export function rawBytes(seed: number, sizeBytes = 100): Uint8Array {
  return Uint8Array.of(0x11, ...noise(sizeBytes - 1, seed));
}
