import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ImageStore } from '../../../src/firmware/store.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import { Bench, MemoryStore, namesIn, nap, sha256Of, temporaryFolder, until } from '../../unit/watcher/support.ts';

const APP = buildEsp32App({ sizeBytes: 60_000 });
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

/** Rights mean nothing to root, so the test lends itself another user's. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

async function nobodysFolder(path: string): Promise<void> {
  await mkdir(path);
  if (isRoot) await chown(path, NOBODY, NOBODY);
}

describe.runIf(process.platform !== 'win32')('rights', () => {
  it('a file that may not be read is left, reported once, and taken once it may be', async () => {
    await using folder = await temporaryFolder();
    await chmod(folder.path, 0o755);
    await nobodysFolder(`${folder.path}/drop`);
    await asNobody(async () => {
      await using bench = await new Bench(`${folder.path}/drop`, { scanMs: 100 }).start();
      await writeFile(bench.path('.app'), APP, { mode: 0o000 });
      await rename(bench.path('.app'), bench.path('app.bin'));
      await until(() => bench.log.withCode('WATCH_UNREADABLE').length > 0, 'the word about the file');
      await nap(350);
      expect(bench.log.withCode('WATCH_UNREADABLE')).toMatchObject([{ level: 'warn', file: 'app.bin' }]);
      await chmod(bench.path('app.bin'), 0o600);
      await bench.taken(1);
      expect(bench.drops[0]?.sha256).toBe(sha256Of(APP));
    });
  });

  it('a file that its writer lets nobody read until it is done is no trouble', async () => {
    await using folder = await temporaryFolder();
    await chmod(folder.path, 0o755);
    await nobodysFolder(`${folder.path}/drop`);
    await asNobody(async () => {
      // Nothing is read after the settle time: however slow this machine is, the file is readable by then.
      await using bench = await new Bench(`${folder.path}/drop`, { settleMs: 20_000 }).start();
      await writeFile(bench.path('app.bin'), APP, { mode: 0o000 });
      await until(() => bench.log.of('file.seen').length > 0, 'the first look');
      await nap(150);
      await chmod(bench.path('app.bin'), 0o600);
      await bench.taken(1);
      expect(bench.log.withCode('WATCH_UNREADABLE')).toEqual([]);
    });
  });

  it('a taken file that cannot be moved yet is one drop, handed on once it could be', async () => {
    await using folder = await temporaryFolder();
    await chmod(folder.path, 0o755);
    await nobodysFolder(`${folder.path}/drop`);
    await asNobody(async () => {
      const store = new MemoryStore();
      await using bench = await new Bench(`${folder.path}/drop`, { store, scanMs: 100 }).start();
      await chmod(bench.path('working'), 0o500);
      await writeFile(bench.path('app.bin'), APP);
      await until(() => bench.log.withCode('WATCH_MOVE_FAILED').length > 0, 'the word about the move');
      expect(bench.drops).toEqual([]);
      expect(bench.ledger.unfinished()).toHaveLength(1);
      await chmod(bench.path('working'), 0o700);
      await bench.taken(1);
      expect(bench.drops).toMatchObject([{ placedName: 'app.bin' }]);
      expect(bench.ledger.unfinished()).toHaveLength(1);
    });
  });
});

describe('space', () => {
  it('a full store is reported once; what did not fit is taken when there is room', async ({ skip }) => {
    await using folder = await temporaryFolder();
    const disk = `${folder.path}/disk`;
    await mkdir(disk);
    const mount = promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', disk]);
    if (!isRoot || (await mount.then(() => false).catch(() => true))) return skip('only root may mount a small disk');
    try {
      const store = new ImageStore(`${disk}/firmware`);
      await store.open();
      await using bench = await new Bench(`${folder.path}/drop`, { store, scanMs: 100 }).start();
      await writeFile(`${disk}/ballast`, new Uint8Array(100_000));
      await writeFile(bench.path('app.bin'), APP);
      await until(() => bench.log.withCode('STORE_FULL').length > 0, 'the word about the disk');
      await nap(350);
      expect(bench.log.withCode('STORE_FULL')).toHaveLength(1);
      expect(await namesIn(bench.root)).toContain('app.bin');
      expect(bench.ledger.unfinished()).toEqual([]);
      await rm(`${disk}/ballast`);
      await bench.taken(1);
      expect(await namesIn(`${disk}/firmware`)).toEqual([sha256Of(APP)]);
    } finally {
      await promisify(execFile)('umount', [disk]);
    }
  });
});
