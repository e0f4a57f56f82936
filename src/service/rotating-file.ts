import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';
import type { Clock } from '../clock.ts';

/** A log file that is cut before it exceeds `maxBytes`: `x.log` is the newest, then `x.log.1`, `x.log.2`, … */
export interface RotatingFileSettings {
  /** Absolute. Its folder is made where it is missing. */
  readonly path: string;
  readonly maxBytes: number;
  /** How many old files are kept, at least 1. */
  readonly keep: number;
}

/** Whom the file tells of its trouble: it cannot log by itself. */
export interface RotatingFileSurroundings {
  readonly clock: Clock;
  /** The file could not be opened, written or rotated. Lines are lost until `onRecovery`. */
  readonly onTrouble: (error: Error) => void;
  readonly onRecovery: (lostLines: number) => void;
}

/** How long a file that could not be written is left alone before it is tried again. */
const RETRY_AFTER_MS = 30_000;

/** The operators' group may read along; others may not. */
const FILE_MODE = 0o640;

/**
 * A stream of lines, one per write, into a rotating file. It never fails: while the disk is full or the folder cannot be made,
 * lines are lost and counted. It is ours because winston's File transport loses lines when it rotates under load
 * (docs/decisions/0010-logging.md).
 */
export function rotatingFile(settings: RotatingFileSettings, around: RotatingFileSurroundings): Writable {
  const file = new CutFile(settings);
  let lostLines = 0;
  let notBeforeMs = 0;

  async function writeLine(line: Buffer): Promise<void> {
    if (lostLines > 0 && around.clock.monotonic() < notBeforeMs) {
      lostLines += 1;
      return;
    }
    try {
      await file.append(line);
      if (lostLines > 0) around.onRecovery(lostLines);
      lostLines = 0;
    } catch (error) {
      if (lostLines === 0) around.onTrouble(error instanceof Error ? error : new Error(String(error)));
      lostLines += 1;
      notBeforeMs = around.clock.monotonic() + RETRY_AFTER_MS;
      await file.close();
    }
  }

  return new Writable({
    write: (line: Buffer, _encoding, done) => void writeLine(line).then(() => done(), done),
    final: (done) => void file.close().then(() => done(), done),
  });
}

/** The open file, its size, and the row of older ones behind it. */
class CutFile {
  readonly #settings: RotatingFileSettings;
  #handle: FileHandle | null = null;
  #sizeBytes = 0;

  constructor(settings: RotatingFileSettings) {
    this.#settings = settings;
  }

  async append(line: Buffer): Promise<void> {
    let handle = this.#handle ?? (await this.#open());
    if (this.#sizeBytes > 0 && this.#sizeBytes + line.length > this.#settings.maxBytes) {
      await this.close();
      await this.#shiftOlder();
      handle = await this.#open();
    }
    await handle.appendFile(line);
    this.#sizeBytes += line.length;
  }

  /** Safe to call twice. The handle counts as closed even where the system reports an error for it. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close().catch(() => undefined);
  }

  async #open(): Promise<FileHandle> {
    const { path } = this.#settings;
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(path, 'a', FILE_MODE);
    this.#handle = handle;
    this.#sizeBytes = (await handle.stat()).size;
    return handle;
  }

  /** `x.log.1` becomes `x.log.2`, and so on from the oldest; the last one is overwritten. */
  async #shiftOlder(): Promise<void> {
    const { path, keep } = this.#settings;
    const names = [path, ...Array.from({ length: keep }, (_, index) => `${path}.${index + 1}`)];
    for (let index = names.length - 1; index > 0; index -= 1) {
      await renameIfThere(names[index - 1] ?? path, names[index] ?? path);
    }
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
