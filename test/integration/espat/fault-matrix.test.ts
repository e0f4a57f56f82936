import { beforeAll, describe, expect, it } from 'vitest';
import type { GenerationName } from '../../../src/simulator/espat/generations.ts';
import type { ModuleFaults } from '../../../src/simulator/espat/module.ts';
import { buildUserImage, buildZip } from '../../fixtures/images.ts';
import { ESP_AT, type Given, imageOf, NEW_GMR, PAIR, type Result, secret, USER1, update } from './bench.ts';

const pair = imageOf(PAIR, 'at.zip');
const espAt = imageOf(ESP_AT, 'esp-at.bin');

const LINES = [
  ['at-0.18', pair],
  ['at-0.20', pair],
  ['at-0.21', pair],
  ['at-1.5', pair],
  ['at-1.7.6', pair],
  ['esp-at-2.1', espAt],
  ['esp-at-3.2', espAt],
] as const;

/** What goes wrong, and what has to come of it in each line of firmware: nothing of this is ever a success. */
interface Fault {
  readonly name: string;
  readonly faults?: ModuleFaults;
  readonly options?: Given['options'];
  readonly isWithoutNetwork?: boolean;
  readonly spec?: Partial<Given['spec']>;
  readonly expected: (generation: GenerationName) => string;
}

const NOWHERE = { host: '127.0.0.1', port: 1 };
const isUserOta = (generation: GenerationName) => generation === 'esp-at-3.2';

const FAULTS: readonly Fault[] = [
  { name: 'a silent module', faults: { silent: true }, expected: () => 'ESPAT_NO_ANSWER' },
  {
    name: 'a module that does not start',
    faults: { bootLoop: 'error magic!\r\n' },
    expected: () => 'ESPAT_NOT_STARTING',
  },
  {
    name: 'a wrong password',
    options: { password: secret('other') },
    expected: (g) => (isOld(g) ? 'ESPAT_JOIN_FAILED' : 'ESPAT_WRONG_PASSWORD'),
  },
  { name: 'no such network', faults: { join: 3 }, expected: () => 'ESPAT_JOIN_FAILED' },
  { name: 'no network set', isWithoutNetwork: true, expected: () => 'ESPAT_NOT_JOINED' },
  {
    name: 'no answer from its DNS',
    faults: { noName: true },
    expected: (g) => (isUserOta(g) ? 'accepted' : 'ESPAT_NO_SERVER'),
  },
  {
    name: 'a server that is gone',
    spec: { server: NOWHERE },
    expected: (g) => (isUserOta(g) ? 'accepted' : 'ESPAT_NO_SERVER'),
  },
  {
    name: 'silence after the version',
    faults: { silentAfterReport: 3 },
    expected: (g) => (isUserOta(g) ? 'accepted' : 'ESPAT_RESULT_LOST'),
  },
  { name: 'a slot that its bootloader refuses', faults: { startsOldSlot: true }, expected: () => 'ESPAT_NOT_TAKEN' },
  { name: 'no start after OK', faults: { neverReady: true }, expected: () => 'ESPAT_RESULT_LOST' },
  {
    name: 'a firmware that crashes',
    spec: { known: [] },
    expected: (g) => (g.startsWith('esp-at') ? 'ESPAT_DOWNLOAD_FAILED' : 'ESPAT_BRICKED'),
  },
  { name: 'a version that is not the wanted one', options: { version: '9.9' }, expected: () => 'ESPAT_NOT_TAKEN' },
];

function isOld(generation: GenerationName): boolean {
  return generation.startsWith('at-0');
}

/** All at once: most of the time is spent waiting for what does not come. */
const results = new Map<string, Result>();

beforeAll(async () => {
  const times = { versionMs: 1_000, downloadMs: 1_500 };
  const short = { 'update-within': 2_500, 'ready-within': 700, 'answer-within': 3_000 };
  const all = LINES.flatMap(([generation, image]) =>
    FAULTS.map(async ({ name, faults = {}, options = {}, spec = {}, isWithoutNetwork = false }) => {
      const given = { spec: { generation, faults, times, ...spec }, image, isWithoutNetwork };
      results.set(`${generation} ${name}`, await update({ ...given, options: { ...short, ...options } }));
    }),
  );
  await Promise.all(all);
});

describe.each(LINES)('%s', (generation, image) => {
  it('is updated, and says the new version', async () => {
    const { word, module, steps } = await update({ spec: { generation, faults: { busyTimes: 2 } }, image });
    expect({ word, gmr: module.gmr, running: module.running }).toEqual({ word: 'accepted', gmr: NEW_GMR, running: 2 });
    expect(steps).toEqual(['prepare', 'write', 'commit']);
  });

  it.each(FAULTS)('$name', ({ name, expected }) => {
    const result = results.get(`${generation} ${name}`);
    expect(result?.word).toBe(expected(generation));
    // Nothing is a success but a module that says the new version.
    expect(result?.word === 'accepted').toBe(
      result?.module.gmr === NEW_GMR && name !== 'a version that is not the wanted one',
    );
  });
});

describe('a module', () => {
  it('that answers later than an AT is waited for is updated', async () => {
    const { word, error } = await update({ spec: { generation: 'at-0.21', faults: { lateMs: 350 } }, image: pair });
    expect([word, error?.message]).toEqual(['accepted', undefined]);
  });
});

describe('an image', () => {
  it('for the slot that runs is not taken, and the other half is named', async () => {
    const { word, error } = await update({ spec: { generation: 'at-1.5' }, image: imageOf(USER1, 'user1.bin') });
    expect(word).toBe('ESPAT_NOT_OFFERED');
    expect(error?.message).toContain('user2.bin');
  });

  it('is taken by a module that runs user2', async () => {
    const { word, module } = await update({
      spec: { generation: 'at-1.5', slot: 2 },
      image: imageOf(USER1, 'user1.bin'),
    });
    expect([word, module.running]).toEqual(['accepted', 1]);
  });

  it.each([
    [
      'another flash map',
      buildZip({ 'user1.bin': buildUserImage({ sizeMap: 5 }), 'user2.bin': buildUserImage({ user: 2, sizeMap: 5 }) }),
      'ESPAT_WRONG_MAP',
    ],
    ['a wrong CRC', Uint8Array.from(USER1).fill(0, 50, 60), 'IMAGE_CORRUPT'],
  ])('for %s never leaves this machine', async (_what, bytes, code) => {
    const { word, steps, module } = await update({
      spec: { generation: 'at-0.20' },
      image: imageOf(bytes, 'user2.bin'),
    });
    expect(word).toBe(code);
    expect([steps, module.heard]).toEqual([[], []]);
  });

  it('of the other line of firmware is refused', async () => {
    expect((await update({ spec: { generation: 'esp-at-3.2' }, image: pair })).word).toBe('ESPAT_OTHER_FIRMWARE');
    expect((await update({ spec: { generation: 'at-1.5' }, image: espAt })).word).toBe('ESPAT_OTHER_FIRMWARE');
  });

  it('for a map that the module does not have bricks it, and the remedy is named', async () => {
    const { word, error } = await update({ spec: { generation: 'at-0.20', flashMap: '1024+1024' }, image: pair });
    expect(word).toBe('ESPAT_BRICKED');
    expect(error?.message).toMatch(/GPIO0/);
  });
});
