import { rename, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { buildTar, buildTarGz, buildZip, type Files } from '../../fixtures/images/archives.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import {
  Bench,
  type BenchOptions,
  jsonOf,
  type MemoryStore,
  namesIn,
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
