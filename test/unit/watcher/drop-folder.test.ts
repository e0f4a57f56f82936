import { appendFile, mkdir, open, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { buildEsp32App, buildEsp8266App, signArduino } from '../../fixtures/images.ts';
import {
  Bench,
  type BenchOptions,
  jsonOf,
  type MemoryLedger,
  MemoryStore,
  namesIn,
  nap,
  rawBytes,
  resultFor,
  sha256Of,
  temporaryFolder,
  until,
} from './support.ts';

const APP = buildEsp32App({ sizeBytes: 200_000 });
const RAW = rawBytes(7, 300);

async function inBench(options: BenchOptions, work: (bench: Bench) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  await using bench = new Bench(`${folder.path}/drop`, options);
  await bench.start();
  await work(bench);
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

describe('what is taken', () => {
  it('a complete image, long before it has settled', () =>
    inBench({ settleMs: 60_000 }, async (bench) => {
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(1);
      const [drop] = bench.drops;
      expect(drop).toMatchObject({ name: 'app.bin', sha256: sha256Of(APP), folder: 'working', placedName: 'app.bin' });
      expect(await readFile(bench.path('working', 'app.bin'))).toEqual(Buffer.from(APP));
      expect(await namesIn(bench.root)).not.toContain('app.bin');
      expect((bench.store as MemoryStore).images.get(sha256Of(APP))).toEqual(APP);
    }));

  it('a complete image that is renamed into place, at once', () =>
    inBench({ settleMs: 600_000 }, async (bench) => {
      await using outside = await temporaryFolder();
      await writeFile(`${outside.path}/app.bin`, APP);
      await rename(`${outside.path}/app.bin`, bench.path('app.bin'));
      await bench.taken(1);
    }));

  it('raw bytes, once they have stood still', () =>
    inBench({ settleMs: 400 }, async (bench) => {
      const startedMs = performance.now();
      await writeFile(bench.path('data.bin'), RAW);
      await bench.taken(1);
      expect(performance.now() - startedMs).toBeGreaterThanOrEqual(400);
    }));

  it('files that were there before', async () => {
    await using folder = await temporaryFolder();
    const root = `${folder.path}/drop`;
    await mkdir(root);
    await writeFile(`${root}/app.bin`, APP);
    await writeFile(`${root}/data.bin`, RAW);
    await using bench = await new Bench(root).start();
    await bench.taken(2);
    expect(await namesIn(bench.path('working'))).toEqual(['app.bin', 'data.bin']);
  });

  it.runIf(process.platform === 'linux')('names of any bytes', () =>
    inBench({ settleMs: 100 }, async (bench) => {
      const names = [
        Buffer.from('line\nbreak.bin'),
        Buffer.from('..bin'.padStart(20, 'a')),
        Buffer.from(`${'n'.repeat(251)}.bin`),
        Buffer.from(`${'ü'.repeat(125)}.bin`),
        Buffer.from([0x66, 0xff, 0xfe, 0x2e, 0x62, 0x69, 0x6e]),
        Buffer.from('quote"\\back\t.bin'),
        Buffer.from('-rf'),
      ];
      for (const [index, name] of names.entries()) {
        await writeFile(Buffer.concat([Buffer.from(`${bench.root}/`), name]), rawBytes(index));
      }
      await bench.taken(names.length);
      expect(bench.drops.map(({ name }) => name)).toContain('f\\xff\\xfe.bin');
      for (const drop of bench.drops) await bench.folder.finish(drop, 'done', resultFor(drop, 'done'));
      expect(await namesIn(bench.path('done'))).toHaveLength(2 * names.length);
      expect(await namesIn(bench.path('working'))).toEqual([]);
    }),
  );

  it('a thousand files at once', () =>
    inBench({ settleMs: 200 }, async (bench) => {
      // What this thread computes between two turns of its loop, whatever else the machine is busy with.
      let longestTurnMs = 0;
      let lastMs = threadCpuMs();
      const pulse = setInterval(() => {
        longestTurnMs = Math.max(longestTurnMs, threadCpuMs() - lastMs);
        lastMs = threadCpuMs();
      }, 10);
      for (let index = 0; index < 1_000; index += 1) {
        await writeFile(
          bench.path(`f${index}.bin`),
          index % 2 === 0 ? rawBytes(index) : buildEsp32App({ seed: index }),
        );
      }
      await bench.taken(1_000);
      clearInterval(pulse);
      expect(new Set(bench.drops.map(({ sha256 }) => sha256)).size).toBe(1_000);
      expect(await namesIn(bench.path('working'))).toHaveLength(1_000);
      expect(longestTurnMs).toBeLessThan(500);
    }));

  it('the same bytes twice, as two drops under names of their own', () =>
    inBench({}, async (bench) => {
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(1);
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(2);
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(3);
      const mark = sha256Of(APP).slice(0, 8);
      expect(await namesIn(bench.path('working'))).toEqual([`app.${mark}-2.bin`, `app.${mark}.bin`, 'app.bin']);
    }));

  it('the same name with new bytes while the first is in working/', () =>
    inBench({}, async (bench) => {
      const newer = buildEsp32App({ version: '2.0.0' });
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(1);
      await writeFile(bench.path('app.bin'), newer);
      await bench.taken(2);
      expect(bench.drops.map(({ sha256 }) => sha256)).toEqual([sha256Of(APP), sha256Of(newer)]);
      for (const drop of bench.drops) await bench.folder.finish(drop, 'done', resultFor(drop, 'done'));
      expect(await readFile(bench.path('done', 'app.bin'))).toEqual(Buffer.from(APP));
      expect(await readFile(bench.path('done', `app.${sha256Of(newer).slice(0, 8)}.bin`))).toEqual(Buffer.from(newer));
    }));

  it('two files that are swapped while they settle, each under its new name', () =>
    inBench({ settleMs: 500 }, async (bench) => {
      await writeFile(bench.path('a.bin'), rawBytes(1));
      await writeFile(bench.path('b.bin'), rawBytes(2));
      await nap(150);
      await rename(bench.path('a.bin'), bench.path('.swap'));
      await rename(bench.path('b.bin'), bench.path('a.bin'));
      await rename(bench.path('.swap'), bench.path('b.bin'));
      await bench.taken(2);
      const hashes = Object.fromEntries(bench.drops.map(({ name, sha256 }) => [name, sha256]));
      expect(hashes).toEqual({ 'a.bin': sha256Of(rawBytes(2)), 'b.bin': sha256Of(rawBytes(1)) });
    }));

  it('by scans alone where no events come', () =>
    inBench({ watch: 'polling', scanMs: 50, settleMs: 100 }, async (bench) => {
      await writeFile(bench.path('app.bin'), APP);
      await writeFile(bench.path('data.bin'), RAW);
      await bench.taken(2);
    }));

  it('an upload that is renamed in the folder, by scans alone', () =>
    inBench({ watch: 'polling', scanMs: 30, settleMs: 60_000 }, async (bench) => {
      await writeFile(bench.path('data.bin.part'), RAW);
      await nap(150);
      expect(bench.drops).toEqual([]);
      await rename(bench.path('data.bin.part'), bench.path('data.bin'));
      await bench.taken(1);
    }));
});

describe('what is not taken', () => {
  it('names of uploads under way, links, folders, empty files, and our own folders', () =>
    inBench({ settleMs: 50 }, async (bench) => {
      await using outside = await temporaryFolder();
      await writeFile(`${outside.path}/secret.bin`, APP);
      for (const name of [
        '.hidden.bin',
        'a.bin~',
        'a.bin.part',
        'a.TMP',
        'a.crdownload',
        'a.filepart',
        'a.swp',
        'x.sha256',
      ]) {
        await writeFile(bench.path(name), APP);
      }
      await symlink(`${outside.path}/secret.bin`, bench.path('link.bin'));
      await mkdir(bench.path('folder.bin'));
      await writeFile(bench.path('empty.bin'), '');
      await writeFile(bench.path('last.bin'), RAW);
      await bench.taken(1);
      await until(() => bench.log.withCode('WATCH_EMPTY').length > 0, 'the word about the empty file');
      await nap(150);
      expect(bench.drops.map(({ name }) => name)).toEqual(['last.bin']);
      expect(bench.log.withCode('WATCH_LINK')).toHaveLength(1);
      expect(await readFile(`${outside.path}/secret.bin`)).toEqual(Buffer.from(APP));
      expect(await namesIn(bench.root)).toContain('empty.bin');
    }));

  it('a slow copy, at any of its pauses', () =>
    inBench({ settleMs: 250 }, async (bench) => {
      const image = buildEsp8266App({ sizeBytes: 60_000 });
      const file = await open(bench.path('slow.bin'), 'w');
      for (let at = 0; at < image.length; at += 4_096) {
        await file.write(image.subarray(at, at + 4_096));
        await nap(100);
        if (at + 4_096 < image.length) expect(bench.drops).toEqual([]);
      }
      await file.close();
      await bench.taken(1);
      expect(bench.drops[0]?.sha256).toBe(sha256Of(image));
    }));

  it.runIf(process.platform === 'linux')('a whole image whose writer still holds it, with the signature to come', () =>
    inBench({ settleMs: 2_000 }, async (bench) => {
      const unsigned = buildEsp8266App({ sizeBytes: 12_000 });
      const signed = signArduino(unsigned);
      const file = await open(bench.path('signed.bin'), 'w');
      await file.write(unsigned);
      await nap(600);
      expect(bench.drops).toEqual([]);
      await file.write(signed.subarray(unsigned.length));
      await file.close();
      await bench.taken(1);
      expect(bench.drops[0]?.sha256).toBe(sha256Of(signed));
    }),
  );

  it.runIf(process.platform === 'linux')(
    'half a file whose writer makes a long pause and holds it, sidecar or not',
    () =>
      inBench({ settleMs: 200 }, async (bench) => {
        await writeFile(bench.path('vouched.bin.sha256'), sha256Of(APP));
        const files = await Promise.all(['plain.bin', 'vouched.bin'].map((name) => open(bench.path(name), 'w')));
        for (const file of files) await file.write(APP.subarray(0, 90_000));
        // What nobody holds is given up later than they would have been.
        await writeFile(bench.path('abandoned.bin'), APP.subarray(0, 80_000));
        await until(async () => (await namesIn(bench.path('rejected'))).includes('abandoned.bin'), 'abandoned.bin');
        expect(await namesIn(bench.root)).toEqual(expect.arrayContaining(['plain.bin', 'vouched.bin']));
        for (const file of files) {
          await file.write(APP.subarray(90_000));
          await file.close();
        }
        await bench.taken(2);
        expect(bench.drops.map(({ sha256 }) => sha256)).toEqual([sha256Of(APP), sha256Of(APP)]);
      }),
  );

  it.runIf(process.platform === 'linux')(
    'bytes that prove nothing while their writer holds them, however long it pauses',
    () =>
      inBench({ settleMs: 100 }, async (bench) => {
        const held = await open(bench.path('held.bin'), 'w');
        await held.write(RAW.subarray(0, 150));
        await until(() => bench.log.of('file.seen').length > 0, 'the first look');
        await writeFile(bench.path('left.bin'), rawBytes(77, 150));
        // Written later, and taken: what nobody holds has settled by now, and so has the other.
        await bench.taken(1);
        expect(bench.drops.map(({ name }) => name)).toEqual(['left.bin']);
        await held.write(RAW.subarray(150));
        await held.close();
        await bench.taken(2);
        expect(bench.drops[1]?.sha256).toBe(sha256Of(RAW));
      }),
  );

  it('a preallocated file that is still being filled', () =>
    inBench({ settleMs: 250 }, async (bench) => {
      await writeFile(bench.path('samba.bin'), '');
      await truncate(bench.path('samba.bin'), APP.length);
      const file = await open(bench.path('samba.bin'), 'r+');
      for (let at = 0; at < APP.length; at += 20_000) {
        await nap(150);
        expect(bench.drops).toEqual([]);
        await file.write(APP.subarray(at, at + 20_000), 0, undefined, at);
      }
      await file.close();
      await bench.taken(1);
      expect(bench.drops[0]?.sha256).toBe(sha256Of(APP));
    }));

  it('a file that never stops growing, while others are', () =>
    inBench({ settleMs: 150 }, async (bench) => {
      const file = await open(bench.path('endless.log.bin'), 'w');
      for (let turn = 0; turn < 20; turn += 1) {
        await file.write(rawBytes(turn, 5));
        if (turn === 5) await writeFile(bench.path('data.bin'), RAW);
        await nap(50);
      }
      expect(bench.drops.map(({ name }) => name)).toEqual(['data.bin']);
      await file.close();
      await bench.taken(2);
    }));

  it('a file that is deleted before it has settled', () =>
    inBench({ settleMs: 200 }, async (bench) => {
      await writeFile(bench.path('gone.bin'), RAW);
      await nap(80);
      await rm(bench.path('gone.bin'));
      await nap(300);
      expect(bench.drops).toEqual([]);
      expect(bench.log.of('file.left')).toEqual([]);
    }));
});

describe('sidecars', () => {
  it('take a file at once where the hash is right', () =>
    inBench({ settleMs: 60_000 }, async (bench) => {
      await writeFile(bench.path('data.bin.sha256'), `${sha256Of(RAW)}  data.bin\n`);
      await writeFile(bench.path('data.bin'), RAW);
      await bench.taken(1);
      await until(async () => (await namesIn(bench.path('working'))).length === 2, 'the sidecar beside it');
    }));

  it('that come after the file end its wait', () =>
    inBench({ settleMs: 60_000 }, async (bench) => {
      await writeFile(bench.path('data.bin'), RAW);
      await nap(150);
      await writeFile(bench.path('data.bin.sha256'), sha256Of(RAW));
      await bench.taken(1);
    }));

  it('that come after it was taken follow it', () =>
    inBench({}, async (bench) => {
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(1);
      await writeFile(bench.path('app.bin.sha256'), sha256Of(APP));
      await until(
        async () => (await namesIn(bench.path('working'))).includes('app.bin.sha256'),
        'the sidecar beside it',
      );
      expect(await namesIn(bench.root)).not.toContain('app.bin.sha256');
    }));

  it('reject a file of another hash, even a complete image, once it has settled', () =>
    inBench({ settleMs: 200 }, async (bench) => {
      await writeFile(bench.path('app.bin.sha256'), `SHA256 (app.bin) = ${'0'.repeat(64)}`);
      await writeFile(bench.path('app.bin'), APP);
      await until(() => bench.log.of('file.rejected').length > 0, 'the rejection');
      expect(await namesIn(bench.path('rejected'))).toEqual(['app.bin', 'app.bin.result.json', 'app.bin.sha256']);
      expect(await jsonOf(bench.path('rejected', 'app.bin.result.json'))).toMatchObject({
        file: 'app.bin',
        sha256: sha256Of(APP),
        outcome: 'rejected',
        error: { code: 'IMAGE_HASH_MISMATCH' },
      });
      expect(bench.drops).toEqual([]);
      expect((bench.store as MemoryStore).images.size).toBe(0);
      expect(bench.log.of('file.rejected')).toHaveLength(1);
    }));
});

describe('what is wrong with a file or with the place', () => {
  it('what a broken connection left waits for the rest', () =>
    // Long enough for a machine that is busy with other things between the word and the rest: twelve times this.
    inBench({ settleMs: 800 }, async (bench) => {
      await writeFile(bench.path('cut.bin'), APP.subarray(0, 100_000));
      await until(() => bench.log.withCode('WATCH_CUT_OFF').length > 0, 'the word about it');
      await appendFile(bench.path('cut.bin'), APP.subarray(100_000));
      await bench.taken(1);
      expect(bench.drops[0]?.sha256).toBe(sha256Of(APP));
      expect(bench.log.of('file.rejected')).toEqual([]);
    }));

  it('a broken image goes to rejected/ with the reason', () =>
    inBench({ settleMs: 100 }, async (bench) => {
      await writeFile(bench.path('half.bin'), APP.subarray(0, 100_000));
      await until(() => bench.log.of('file.rejected').length > 0, 'the rejection');
      expect(bench.log.of('file.left')).toMatchObject([
        { code: 'WATCH_CUT_OFF', file: 'half.bin', message: expect.stringContaining('ends after 100,000 bytes') },
      ]);
      expect(await namesIn(bench.path('rejected'))).toEqual(['half.bin', 'half.bin.result.json']);
      expect(await jsonOf(bench.path('rejected', 'half.bin.result.json'))).toMatchObject({
        outcome: 'rejected',
        error: { code: 'IMAGE_TRUNCATED' },
        jobs: [],
      });
      expect(bench.drops).toEqual([]);
    }));

  it('the folder is deleted and made again: it waits, says so once, and goes on', () =>
    inBench({ scanMs: 50, settleMs: 100 }, async (bench) => {
      await rm(bench.root, { recursive: true });
      await until(() => bench.log.of('drop.folder_gone').length > 0, 'the word about the folder');
      await nap(300);
      expect(bench.log.of('drop.folder_gone')).toHaveLength(1);
      await expect(stat(bench.root)).rejects.toThrow('ENOENT');
      await mkdir(bench.root);
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(1);
    }));

  it('a full store is tried again, and nothing is lost', async () => {
    let isFull = true;
    const store = new MemoryStore();
    const filling = {
      put: async (bytes: Uint8Array) => {
        if (isFull) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        return store.put(bytes);
      },
    };
    await inBench({ store: filling, scanMs: 100, settleMs: 50 }, async (bench) => {
      await writeFile(bench.path('app.bin'), APP);
      await until(() => bench.log.withCode('WATCH_NOT_TAKEN').length > 0, 'the word about the disk');
      await nap(300);
      expect(bench.log.withCode('WATCH_NOT_TAKEN')).toHaveLength(1);
      expect(await namesIn(bench.root)).toContain('app.bin');
      isFull = false;
      await bench.taken(1);
    });
  });
});

describe('finish', () => {
  it('moves file and sidecar, and puts the result beside them last', () =>
    inBench({}, async (bench) => {
      await writeFile(bench.path('app.bin.sha256'), sha256Of(APP));
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(1);
      const [drop] = bench.drops;
      if (drop === undefined) throw new Error('no drop');
      await bench.folder.finish(drop, 'failed', resultFor(drop, 'failed'));
      await bench.folder.finish(drop, 'failed', resultFor(drop, 'failed'));
      expect(await namesIn(bench.path('failed'))).toEqual(['app.bin', 'app.bin.result.json', 'app.bin.sha256']);
      expect(await jsonOf(bench.path('failed', 'app.bin.result.json'))).toMatchObject({
        drop: drop.id,
        outcome: 'failed',
      });
      expect((bench.ledger as MemoryLedger).drops.get(drop.id)).toMatchObject({
        folder: 'failed',
        placedName: 'app.bin',
      });
    }));

  it('writes the result also where somebody removed the file', () =>
    inBench({}, async (bench) => {
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(1);
      await rm(bench.path('working', 'app.bin'));
      const [drop] = bench.drops;
      if (drop === undefined) throw new Error('no drop');
      await bench.folder.finish(drop, 'done', resultFor(drop, 'done'));
      expect(await namesIn(bench.path('done'))).toEqual(['app.bin.result.json']);
      expect((bench.ledger as MemoryLedger).drops.get(drop.id)).toMatchObject({ folder: 'done', placedName: null });
    }));

  it('gives back a file that was written to after it was taken', () =>
    inBench({ settleMs: 100 }, async (bench) => {
      await writeFile(bench.path('data.bin'), RAW.subarray(0, 150));
      await bench.taken(1);
      // As a writer does that has opened it before it was moved.
      await appendFile(bench.path('working', 'data.bin'), RAW.subarray(150));
      const [drop] = bench.drops;
      if (drop === undefined) throw new Error('no drop');
      await bench.folder.finish(drop, 'done', resultFor(drop, 'done'));
      await bench.taken(2);
      expect(bench.drops[1]?.sha256).toBe(sha256Of(RAW));
    }));
});

describe('the part', () => {
  it('starts once and stops once, however often it is asked', () =>
    inBench({}, async (bench) => {
      const { signal } = new AbortController();
      expect(bench.folder.start(signal)).toBe(bench.folder.start(signal));
      expect(bench.folder.stop()).toBe(bench.folder.stop());
      await bench.folder.stop();
    }));

  it('stops when its signal is aborted', async () => {
    await using folder = await temporaryFolder();
    await using bench = new Bench(`${folder.path}/drop`, { settleMs: 50 });
    const abort = new AbortController();
    await bench.folder.start(abort.signal);
    abort.abort();
    await bench.folder.stop();
    await writeFile(bench.path('app.bin'), APP);
    await nap(200);
    expect(bench.drops).toEqual([]);
  });

  it('does not start on a path that is no folder', async () => {
    await using folder = await temporaryFolder();
    await writeFile(`${folder.path}/drop`, 'a file');
    await using bench = new Bench(`${folder.path}/drop`);
    await expect(bench.start()).rejects.toMatchObject({ code: 'WATCH_FOLDER_UNUSABLE' });
  });

  it('hands a drop on again when it was not heard', async () => {
    let refusals = 2;
    const onDrop = () => {
      refusals -= 1;
      if (refusals >= 0) throw new Error('not now');
    };
    await inBench({ onDrop, scanMs: 50 }, async (bench) => {
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(1);
      expect(bench.log.of('drop.handover_failed')).toHaveLength(2);
    });
  });
});
