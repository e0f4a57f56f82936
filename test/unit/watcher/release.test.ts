import { rename, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parseReleaseFile } from '../../../src/config/release-file.ts';
import { readDossier } from '../../../src/firmware/dossier.ts';
import { buildTar, buildTarGz, buildZip, type Files } from '../../fixtures/images/archives.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import {
  Bench,
  type BenchOptions,
  jsonOf,
  MemoryLedger,
  type MemoryStore,
  namesIn,
  nap,
  sha256Of,
  temporaryFolder,
  until,
} from './support.ts';

const SENSOR = buildEsp32App({ project: 'sensor', version: '2.4.0' });
const GATEWAY = buildEsp32App({ project: 'gateway', version: '2.4.0' });

function releaseYaml(over: string = ''): string {
  return `name: Garden
images:
  - { file: sensor.bin, rules: [sensors], sha256: ${sha256Of(SENSOR)} }
  - { file: images/gateway.bin }
${over}`;
}

function files(over: Files = {}): Files {
  return {
    'garden/release.yaml': releaseYaml(),
    'garden/sensor.bin': SENSOR,
    'garden/images/gateway.bin': GATEWAY,
    ...over,
  };
}

async function dropped(
  bytes: Uint8Array,
  name: string,
  work: (bench: Bench) => Promise<void>,
  options: BenchOptions = {},
): Promise<void> {
  await using folder = await temporaryFolder();
  await using bench = new Bench(folder.path, options);
  await bench.start();
  await writeFile(bench.path(`.${name}`), bytes);
  await rename(bench.path(`.${name}`), bench.path(name));
  await work(bench);
}

async function rejection(bench: Bench, name: string) {
  await until(
    async () => (await namesIn(bench.path('rejected'))).includes(`${name}.result.json`),
    `${name} is rejected`,
  );
  expect(bench.drops).toEqual([]);
  return jsonOf(bench.path('rejected', `${name}.result.json`));
}

describe('an archive with a release file', () => {
  it.each([
    ['garden.zip', buildZip(files())],
    ['garden.tar.gz', buildTarGz(files())],
    ['garden.tar', buildTar(files())],
  ])('%s is taken as one drop, with all its images in the store', async (name, bytes) => {
    await dropped(bytes, name, async (bench) => {
      await bench.taken(1);
      const [drop] = bench.drops;
      expect(drop?.release?.manifest).toMatchObject({
        name: 'Garden',
        images: [{ file: 'sensor.bin' }, { rules: null }],
      });
      expect(drop?.release?.images).toMatchObject([
        { name: 'sensor.bin', sha256: sha256Of(SENSOR), dossier: { kind: 'app', app: { version: '2.4.0' } } },
        { name: 'gateway.bin', sha256: sha256Of(GATEWAY) },
      ]);
      const store = bench.store as MemoryStore;
      for (const image of [bytes, SENSOR, GATEWAY]) expect(store.images.has(sha256Of(image))).toBe(true);
    });
  });

  it.each<[string, Files, string, string]>([
    [
      'a missing image',
      { 'garden/images/gateway.bin': '' },
      'RELEASE_IMAGE_MISSING',
      'names images/gateway.bin, which is not there',
    ],
    ['a wrong hash', { 'garden/sensor.bin': GATEWAY }, 'IMAGE_HASH_MISMATCH', 'sensor.bin has the SHA-256'],
    ['a broken image', { 'garden/images/gateway.bin': GATEWAY.slice(0, -40) }, 'IMAGE_TRUNCATED', 'images/gateway.bin'],
    [
      'a rule that is not there',
      { 'garden/release.yaml': releaseYaml().replace('sensors', 'sensor') },
      'RELEASE_INVALID',
      'garden.zip/garden/release.yaml:3:33 images[0].rules[0] CONFIG_BAD_VALUE there is no rule "sensor"',
    ],
  ])('with %s is rejected as a whole', async (what, over, code, message) => {
    const given = Object.fromEntries(
      Object.entries(files(over)).filter(([, content]) => what !== 'a missing image' || content !== ''),
    );
    await dropped(buildZip(given), 'garden.zip', async (bench) => {
      expect(await rejection(bench, 'garden.zip')).toMatchObject({
        outcome: 'rejected',
        error: { code, message: expect.stringContaining(message) },
      });
    });
  });

  it('is covered by the signature of the archive, and useless without', async () => {
    const trust = { keys: [], manifest: '/dev/null' };
    await dropped(
      buildZip(files()),
      'garden.zip',
      async (bench) => {
        expect(await rejection(bench, 'garden.zip')).toMatchObject({ error: { code: 'TRUST_NOT_LISTED' } });
        expect((bench.store as MemoryStore).images.size).toBe(0);
      },
      { trust },
    );
  });
});

describe('a release file beside its images', () => {
  const yaml = (over = '') => `name: Garden
images:
  - { file: sensor.bin, rules: [sensors] }
  - { file: gateway.bin, sha256: ${sha256Of(GATEWAY)} }
${over}`;

  async function inBench(work: (bench: Bench) => Promise<void>, options: BenchOptions = {}): Promise<void> {
    await using folder = await temporaryFolder();
    await using bench = new Bench(folder.path, { settleMs: 100, ...options });
    await bench.start();
    await work(bench);
  }

  const put = (bench: Bench, name: string, content: Uint8Array | string) => writeFile(bench.path(name), content);

  it('waits for all of them, however late they come, and is taken with them as one', async () => {
    await inBench(
      async (bench) => {
        await put(bench, 'june.release.yaml', yaml());
        await put(bench, 'sensor.bin', SENSOR);
        await until(() => bench.log.of('file.seen').length === 2, 'both are seen');
        await nap(400);
        expect(bench.drops).toEqual([]);
        await put(bench, 'gateway.bin', GATEWAY.slice(0, 1_000));
        await nap(200);
        await put(bench, 'gateway.bin', GATEWAY);
        await bench.taken(3);
        const release = bench.drops.find(({ name }) => name === 'june.release.yaml');
        expect(release?.release?.images.map(({ name }) => name)).toEqual(['sensor.bin', 'gateway.bin']);
        expect(bench.drops.filter((drop) => drop.release !== undefined)).toHaveLength(1);
        expect(await namesIn(bench.path('working'))).toEqual(['gateway.bin', 'june.release.yaml', 'sensor.bin']);
        expect((await namesIn(bench.root)).filter((name) => name.includes('.'))).toEqual([]);
      },
      { settleMs: 300 },
    );
  });

  it.each<[string, Record<string, Uint8Array | string>, string]>([
    ['an image missing', { 'sensor.bin': SENSOR }, 'RELEASE_IMAGE_MISSING'],
    ['a wrong hash', { 'sensor.bin': SENSOR, 'gateway.bin': SENSOR }, 'IMAGE_HASH_MISMATCH'],
    [
      'a wrong sidecar',
      { 'sensor.bin.sha256': 'ab'.repeat(32), 'sensor.bin': SENSOR, 'gateway.bin': GATEWAY },
      'IMAGE_HASH_MISMATCH',
    ],
  ])('is rejected with %s, and its images with it', async (_what, images, code) => {
    await inBench(async (bench) => {
      await put(bench, 'release.yaml', yaml());
      for (const [name, content] of Object.entries(images)) await put(bench, name, content);
      expect(await rejection(bench, 'release.yaml')).toMatchObject({ error: { code } });
      expect((await rejection(bench, 'sensor.bin'))['error']).toMatchObject({
        code: expect.stringMatching(/^(RELEASE_REJECTED|IMAGE_HASH_MISMATCH)$/),
      });
      // One that comes too late is not used by itself.
      await put(bench, 'gateway.bin', GATEWAY);
      expect(await rejection(bench, 'gateway.bin')).toMatchObject({ error: { code: 'RELEASE_REJECTED' } });
    });
  });

  it('that cannot be read takes whatever waits beside it along', async () => {
    await inBench(async (bench) => {
      await put(bench, 'release.yaml', 'images: [');
      await put(bench, 'sensor.bin', SENSOR);
      expect(await rejection(bench, 'release.yaml')).toMatchObject({ error: { code: 'RELEASE_INVALID' } });
      expect(await rejection(bench, 'sensor.bin')).toMatchObject({ error: { code: 'RELEASE_REJECTED' } });
    });
  });

  it('is looked for again by a daemon that died in between', async () => {
    await using folder = await temporaryFolder();
    const ledger = new MemoryLedger();
    await using bench = new Bench(folder.path, { settleMs: 100, ledger });
    await put(bench, 'release.yaml', yaml());
    await put(bench, 'sensor.bin', SENSOR);
    await put(bench, 'gateway.bin', GATEWAY);
    // It died right after the entry in the journal: nothing was moved.
    const images = [
      { name: 'sensor.bin', bytes: SENSOR },
      { name: 'gateway.bin', bytes: GATEWAY },
    ].map(({ name, bytes }) => ({
      name,
      sha256: sha256Of(bytes),
      sizeBytes: bytes.length,
      dossier: readDossier(bytes, name),
    }));
    const text = new TextEncoder().encode(yaml());
    const manifest = parseReleaseFile(yaml(), 'release.yaml', ['sensors']);
    const file = {
      name: 'release.yaml',
      sha256: sha256Of(text),
      sizeBytes: text.length,
      dossier: readDossier(text, ''),
      seenMs: 1,
    };
    ledger.taken({ ...file, release: { manifest, images }, hasPartFiles: true });
    await bench.start();
    await bench.taken(3);
    expect(await namesIn(bench.path('working'))).toEqual(['gateway.bin', 'release.yaml', 'sensor.bin']);
    expect(ledger.drops.size).toBe(3);
  });
});
