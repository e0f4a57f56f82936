import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { ptyPrograms } from '../../../src/simulator/chip/pty-relay.ts';
import { buildSmallMerged } from '../../fixtures/images/flash-map.ts';
import { LineSite } from './site.ts';

const IMAGE = Buffer.from(buildSmallMerged({ chip: 'esp32c3' }));
const SMALL = { chip: 'esp32c3', flashBytes: 0x100000 } as const;

it('devices that stay on a port get a release by jobs, and only boards of its chip take it', async ({
  onTestFinished,
}) => {
  const site = await LineSite.open([
    { ...SMALL, name: 'usb' },
    { ...SMALL, name: 'far' },
    { ...SMALL, name: 'other', chip: 'esp32' },
  ]);
  onTestFinished(() => site.close());
  const [usb, far, other] = [site.chips.board('usb'), site.chips.board('far'), site.chips.board('other')];
  site.plug('1-1', usb);
  await site.start(
    'firmware: { file: "*" }, devices: { name: "*" }, update: { protocol: serial, retries: 0 }, when: now',
    `devices: [{ name: left, serial: "usb:1-1" }, { name: far, serial: "${site.portOf(far).path}" }, { name: other, serial: "${site.portOf(other).path}" }]`,
  );
  site.drop('factory.bin', IMAGE);
  const jobs = () => site.look((journal) => journal.jobs.list({ limit: 10 }));
  await vi.waitFor(
    () => expect(jobs().filter(({ state }) => state === 'succeeded' || state === 'failed')).toHaveLength(3),
    {
      timeout: 60_000,
      interval: 100,
    },
  );
  const outcomes = Object.fromEntries(
    jobs().map(({ device, state, proof, error }) => [device, error?.code ?? [state, proof]]),
  );
  expect(outcomes).toEqual({
    'usb:1-1': ['succeeded', 'accepted'],
    'fixed:far': ['succeeded', 'accepted'],
    'fixed:other': 'IMAGE_WRONG_CHIP',
  });
  for (const board of [usb, far]) expect(IMAGE.equals(board.flash.subarray(0, IMAGE.length))).toBe(true);
  expect(other.counts.bytesWritten).toBe(0);
});

/** Links to ports stand under /dev, and this is where anybody may make one. */
const LINKS = '/dev/shm';

it.skipIf(ptyPrograms().length === 0 || !existsSync(LINKS))(
  'a board that the config names by a link and USB shows under another name is one device with one job',
  async ({ onTestFinished }) => {
    const site = await LineSite.open([{ ...SMALL, name: 'board', medium: 'pty' }]);
    onTestFinished(() => site.close());
    const folder = mkdtempSync(`${LINKS}/dropflash-`);
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const board = site.chips.board('board');
    const link = `${folder}/usb-Silicon_Labs_CP2102_0001-if00-port0`;
    symlinkSync(site.portOf(board).path, link);
    site.plug('1-1', board);
    await site.start(
      'firmware: { file: "*" }, devices: { name: "*" }, update: { protocol: serial }, when: now',
      `devices: [{ name: gate, serial: "${link}" }]`,
    );
    site.drop('factory.bin', IMAGE);
    const jobs = () => site.look((journal) => journal.jobs.list({ limit: 10 }));
    await vi.waitFor(() => expect(jobs()).toMatchObject([{ device: 'fixed:gate', state: 'succeeded', attempts: 1 }]), {
      timeout: 60_000,
      interval: 100,
    });
    const gate = { id: 'fixed:gate', name: 'gate', presence: 'present', serial: { usb: { location: '1-1' } } };
    await vi.waitFor(() => expect(site.look((journal) => journal.devices.all())).toMatchObject([gate]), {
      timeout: 30_000,
      interval: 100,
    });
    expect(jobs()).toHaveLength(1);
    expect(IMAGE.equals(board.flash.subarray(0, IMAGE.length))).toBe(true);
  },
);
