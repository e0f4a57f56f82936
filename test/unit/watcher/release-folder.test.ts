import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildEsp32App } from '../../fixtures/images.ts';
import {
  Bench,
  type BenchOptions,
  DyingLedger,
  jsonOf,
  MemoryLedger,
  type MemoryStore,
  namesIn,
  nap,
  resultFor,
  sha256Of,
  temporaryFolder,
  until,
} from './support.ts';

const SENSOR = buildEsp32App({ project: 'sensor', version: '2.4.0' });
const GATEWAY = buildEsp32App({ project: 'gateway', version: '2.4.0' });
const YAML = `name: Garden
images:
  - { file: sensor.bin, rules: [sensors], sha256: ${sha256Of(SENSOR)} }
  - { file: images/gateway.bin }
`;

type Content = Readonly<Record<string, Uint8Array | string>>;
const GARDEN: Content = {
  'release.yaml': YAML,
  'sensor.bin': SENSOR,
  'images/gateway.bin': GATEWAY,
  'notes.txt': 'hi',
};

async function fill(folder: string, content: Content): Promise<void> {
  for (const [path, bytes] of Object.entries(content)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
}

/** In one moment, so that no pause of this machine looks like a copy that has stalled. */
async function put(bench: Bench, content: Content): Promise<void> {
  await fill(bench.path('.garden'), content);
  await rename(bench.path('.garden'), bench.path('garden'));
}

async function inBench(work: (bench: Bench) => Promise<void>, options: BenchOptions = {}): Promise<void> {
  await using folder = await temporaryFolder();
  await using bench = new Bench(folder.path, { settleMs: 40, ...options });
  await bench.start();
  await work(bench);
}

async function rejection(bench: Bench) {
  const isThere = async () => (await namesIn(bench.path('rejected'))).includes('garden.result.json');
  await until(isThere, 'the folder is rejected', 30_000);
  expect(bench.drops).toEqual([]);
  expect(await namesIn(bench.path('rejected'))).toContain('garden');
  return jsonOf(bench.path('rejected', 'garden.result.json'));
}

describe('a folder with a release file', () => {
  it('is taken as one drop, and moved whole, with its result beside it', async () => {
    await inBench(async (bench) => {
      await put(bench, GARDEN);
      await bench.taken(1);
      const [drop] = bench.drops;
      expect(drop).toMatchObject({ name: 'garden', release: { manifest: { name: 'Garden' } } });
      expect(drop?.release?.images).toMatchObject([
        { name: 'sensor.bin', sha256: sha256Of(SENSOR) },
        { name: 'gateway.bin', sha256: sha256Of(GATEWAY), dossier: { app: { version: '2.4.0' } } },
      ]);
      const { images } = bench.store as MemoryStore;
      for (const sha256 of [drop?.sha256 ?? '', sha256Of(SENSOR), sha256Of(GATEWAY)])
        expect(images.has(sha256)).toBe(true);
      expect(await namesIn(bench.root)).not.toContain('garden');
      if (drop === undefined) return;
      await bench.folder.finish(drop, 'done', resultFor(drop, 'done'));
      expect(await namesIn(bench.path('done'))).toEqual(['garden', 'garden.result.json']);
      expect(await namesIn(bench.path('done', 'garden'))).toEqual([
        'images',
        'notes.txt',
        'release.yaml',
        'sensor.bin',
      ]);
      expect(await namesIn(bench.path('working'))).toEqual([]);
      // The same once more is the same drop by its bytes, whatever lies beside its images.
      await put(bench, { ...GARDEN, 'notes.txt': 'other' });
      await bench.taken(2);
      expect(bench.drops[1]?.sha256).toBe(drop.sha256);
    });
  });

  it('is taken when it is copied file by file, in any order', async () => {
    await inBench(
      async (bench) => {
        for (const [path, bytes] of Object.entries(GARDEN).reverse())
          await fill(bench.path('garden'), { [path]: bytes });
        await bench.taken(1, 30_000);
      },
      { settleMs: 1_000 },
    );
  });

  it('is not taken while anything in it still changes, or is missing', async () => {
    await inBench(
      async (bench) => {
        await fill(bench.path('garden'), { 'release.yaml': YAML, 'sensor.bin': SENSOR });
        await until(() => bench.log.of('file.seen').length > 0, 'it is seen');
        await fill(bench.path('garden'), { 'images/gateway.bin': GATEWAY.slice(0, 1_000) });
        await nap(1_500);
        expect(bench.drops).toEqual([]);
        await fill(bench.path('garden'), { 'images/gateway.bin': GATEWAY });
        await bench.taken(1, 30_000);
        expect(bench.drops[0]?.release?.images[1]?.sha256).toBe(sha256Of(GATEWAY));
      },
      { settleMs: 1_000 },
    );
  });

  it('is not looked into where it holds no release file, until it does', async () => {
    await inBench(
      async (bench) => {
        await fill(bench.path('garden'), { 'sensor.bin': SENSOR, 'images/gateway.bin': GATEWAY });
        await nap(300);
        expect(bench.drops).toEqual([]);
        expect(await namesIn(bench.path('garden'))).toEqual(['images', 'sensor.bin']);
        await fill(bench.path('garden'), { 'release.yaml': YAML });
        await bench.taken(1, 30_000);
      },
      { settleMs: 100, scanMs: 200 },
    );
  });

  it.each<[string, Content, string, string]>([
    [
      'an image missing',
      { 'sensor.bin': SENSOR },
      'RELEASE_IMAGE_MISSING',
      'garden/release.yaml names images/gateway.bin',
    ],
    ['a wrong hash', { 'sensor.bin': GATEWAY, 'images/gateway.bin': GATEWAY }, 'IMAGE_HASH_MISMATCH', 'sensor.bin'],
    [
      'a wrong sidecar',
      { 'sensor.bin': SENSOR, 'images/gateway.bin': GATEWAY, 'images/gateway.bin.sha256': 'ab'.repeat(32) },
      'IMAGE_HASH_MISMATCH',
      'its sidecar says',
    ],
    [
      'a release file that nobody can read',
      { 'release.yaml': 'images: [' },
      'RELEASE_INVALID',
      'garden/release.yaml:1',
    ],
  ])('with %s is rejected as a whole', async (_what, content, code, message) => {
    await inBench(async (bench) => {
      await put(bench, { 'release.yaml': YAML, ...content });
      expect(await rejection(bench)).toMatchObject({ error: { code, message: expect.stringContaining(message) } });
    });
  });

  it('brings nothing in from elsewhere by a link', async () => {
    await using outside = await temporaryFolder();
    await fill(outside.path, { 'gateway.bin': GATEWAY });
    await inBench(async (bench) => {
      await fill(bench.path('.garden'), { 'release.yaml': YAML, 'sensor.bin': SENSOR });
      await symlink(outside.path, bench.path('.garden', 'images'));
      await rename(bench.path('.garden'), bench.path('garden'));
      expect(await rejection(bench)).toMatchObject({ error: { code: 'RELEASE_IMAGE_MISSING' } });
      expect(await namesIn(outside.path)).toEqual(['gateway.bin']);
    });
  });

  it.skipIf(!existsSync('/dev/shm'))('is moved whole to a sub-folder on another volume', async () => {
    const elsewhere = await mkdtemp('/dev/shm/dropflash-watcher-');
    await using _removal = { [Symbol.asyncDispose]: () => rm(elsewhere, { recursive: true }) };
    await using folder = await temporaryFolder();
    await symlink(elsewhere, join(folder.path, 'working'));
    await using bench = new Bench(folder.path, { settleMs: 40 });
    await bench.start();
    await put(bench, GARDEN);
    await bench.taken(1);
    expect(await namesIn(bench.root)).not.toContain('garden');
    expect(await namesIn(elsewhere)).toEqual(['garden']);
    expect(await namesIn(join(elsewhere, 'garden'))).toEqual(['images', 'notes.txt', 'release.yaml', 'sensor.bin']);
  });

  it('that nobody vouches for is rejected, and none of its images is stored', async () => {
    await inBench(
      async (bench) => {
        await put(bench, GARDEN);
        expect(await rejection(bench)).toMatchObject({
          error: { code: 'TRUST_NOT_LISTED', message: expect.stringContaining('garden/release.yaml') },
        });
        expect((bench.store as MemoryStore).images.size).toBe(0);
      },
      { trust: { keys: [], manifest: '/dev/null' } },
    );
  });

  it('is vouched for by its release file, as far as that has the hashes', async () => {
    await using lists = await temporaryFolder();
    const manifest = join(lists.path, 'SHA256SUMS');
    await writeFile(manifest, `${sha256Of(Buffer.from(YAML))}  release.yaml\n`);
    const trust = { keys: [], manifest };
    await inBench(
      async (bench) => {
        await put(bench, GARDEN);
        expect(await rejection(bench)).toMatchObject({
          error: { code: 'TRUST_NOT_LISTED', message: expect.stringContaining('garden/images/gateway.bin') },
        });
        await writeFile(manifest, `${sha256Of(Buffer.from(YAML))}  r\n${sha256Of(GATEWAY)}  g\n`);
        await put(bench, GARDEN);
        await bench.taken(1);
      },
      { trust },
    );
  });

  it.each(['before taken', 'after taken', 'before placed working', 'after placed working'])(
    'is one drop after a crash %s',
    async (dieAt) => {
      await using folder = await temporaryFolder();
      const ledger = new MemoryLedger();
      const dying = new DyingLedger(ledger, dieAt);
      {
        await using first = new Bench(folder.path, { settleMs: 40, ledger: dying });
        await first.start();
        await put(first, GARDEN);
        await until(() => dying.isDead, 'it dies');
      }
      await using second = new Bench(folder.path, { settleMs: 40, ledger });
      await second.start();
      await second.taken(1);
      expect(ledger.drops.size).toBe(1);
      expect(await namesIn(second.path('working'))).toEqual(['garden']);
      const [drop] = second.drops;
      if (drop !== undefined) await second.folder.finish(drop, 'done', resultFor(drop, 'done'));
      expect(await namesIn(second.path('done'))).toEqual(['garden', 'garden.result.json']);
    },
  );
});
