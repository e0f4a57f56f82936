import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsePublicKey } from '../../../src/firmware/minisign.ts';
import type { MinisignKey, Trust } from '../../../src/model/trust.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import {
  Bench,
  type BenchOptions,
  jsonOf,
  type MemoryStore,
  namesIn,
  nap,
  sha256Of,
  temporaryFolder,
  until,
} from './support.ts';

const APP = buildEsp32App();
/** What a build leaves beside the image. */
const ELF = Buffer.concat([Buffer.from('\x7fELF', 'latin1'), Buffer.alloc(60)]);
const NONE: Trust = { keys: [], manifest: null };

/** Signs as minisign does; test/unit/firmware/minisign.test.ts has signatures that minisign made. */
class Signer {
  readonly #key: KeyObject;
  readonly #id: Buffer;
  readonly publicKey: MinisignKey;

  constructor(id: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    this.#key = privateKey;
    this.#id = Buffer.from(id);
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    const key = parsePublicKey(Buffer.concat([Buffer.from('Ed'), this.#id, raw]).toString('base64'));
    if (key === null) throw new Error('no key');
    this.publicKey = key;
  }

  sign(bytes: Uint8Array): string {
    const own = sign(null, createHash('blake2b512').update(bytes).digest(), this.#key);
    const global = sign(null, Buffer.concat([own, Buffer.from('a test')]), this.#key);
    const line = Buffer.concat([Buffer.from('ED'), this.#id, own]).toString('base64');
    return `untrusted comment: a test\n${line}\ntrusted comment: a test\n${global.toString('base64')}\n`;
  }
}

const signer = new Signer('ours-key');
const stranger = new Signer('another-'.slice(0, 8));
const SIGNED: Trust = { ...NONE, keys: [signer.publicKey] };

async function inBench(options: BenchOptions, work: (bench: Bench) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  await using bench = new Bench(folder.path, options);
  await bench.start();
  await work(bench);
}

async function rejection(bench: Bench, name = 'app.bin') {
  await until(
    async () => (await namesIn(bench.path('rejected'))).includes(`${name}.result.json`),
    `${name} is rejected`,
  );
  const result = await jsonOf(bench.path('rejected', `${name}.result.json`));
  return { ...result, code: (result['error'] as { code: string }).code };
}

describe('with signatures asked for', () => {
  it('a signed file is taken at once, and its signature goes with it', () =>
    inBench({ settleMs: 60_000, trust: SIGNED }, async (bench) => {
      await writeFile(bench.path('app.bin.minisig'), signer.sign(APP));
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(1);
      expect(await namesIn(bench.path('working'))).toEqual(['app.bin', 'app.bin.minisig']);
    }));

  it('a signature that comes a little later is waited for', () =>
    inBench({ settleMs: 2_000, trust: SIGNED }, async (bench) => {
      await writeFile(bench.path('app.bin'), APP);
      await nap(300);
      expect(bench.drops).toEqual([]);
      await writeFile(bench.path('app.bin.minisig'), signer.sign(APP));
      await bench.taken(1);
    }));

  it.each<[string, string | null, string]>([
    ['no signature', null, 'TRUST_UNSIGNED'],
    ['the signature of a stranger', stranger.sign(APP), 'TRUST_UNKNOWN_KEY'],
    ['the signature of another file', signer.sign(APP.subarray(1)), 'TRUST_BAD_SIGNATURE'],
    ['something else in its place', 'trust me', 'TRUST_BAD_SIGNATURE'],
    ['something huge in its place', 'x'.repeat(10_000), 'TRUST_BAD_SIGNATURE'],
  ])('a file with %s is rejected, and its bytes go nowhere', (_case, signature, code) =>
    inBench({ settleMs: 200, trust: SIGNED }, async (bench) => {
      if (signature !== null) await writeFile(bench.path('app.bin.minisig'), signature);
      await writeFile(bench.path('app.bin'), APP);
      expect(await rejection(bench)).toMatchObject({ code, outcome: 'rejected', sha256: sha256Of(APP) });
      expect(bench.drops).toEqual([]);
      expect((bench.store as MemoryStore).images.size).toBe(0);
    }),
  );

  it('a matching .sha256 is no signature', () =>
    inBench({ settleMs: 200, trust: SIGNED }, async (bench) => {
      await writeFile(bench.path('app.bin.sha256'), sha256Of(APP));
      await writeFile(bench.path('app.bin'), APP);
      expect(await rejection(bench)).toMatchObject({ code: 'TRUST_UNSIGNED' });
    }));

  it('what nobody vouches for is not read: what is wrong with it is not known', () =>
    inBench({ settleMs: 200, trust: SIGNED }, async (bench) => {
      await writeFile(bench.path('page.bin'), ELF);
      expect(await rejection(bench, 'page.bin')).toMatchObject({ code: 'TRUST_UNSIGNED' });
      await writeFile(bench.path('signed.bin.minisig'), signer.sign(ELF));
      await writeFile(bench.path('signed.bin'), ELF);
      expect(await rejection(bench, 'signed.bin')).toMatchObject({ code: 'IMAGE_NOT_FIRMWARE' });
    }));
});

describe('with a checksum list', () => {
  it('a listed file is taken, another is rejected, and a list that is gone stops both', async () => {
    await using outside = await temporaryFolder();
    const manifest = join(outside.path, 'SHA256SUMS');
    await writeFile(manifest, `${sha256Of(APP)}  some-other-name.bin\n`);
    await inBench({ settleMs: 200, trust: { ...NONE, manifest } }, async (bench) => {
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(1);
      await writeFile(bench.path('other.bin'), buildEsp32App({ seed: 9 }));
      expect(await rejection(bench, 'other.bin')).toMatchObject({ code: 'TRUST_NOT_LISTED' });
      await rm(manifest);
      await writeFile(bench.path('third.bin'), APP);
      await until(() => bench.log.withCode('TRUST_MANIFEST').length > 0, 'it is said');
      expect(await namesIn(bench.root)).toContain('third.bin');
    });
  });
});

describe('without trust', () => {
  it('a signature is no image, and goes with its file', () =>
    inBench({ settleMs: 200 }, async (bench) => {
      await writeFile(bench.path('app.bin.minisig'), 'anything');
      await writeFile(bench.path('app.bin'), APP);
      await bench.taken(1);
      expect(await namesIn(bench.path('working'))).toEqual(['app.bin', 'app.bin.minisig']);
      expect(await namesIn(bench.path('rejected'))).toEqual([]);
    }));
});
