import { describe, expect, it } from 'vitest';
import { FlashError } from '../../../src/errors.ts';
import { openPackageApart, readApart, readDossierApart } from '../../../src/firmware/apart/read-apart.ts';
import { sha256InSteps, sha256Of } from '../../../src/firmware/bytes.ts';
import { readDossier } from '../../../src/firmware/dossier.ts';
import type { FirmwarePackage } from '../../../src/firmware/packages/flash-set.ts';
import { openPackage } from '../../../src/firmware/packages/package.ts';
import { sampleImage } from '../../../src/simulator/sample-image.ts';
import { noise } from '../../fixtures/images/bytes.ts';
import * as images from '../../fixtures/images.ts';
import { turnsWhile } from '../../turns.ts';

const BUILD = images.espIdfBuild();
/** More than is read in place. */
const LARGE = sampleImage({ chip: 'esp32', sizeBytes: 0x140000, version: '1' });

/** Each of these is read on a thread of its own. */
const APART: readonly (readonly [string, Uint8Array])[] = [
  ['a ZIP archive', images.buildZip(BUILD)],
  ['a .tar.gz', images.buildTarGz(BUILD)],
  ['a large image', LARGE],
  ['large noise', noise(0x140000, 7)],
  ['a compressed image', images.gzipOf(images.buildEsp32App())],
  ['a damaged .tar.gz', images.buildTarGz(BUILD).subarray(0, -100)],
];

describe('reading a file apart from the event loop', () => {
  it.each(APART)('says of %s what reading it in place says, and the loop turns meanwhile', async (_, bytes) => {
    const before = sha256Of(bytes);
    const reading = readDossierApart(bytes, 'x.bin');
    expect(await turnsWhile(reading)).toBeGreaterThan(0);
    expect(await reading).toEqual(readDossier(bytes, 'x.bin'));
    expect(sha256Of(bytes)).toBe(before);
  });

  it('starts no thread for what takes milliseconds', async () => {
    const reading = readDossierApart(images.buildEsp32App(), 'x.bin');
    expect(await turnsWhile(reading)).toBe(0);
  });

  it('opens a package with all its bytes, and a file of two sets once', async () => {
    const bytes = images.buildTarGz(images.pycomPackage());
    const opened = await openPackageApart(bytes);
    expect(hashed(opened)).toEqual(hashed(openPackage(bytes)));
    const [one, other] = opened.sets.map(({ parts }) => parts.find(({ name }) => name === 'factory')?.bytes);
    expect(one).toBeDefined();
    expect(one).toBe(other);
  });

  it('throws what is wrong with a package as if it had been opened in place', async () => {
    const broken = images.buildZip(images.espIdfBuild({ 'flasher_args.json': '{}' }));
    const error: unknown = await openPackageApart(broken).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FlashError);
    expect(error).toEqual(thrownBy(() => openPackage(broken)));
    await expect(openPackageApart(noise(100, 1))).rejects.toMatchObject({ code: 'PACKAGE_UNKNOWN' });
  });

  it('throws a mistake of ours whole', async () => {
    const reading = readApart('images', images.buildZip(BUILD), null as never);
    await expect(reading).rejects.toThrow(TypeError);
    await expect(reading).rejects.toThrow(/map/);
  });

  it('takes files out of an archive, and says which are not there or are damaged', async () => {
    const app = images.buildEsp32App();
    const archive = images.buildZip({ 'a.bin': app });
    const [found, missing] = await readApart('images', archive, ['a.bin', 'b.bin']);
    expect(found).toEqual({ bytes: app, sha256: sha256Of(app), dossier: readDossier(app, 'a.bin') });
    expect(missing).toBeNull();
    const damaged = Buffer.from(archive);
    damaged.fill(0, 40, 60);
    expect(await readApart('images', damaged, ['a.bin'])).toMatchObject([{ code: 'IMAGE_CORRUPT' }]);
  });
});

describe('a hash in steps', () => {
  it('is the hash, and the loop turns between the steps', async () => {
    const image = noise(0x280000, 3);
    const hashing = sha256InSteps(image);
    expect(await turnsWhile(hashing)).toBeGreaterThan(0);
    expect(await hashing).toBe(sha256Of(image));
    expect(await sha256InSteps(new Uint8Array())).toBe(sha256Of(new Uint8Array()));
  });
});

/** Told by its hash what is told by its bytes: which type of Node's they have is not the question. */
function hashed({ sets, ...rest }: FirmwarePackage): unknown {
  return {
    ...rest,
    sets: sets.map(({ parts, ...set }) => ({
      ...set,
      parts: parts.map(({ bytes, ...part }) => ({ ...part, sha256: sha256Of(bytes) })),
    })),
  };
}

function thrownBy(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
