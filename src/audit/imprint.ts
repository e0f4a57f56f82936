import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/** Read at a time, with the event loop turning in between. */
const CHUNK_BYTES = 65_536;

/**
 * What a file holds that only we add to, so that what somebody does to it in place is found: by its times first, which cost one question,
 * and by its bytes where those differ. A change in the same tick of the file system's clock as our own last write is not seen here.
 */
export class Imprint {
  readonly #hash: Hash;
  #sizeBytes: number;
  /** Of the file after our own last write; null: it was not looked at since it was opened. */
  #times: string | null = null;

  /** `bytes`: all that the file held when it was opened. */
  constructor(bytes: Uint8Array) {
    this.#hash = createHash('sha256').update(bytes);
    this.#sizeBytes = bytes.length;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** `text` was added to the file, and nothing of it waits in memory any more. */
  async added(text: string, handle: FileHandle): Promise<void> {
    this.#hash.update(text);
    this.#sizeBytes += Buffer.byteLength(text);
    this.#times = await timesOf(handle);
  }

  /** Does the file hold what was written, and nothing else? A new mode, owner or date alone changes nothing about that. */
  async holds(handle: FileHandle): Promise<boolean> {
    const times = await timesOf(handle);
    if (times === this.#times) return true;
    if ((await hashOf(handle)) !== this.#hash.copy().digest('hex')) return false;
    this.#times = times;
    return true;
  }
}

/** Whoever sets `mtime` back cannot set `ctime`, which is that of the change to either. */
async function timesOf(handle: FileHandle): Promise<string> {
  const { mtimeNs, ctimeNs } = await handle.stat({ bigint: true });
  return `${mtimeNs} ${ctimeNs}`;
}

async function hashOf(handle: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
  }
}
