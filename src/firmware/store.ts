import { randomUUID } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FlashError } from '../errors.ts';
import { sha256InSteps } from './bytes.ts';
import { LARGEST_IMAGE_BYTES } from './dossier.ts';
import { count } from './findings.ts';

/** Bytes that the store has on the disk. */
export interface StoredBytes {
  /** Lower case hex; the name under which {@link ImageStore.read} finds them. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** What {@link ImageStore.sweep} has removed. */
export interface SweptImages {
  readonly files: number;
  readonly bytes: number;
}

const TEMPORARY_PREFIX = '.incoming-';
const SHA256_NAME = /^[0-9a-f]{64}$/;
/** The disk, the owner's quota, or the largest file the file system takes. */
const NO_ROOM: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/**
 * Firmware images by their SHA-256, one file each, in a folder that nothing else writes to. A file is there whole and on the
 * disk, or it is not there: it is written under a temporary name, synced, renamed, and the folder synced.
 *
 * One process at a time uses a store (the daemon's lock sees to that): {@link open} removes what an interrupted one left.
 */
export class ImageStore {
  readonly #folder: string;
  readonly #openFile: typeof open;
  /** On their way into the folder. */
  readonly #placing = new Set<string>();

  /** `openFile`: how files to be written are opened; a test passes a device that is full. */
  constructor(folder: string, openFile: typeof open = open) {
    this.#folder = folder;
    this.#openFile = openFile;
  }

  /** Makes the folder and clears it of half-written files. Throws STORE_FAILED. */
  async open(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o750 });
      const stale = (await readdir(this.#folder)).filter((name) => name.startsWith(TEMPORARY_PREFIX));
      await Promise.all(stale.map((name) => rm(join(this.#folder, name), { force: true })));
    } catch (cause) {
      throw storeError(cause, `cannot open the image store ${this.#folder}`);
    }
  }

  /**
   * Keeps an image. When it resolves, the bytes survive a power cut. Putting the same bytes again changes nothing, and mends
   * a damaged copy. Throws STORE_FULL, STORE_FAILED or IMAGE_TOO_LARGE; then nothing is left behind.
   */
  async put(bytes: Uint8Array): Promise<StoredBytes> {
    const sizeBytes = bytes.length;
    if (sizeBytes > LARGEST_IMAGE_BYTES) {
      const message = `the image has ${count(sizeBytes)} bytes; the largest flash has ${count(LARGEST_IMAGE_BYTES)}`;
      throw new FlashError('IMAGE_TOO_LARGE', message);
    }
    const sha256 = await sha256InSteps(bytes);
    const temporary = join(this.#folder, `${TEMPORARY_PREFIX}${randomUUID()}`);
    this.#placing.add(sha256);
    try {
      await this.#writeSynced(temporary, bytes);
      await this.#place(temporary, this.#pathOf(sha256));
      return { sha256, sizeBytes };
    } catch (cause) {
      // What cannot be removed now, the next open() removes; the reason to tell is why it was not kept.
      await rm(temporary, { force: true }).catch(() => undefined);
      throw storeError(cause, `cannot keep an image of ${count(sizeBytes)} bytes in ${this.#folder}`);
    } finally {
      this.#placing.delete(sha256);
    }
  }

  /** The image with this hash, checked against it. Throws STORE_MISSING, STORE_CORRUPT, STORE_FAILED. */
  async read(sha256: string): Promise<Uint8Array> {
    const bytes = await readFile(this.#pathOf(sha256)).catch((cause: unknown) => {
      if (codeOf(cause) !== 'ENOENT') throw storeError(cause, `cannot read image ${sha256}`);
      throw new FlashError('STORE_MISSING', `image ${sha256} is not in ${this.#folder}`, { cause });
    });
    const actual = await sha256InSteps(bytes);
    if (actual === sha256) return bytes;
    const message = `image ${sha256} in ${this.#folder} is damaged: its ${count(bytes.length)} bytes have the hash ${actual}`;
    throw new FlashError('STORE_CORRUPT', message, { details: { sha256, actual } });
  }

  /**
   * Forgets the images that `isNeeded` says no to, but for those that were put after `beforeMs` (epoch ms): they may not be entered
   * anywhere yet. Returns how many there were. Throws STORE_FAILED.
   */
  async sweep(isNeeded: (sha256: string) => boolean, beforeMs: number): Promise<SweptImages> {
    let [files, bytes] = [0, 0];
    try {
      for (const name of await readdir(this.#folder)) {
        if (!SHA256_NAME.test(name) || isNeeded(name)) continue;
        const sizeBytes = this.#forget(name, beforeMs);
        if (sizeBytes === null) continue;
        [files, bytes] = [files + 1, bytes + sizeBytes];
        await new Promise(setImmediate);
      }
    } catch (cause) {
      throw storeError(cause, `cannot remove images from ${this.#folder}`);
    }
    return { files, bytes };
  }

  /** All at once: between the look at the file and its end nobody puts it again. Returns its size; null: it stays, or is gone. */
  #forget(sha256: string, beforeMs: number): number | null {
    if (this.#placing.has(sha256)) return null;
    const path = this.#pathOf(sha256);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile() || stats.mtimeMs > beforeMs) return null;
    rmSync(path, { force: true });
    return stats.size;
  }

  #pathOf(sha256: string): string {
    // Hashes come from the journal and from our own arithmetic: anything else would be a path of somebody's making.
    if (!SHA256_NAME.test(sha256)) throw new TypeError(`not a SHA-256 in lower case hex: ${JSON.stringify(sha256)}`);
    return join(this.#folder, sha256);
  }

  async #writeSynced(path: string, bytes: Uint8Array): Promise<void> {
    await using file = await this.#openFile(path, 'wx', 0o640);
    await file.writeFile(bytes);
    await file.sync();
  }

  async #place(temporary: string, final: string): Promise<void> {
    await rename(temporary, final);
    // A folder cannot be opened, nor need it be synced, on Windows.
    if (process.platform === 'win32') return;
    await using folder = await open(this.#folder, 'r');
    await folder.sync();
  }
}

/** The system's error code. Where writing failed and closing after it as well, the first of the two is the reason. */
function codeOf(cause: unknown): string | null {
  const reason: unknown = cause instanceof SuppressedError ? cause.suppressed : cause;
  return reason instanceof Error && 'code' in reason && typeof reason.code === 'string' ? reason.code : null;
}

function storeError(cause: unknown, what: string): FlashError {
  const code = codeOf(cause);
  const details = { code };
  if (NO_ROOM.has(code)) return new FlashError('STORE_FULL', `${what}: no room left (${code})`, { cause, details });
  return new FlashError('STORE_FAILED', `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
    details,
  });
}
