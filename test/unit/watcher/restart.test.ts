import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../src/firmware/dossier.ts';
import type { Drop } from '../../../src/model/drop.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import {
  Bench,
  DyingLedger,
  MemoryLedger,
  MemoryStore,
  namesIn,
  rawBytes,
  resultFor,
  sha256Of,
  temporaryFolder,
  until,
} from './support.ts';

const APP = buildEsp32App();
const APP_FACTS = { sha256: sha256Of(APP), sizeBytes: APP.length, dossier: readDossier(APP, 'app.bin'), seenMs: 0 };

const STEPS = [
  'before taken',
  'after taken',
  'before placed working',
  'after placed working',
  'before placed done',
  'after placed done',
];

describe('a crash', () => {
  it('is mended before a file whose jobs have ended meanwhile is moved', async () => {
    await using folder = await temporaryFolder();
    const root = `${folder.path}/drop`;
    await mkdir(`${root}/working`, { recursive: true });
    await writeFile(`${root}/working/app.bin`, APP);
    const ledger = new MemoryLedger();
    const taken = ledger.taken({ name: 'app.bin', ...APP_FACTS });
    ledger.placed(taken.id, 'working', 'app.bin');
    const [drop] = ledger.unfinished();
    if (drop === undefined) throw new Error('the ledger has lost the drop');

    await using bench = new Bench(root, { ledger });
    await bench.folder.finish(drop, 'done', resultFor(drop, 'done'));
    expect(await namesIn(`${root}/working`)).toEqual(['app.bin']);
    await bench.start();
    await until(() => ledger.unfinished().length === 0, 'the move');
    expect(await namesIn(`${root}/done`)).toEqual(['app.bin', 'app.bin.result.json']);
    expect(bench.log.of('file.vanished')).toEqual([]);
  });

  it.each(STEPS)('%s: the file is taken once, finished once, and nothing lies about', async (step) => {
    await using folder = await temporaryFolder();
    const root = `${folder.path}/drop`;
    const [ledger, store] = [new MemoryLedger(), new MemoryStore()];
    const dying = new DyingLedger(ledger, step);
    {
      await using first: Bench = new Bench(root, {
        ledger: dying,
        store,
        onDrop: (drop) => first.folder.finish(drop, 'done', resultFor(drop, 'done')),
      });
      await first.start();
      await writeFile(`${root}/app.bin.sha256`, sha256Of(APP));
      await writeFile(`${root}/app.bin`, APP);
      await until(() => dying.isDead, 'the crash');
    }
    await using second: Bench = new Bench(root, {
      ledger,
      store,
      onDrop: (drop) => second.folder.finish(drop, 'done', resultFor(drop, 'done')),
    });
    await second.start();
    await until(() => ledger.drops.size === 1 && ledger.unfinished().length === 0, 'the end of the one drop');
    expect([...ledger.drops.values()]).toMatchObject([
      { folder: 'done', placedName: 'app.bin', sha256: sha256Of(APP) },
    ]);
    expect(await namesIn(second.path('done'))).toEqual(['app.bin', 'app.bin.result.json', 'app.bin.sha256']);
    expect(await namesIn(second.path('working'))).toEqual([]);
    expect(store.images.size).toBe(1);
  });
});

/** A folder as a crash may leave it, and a ledger with one drop that was `taken`. */
async function inRuins(work: (root: string, ledger: MemoryLedger, drop: Drop) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  const root = `${folder.path}/drop`;
  for (const name of ['working', 'done', 'rejected']) await mkdir(`${root}/${name}`, { recursive: true });
  const ledger = new MemoryLedger();
  await work(root, ledger, ledger.taken({ name: 'app.bin', ...APP_FACTS }));
}

describe('after a restart', () => {
  it('a file that was taken and not moved goes on as the same drop', () =>
    inRuins(async (root, ledger, drop) => {
      await writeFile(`${root}/app.bin`, APP);
      await using bench = await new Bench(root, { ledger }).start();
      await bench.taken(1);
      expect(bench.drops).toMatchObject([{ id: drop.id, folder: 'working', placedName: 'app.bin' }]);
      expect(ledger.drops.size).toBe(1);
    }));

  it('a file of that name with other content is a new one', () =>
    inRuins(async (root, ledger, drop) => {
      const newer = buildEsp32App({ version: '2.0.0' });
      await writeFile(`${root}/app.bin`, newer);
      await using bench = await new Bench(root, { ledger }).start();
      await bench.taken(2);
      expect(bench.drops).toMatchObject([{ id: drop.id, placedName: null }, { sha256: sha256Of(newer) }]);
    }));

  it('a file that was moved, under whatever name, and not recorded is found by its content', () =>
    inRuins(async (root, ledger, drop) => {
      await writeFile(`${root}/working/app.bin`, rawBytes(1, APP.length));
      await writeFile(`${root}/working/app.12345678.bin`, APP);
      await writeFile(`${root}/app.bin.sha256`, sha256Of(APP));
      await using bench = await new Bench(root, { ledger }).start();
      await bench.taken(1);
      expect(bench.drops).toMatchObject([{ id: drop.id, placedName: 'app.12345678.bin' }]);
      expect(await namesIn(`${root}/working`)).toContain('app.12345678.bin.sha256');
      expect(bench.log.withCode('WATCH_UNKNOWN_FILE')).toMatchObject([{ file: 'app.bin' }]);
      expect(await readFile(`${root}/working/app.bin`)).toHaveLength(APP.length);
    }));

  it('a file that somebody removed is still a drop', () =>
    inRuins(async (root, ledger, drop) => {
      await using bench = await new Bench(root, { ledger }).start();
      await bench.taken(1);
      expect(bench.drops).toMatchObject([{ id: drop.id, folder: 'working', placedName: null }]);
      expect(bench.log.of('file.vanished')).toHaveLength(1);
    }));

  it('a file in its last folder, its result not yet there, is finished under the same name', () =>
    inRuins(async (root, ledger, drop) => {
      ledger.placed(drop.id, 'working', 'app.bin');
      await writeFile(`${root}/done/app.bin`, APP);
      const pending = JSON.stringify({ ...resultFor(drop, 'done'), drop: drop.id });
      await writeFile(`${root}/done/.app.bin.result.json.tmp`, pending);
      await using bench = await new Bench(root, { ledger }).start();
      await bench.taken(1);
      await bench.folder.finish(drop, 'done', resultFor(drop, 'done'));
      expect(await namesIn(`${root}/done`)).toEqual(['app.bin', 'app.bin.result.json']);
    }));

  it('a result whose file never came is removed, and so is half a copy between volumes', () =>
    inRuins(async (root, ledger) => {
      await writeFile(`${root}/rejected/.bad.bin.result.json.tmp`, '{}');
      await writeFile(`${root}/working/.moving-1.tmp`, 'half');
      await using bench = await new Bench(root, { ledger }).start();
      expect(await namesIn(bench.path('rejected'))).toEqual([]);
      expect(await namesIn(bench.path('working'))).toEqual([]);
    }));

  it('drops in working/ are handed on again', () =>
    inRuins(async (root, ledger, drop) => {
      await writeFile(`${root}/working/app.bin`, APP);
      ledger.placed(drop.id, 'working', 'app.bin');
      await using bench = await new Bench(root, { ledger }).start();
      await bench.taken(1);
      expect(bench.drops).toMatchObject([{ id: drop.id, placedName: 'app.bin' }]);
      expect(bench.log.of('file.left')).toEqual([]);
    }));
});

describe('sub-folders on another volume', () => {
  it('get copies, and the source goes last', async ({ skip }) => {
    const far = await mkdtemp('/dev/shm/dropflash-').catch(() => null);
    if (far === null) return skip('there is no second volume at /dev/shm');
    await using folder = await temporaryFolder();
    const root = `${folder.path}/drop`;
    await mkdir(root);
    await symlink(far, `${root}/done`);
    try {
      await using bench = await new Bench(root).start();
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(1);
      for (const drop of bench.drops) await bench.folder.finish(drop, 'done', resultFor(drop, 'done'));
      expect(await namesIn(far)).toEqual(['app.bin', 'app.bin.result.json']);
      expect(await namesIn(bench.path('working'))).toEqual([]);
      expect(await readFile(`${far}/app.bin`)).toEqual(Buffer.from(APP));
    } finally {
      await rm(far, { recursive: true });
    }
  });
});
