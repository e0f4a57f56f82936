import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Drop, TakenFile } from '../../../src/model/drop.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import { Bench, MemoryLedger, MemoryStore, namesIn, resultFor, sha256Of, temporaryFolder, until } from './support.ts';

const APP = buildEsp32App();
const NEWER = buildEsp32App({ version: '2.0.0' });

/** A ledger that has somebody meddle with the folder right after the first file was entered, and before it is moved. */
class MeddledLedger extends MemoryLedger {
  readonly #meddle: () => void;

  constructor(meddle: () => void) {
    super();
    this.#meddle = meddle;
  }

  override taken(file: TakenFile): Drop {
    const drop = super.taken(file);
    if (this.drops.size === 1) this.#meddle();
    return drop;
  }
}

describe('somebody meddles with a file', () => {
  it('replaces it while it is copied into the store: only the new one counts', async () => {
    await using folder = await temporaryFolder();
    const root = `${folder.path}/drop`;
    const kept = new MemoryStore();
    let isFirst = true;
    const store = {
      put: async (bytes: Uint8Array) => {
        if (isFirst) {
          isFirst = false;
          await writeFile(`${folder.path}/newer`, NEWER);
          await rename(`${folder.path}/newer`, `${root}/app.bin`);
        }
        return kept.put(bytes);
      },
    };
    await using bench = await new Bench(root, { store }).start();
    await writeFile(bench.path('app.bin'), APP);
    await bench.taken(1);
    expect(bench.drops.map(({ sha256 }) => sha256)).toEqual([sha256Of(NEWER)]);
    expect(await readFile(bench.path('working', 'app.bin'))).toEqual(Buffer.from(NEWER));
  });

  it('replaces it between the journal and the move: both count, and the new file is not taken for the old', async () => {
    await using folder = await temporaryFolder();
    const root = `${folder.path}/drop`;
    const ledger = new MeddledLedger(() => {
      writeFileSync(`${folder.path}/newer`, NEWER);
      renameSync(`${folder.path}/newer`, `${root}/app.bin`);
    });
    await using bench = await new Bench(root, { ledger }).start();
    await writeFile(bench.path('app.bin'), APP);
    await bench.taken(2);
    expect(bench.drops).toMatchObject([
      { sha256: sha256Of(APP), placedName: null },
      { sha256: sha256Of(NEWER), placedName: 'app.bin' },
    ]);
  });

  it('deletes it between the journal and the move: it is a drop without a file', async () => {
    await using folder = await temporaryFolder();
    const root = `${folder.path}/drop`;
    const ledger = new MeddledLedger(() => rmSync(`${root}/app.bin`));
    await using bench = await new Bench(root, { ledger }).start();
    await writeFile(bench.path('app.bin'), APP);
    await bench.taken(1);
    expect(bench.drops).toMatchObject([{ sha256: sha256Of(APP), folder: 'working', placedName: null }]);
  });

  it('puts files into done/ under the names that are needed there: none is overwritten', async () => {
    await using folder = await temporaryFolder();
    await using bench = await new Bench(`${folder.path}/drop`).start();
    const mark = sha256Of(APP).slice(0, 8);
    await writeFile(bench.path('done', 'app.bin'), 'theirs');
    await writeFile(bench.path('done', `app.${mark}.bin.result.json`), 'theirs');
    await writeFile(bench.path('app.bin'), APP);
    await bench.taken(1);
    for (const drop of bench.drops) await bench.folder.finish(drop, 'done', resultFor(drop, 'done'));
    const expected = ['app.bin', `app.${mark}-2.bin`, `app.${mark}-2.bin.result.json`, `app.${mark}.bin.result.json`];
    expect(await namesIn(bench.path('done'))).toEqual(expected.sort());
    expect(await readFile(bench.path('done', 'app.bin'), 'utf8')).toBe('theirs');
  });

  it('has a file where a folder should be: the move is put off, and made with a later scan', async () => {
    await using folder = await temporaryFolder();
    await using bench = await new Bench(`${folder.path}/drop`, { scanMs: 50 }).start();
    await rm(bench.path('done'), { recursive: true });
    await writeFile(bench.path('done'), 'in the way');
    await writeFile(bench.path('app.bin'), APP);
    await bench.taken(1);
    for (const drop of bench.drops) await bench.folder.finish(drop, 'done', resultFor(drop, 'done'));
    expect(bench.log.withCode('WATCH_MOVE_FAILED')).toHaveLength(1);
    expect(bench.ledger.unfinished()).toHaveLength(1);
    await rm(bench.path('done'));
    await mkdir(bench.path('done'));
    await until(() => bench.ledger.unfinished().length === 0, 'the move');
    expect(await namesIn(bench.path('done'))).toEqual(['app.bin', 'app.bin.result.json']);
  });
});
