import { createHash } from 'node:crypto';
import { mkdtemp, open, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
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

describe('the image store', () => {
  it('gives back what was put in, and keeps nothing else', async () => {
    expect(await store.put(IMAGE)).toEqual({ sha256: SHA256, sizeBytes: IMAGE.length });
    expect(Buffer.from(await store.read(SHA256)).equals(IMAGE)).toBe(true);
    expect(await readdir(folder)).toEqual([SHA256]);
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
    await expect(store.read(SHA256)).rejects.toMatchObject({ code: 'STORE_MISSING' });
  });

  it('forgets what is not needed, but nothing that was put just now', async () => {
    const other = buildEsp8266App({ sizeBytes: 200_000 });
    const { sha256: needed } = await store.put(other);
    await store.put(IMAGE);
    const long = (await stat(join(folder, SHA256))).mtimeMs;
    expect(await store.sweep((sha256) => sha256 === needed, long - 1)).toEqual({ files: 0, bytes: 0 });
    expect(await store.sweep((sha256) => sha256 === needed, long)).toEqual({ files: 1, bytes: IMAGE.length });
    expect(await readdir(folder)).toEqual([needed]);
    expect(await store.sweep((sha256) => sha256 === needed, long)).toEqual({ files: 0, bytes: 0 });
  });

  it('keeps an image that is put while the unneeded ones are forgotten', async () => {
    await store.put(IMAGE);
    await utimes(join(folder, SHA256), 1, 1);
    await Promise.all([store.put(IMAGE), store.sweep(() => false, Date.now() - 60_000)]);
    expect((await store.read(SHA256)).length).toBe(IMAGE.length);
  });

  it('forgets nothing but images', async () => {
    await writeFile(join(folder, 'README'), 'somebody else');
    expect(await store.sweep(() => false, Date.now() + 60_000)).toEqual({ files: 0, bytes: 0 });
    expect(await readdir(folder)).toEqual(['README']);
  });

  it('takes no path for a hash', async () => {
    await expect(store.read('../../etc/passwd')).rejects.toThrow(TypeError);
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

  it('takes no image that fits no flash', async () => {
    await expect(store.put(new Uint8Array(128 * 1024 * 1024 + 1))).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('says what is wrong with a folder it cannot use', async () => {
    await writeFile(join(root, 'in-the-way'), '');
    const blocked = new ImageStore(join(root, 'in-the-way', 'firmware'));
    await expect(blocked.open()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(blocked.put(IMAGE)).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });
});
