import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, mkdtemp, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ImageStore } from '../../../src/firmware/store.ts';
import { buildEsp8266App } from '../../fixtures/images.ts';

const IMAGE = buildEsp8266App({ sizeBytes: 300_000 });
const SHA256 = createHash('sha256').update(IMAGE).digest('hex');

let root: string;
let folder: string;
let store: ImageStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dropflash-store-'));
  folder = join(root, 'data', 'firmware');
  store = new ImageStore(folder);
  await store.open();
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function* inPieces(bytes: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes);
}

/** Opens `source` for the length of `use`. */
async function withFile<T>(content: Uint8Array, use: (file: FileHandle, path: string) => Promise<T>): Promise<T> {
  const path = join(root, 'dropped.bin');
  await writeFile(path, content);
  await using file = await open(path, 'r');
  return await use(file, path);
}

describe('the image store', () => {
  it('gives back what was put in, and keeps nothing else', async () => {
    expect(await store.put(IMAGE)).toEqual({ sha256: SHA256, sizeBytes: IMAGE.length });
    expect(Buffer.from(await store.read(SHA256)).equals(IMAGE)).toBe(true);
    expect(await readdir(folder)).toEqual([SHA256]);
  });

  it('takes a stream, whatever its pieces', async () => {
    for (const size of [1000, 65_536, 400_000]) {
      expect(await store.put(inPieces(IMAGE, size))).toEqual({ sha256: SHA256, sizeBytes: IMAGE.length });
    }
    expect(await store.has(SHA256)).toBe(true);
  });

  it('keeps the same bytes once, also when they arrive many times at once', async () => {
    await Promise.all(Array.from({ length: 8 }, () => store.put(IMAGE)));
    expect(await readdir(folder)).toEqual([SHA256]);
    expect((await store.read(SHA256)).length).toBe(IMAGE.length);
  });

  it('never gives out a damaged image, and is mended by the next put', async () => {
    await store.put(IMAGE);
    await writeFile(join(folder, SHA256), IMAGE.subarray(1));
    await expect(store.read(SHA256)).rejects.toMatchObject({ code: 'STORE_CORRUPT', disposition: 'permanent' });
    await store.put(IMAGE);
    expect((await store.read(SHA256)).length).toBe(IMAGE.length);
  });

  it('tells a missing image from a damaged one', async () => {
    expect(await store.has(SHA256)).toBe(false);
    await expect(store.read(SHA256)).rejects.toMatchObject({ code: 'STORE_MISSING' });
  });

  it('forgets an image, twice if need be', async () => {
    await store.put(IMAGE);
    await store.remove(SHA256);
    await store.remove(SHA256);
    expect(await readdir(folder)).toEqual([]);
  });

  it('takes no path for a hash', async () => {
    await expect(store.read('../../etc/passwd')).rejects.toThrow(TypeError);
    await expect(store.remove(`../${'0'.repeat(64)}`)).rejects.toThrow(TypeError);
  });

  it('clears away what an interrupted process left, and only that', async () => {
    await store.put(IMAGE);
    await writeFile(join(folder, '.incoming-0001'), 'half');
    await new ImageStore(folder).open();
    expect(await readdir(folder)).toEqual([SHA256]);
  });

  it('leaves nothing behind when the disk is full', async () => {
    // Every write to /dev/full fails with ENOSPC, after the file itself was made.
    const onFullDisk: typeof open = async (path, flags, mode) => {
      await (await open(path, flags, mode)).close();
      return await open('/dev/full', 'w');
    };
    const full = new ImageStore(folder, onFullDisk);
    await expect(full.put(IMAGE)).rejects.toMatchObject({ code: 'STORE_FULL', disposition: 'retry' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves nothing behind when the source breaks off', async () => {
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield IMAGE.subarray(0, 1000);
      throw new Error('cable pulled');
    }
    await expect(store.put(breaking())).rejects.toThrow('cable pulled');
    expect(await readdir(folder)).toEqual([]);
  });

  it('stops a source that does not end', async () => {
    const piece = new Uint8Array(32 * 1024 * 1024);
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield piece;
    }
    await expect(store.put(endless())).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('says what is wrong with a folder it cannot use', async () => {
    await writeFile(join(root, 'in-the-way'), '');
    const blocked = new ImageStore(join(root, 'in-the-way', 'firmware'));
    await expect(blocked.open()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(blocked.put(IMAGE)).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });
});

describe('copying an open file into the store', () => {
  it('keeps its content and leaves the handle where it was', async () => {
    await withFile(IMAGE, async (file) => {
      expect(await store.copyFrom(file)).toEqual({ sha256: SHA256, sizeBytes: IMAGE.length });
      expect((await file.read(Buffer.alloc(1))).buffer[0]).toBe(IMAGE[0]);
    });
  });

  it('goes on with the file it opened when another takes its name', async () => {
    await withFile(IMAGE, async (file, path) => {
      await writeFile(join(root, 'other'), 'other');
      const copying = store.copyFrom(file);
      await rename(join(root, 'other'), path);
      // The rename changes the inode's ctime where it drops its last link; the content is still the one content.
      await copying.then(
        ({ sha256 }) => expect(sha256).toBe(SHA256),
        (error: unknown) => expect(error).toMatchObject({ code: 'STORE_SOURCE_CHANGED' }),
      );
    });
  });

  it('throws the copy away when the file changed meanwhile', async () => {
    for (const change of [
      (path: string) => writeFile(path, 'x', { flag: 'a' }),
      (path: string) => writeFile(path, IMAGE),
      (path: string) => writeFile(path, IMAGE.subarray(0, 10)),
    ]) {
      await rm(folder, { recursive: true });
      await mkdir(folder);
      await withFile(IMAGE, async (file, path) => {
        const { mtimeMs } = await stat(path);
        // Changed as soon as the store has begun to write: between the two looks at the file.
        const whileWriting: typeof open = async (...args) => {
          const handle = await open(...args);
          await change(path);
          return handle;
        };
        await expect(new ImageStore(folder, whileWriting).copyFrom(file)).rejects.toMatchObject({
          code: 'STORE_SOURCE_CHANGED',
          disposition: 'retry',
        });
        expect((await stat(path)).mtimeMs).toBeGreaterThanOrEqual(mtimeMs);
      });
      expect(await readdir(folder)).toEqual([]);
    }
  });
});
