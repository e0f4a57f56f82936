import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fleet } from '../../../src/simulator/fleet.ts';
import { buildEsp32App, buildEsp8266App } from '../../fixtures/images.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { eventually, Site } from './site.ts';

const site = new Site();
let fleet: Fleet;
let daemon: DaemonProcess;
/** When each device was last there, and when it was first invited after that, milliseconds. */
const onlineMs = new Map<string, number>();
const invitedMs = new Map<string, number>();

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const installed = (name: string) => fleet.device(site.named(name)).installed.map((image) => image.sha256);

const CLOSED_WINDOW = { cron: '0 3 29 2 *', for: '1m', timezone: 'Pacific/Kiritimati' };

beforeAll(async () => {
  fleet = await site.fleet(
    [
      { name: site.named('late'), core: 'esp8266', board: 'd1_mini', power: 'off' },
      { name: site.named('shelf'), core: 'esp32-sha256', board: 'lolin32', power: 'off' },
      // In step with the pauses between invitations: only one that is sent because it woke up can reach it.
      {
        name: site.named('sleeper'),
        core: 'esp8266',
        board: 'd1_mini',
        faults: { asleep: { awakeMs: 1_500, everyMs: 5_000 } },
      },
      // Nobody ever hears it: only trying finds out that it is awake.
      {
        name: site.named('secret'),
        core: 'esp8266',
        mdns: false,
        faults: { asleep: { awakeMs: 2_500, everyMs: 6_000 } },
      },
      { name: site.named('away'), core: 'esp32-md5', board: 'lolin32' },
      { name: site.named('night'), core: 'esp8266', board: 'd1_mini' },
      { name: site.named('other-chip'), core: 'esp32-md5', board: 'lolin32' },
      { name: site.named('nameless'), core: 'esp32-md5', board: 'my own board', port: 4711 },
    ],
    {
      onEvent: ({ name }, event) => {
        if (event === 'online') onlineMs.set(name, performance.now());
        if (event === 'invited' && !invitedMs.has(name)) invitedMs.set(name, performance.now());
      },
    },
  );
  const rule = (name: string, more: object = {}) => ({
    name,
    firmware: { file: `${name}-*` },
    devices: { name: site.named(name) },
    ...more,
  });
  const { address, port } = fleet.device(site.named('secret'));
  site.configure({
    devices: [{ name: site.named('secret'), address, port, chip: 'esp8266', 'try-every': '1s' }],
    rules: [
      ...['late', 'shelf', 'sleeper', 'away', 'other-chip', 'nameless'].map((name) => rule(name)),
      rule('night', { when: CLOSED_WINDOW }),
      rule('secret', {
        // One attempt is over long before it wakes up, and there is no second one but by its own distance.
        update: { protocol: 'espota', retries: 0, 'answer-within': '2s' },
        verify: { proof: 'accepted' },
      }),
      rule('unused'),
    ],
  });
  daemon = await site.start();
});

afterAll(() => site[Symbol.asyncDispose]());

describe.concurrent('a release', () => {
  it('waits for a device that appears later, which is invited within a second', async () => {
    const image = buildEsp8266App({ seed: 20 });
    site.drop('late-1.bin', image);
    const { summary, jobs } = await site.result('done', 'late-1.bin');
    expect(summary).toMatch(/devices that appear later get it/);
    expect(jobs).toEqual([]);

    fleet.device(site.named('late')).powerOn();
    await daemon.until('job.succeeded', { device: site.named('late') });
    expect((invitedMs.get(site.named('late')) ?? Number.NaN) - (onlineMs.get(site.named('late')) ?? 0)).toBeLessThan(
      1_000,
    );
    expect(installed('late')).toEqual([sha256(image)]);
  });

  it('is still the one of its rule when the same bytes come under a name that the rule is not for', async () => {
    const image = buildEsp32App({ seed: 21 });
    site.drop('shelf-1.bin', image);
    await site.result('done', 'shelf-1.bin');
    site.drop('unused-1.bin', image);
    await site.result('done', 'unused-1.bin');
    fleet.device(site.named('shelf')).powerOn();
    await daemon.until('job.succeeded', { device: site.named('shelf') });
    expect(installed('shelf')).toEqual([sha256(image)]);
  });

  it('reaches a device that sleeps most of the time', async () => {
    const image = buildEsp8266App({ seed: 22 });
    await daemon.until('device.seen', { device: site.named('sleeper') });
    await eventually('sleep', () => !fleet.device(site.named('sleeper')).isOnline);
    site.drop('sleeper-1.bin', image);
    expect(await site.result('done', 'sleeper-1.bin')).toMatchObject({ jobs: [{ proof: 'returned' }] });
    expect(installed('sleeper')).toEqual([sha256(image)]);
  });

  it('reaches a device that sleeps and is never heard, by trying at its own distance', async () => {
    const image = buildEsp8266App({ seed: 29 });
    await eventually('sleep', () => !fleet.device(site.named('secret')).isOnline);
    site.drop('secret-1.bin', image);
    expect(await site.result('done', 'secret-1.bin')).toMatchObject({ jobs: [{ proof: 'accepted', attempts: 1 }] });
    expect(daemon.all('job.retry').some(({ device }) => device === site.named('secret'))).toBe(true);
    // Its `OK` is out a moment before it restarts into the image.
    await eventually('the image', () => installed('secret').length > 0);
    expect(installed('secret')).toEqual([sha256(image)]);
  });

  it('supersedes what an absent device has not got yet', async () => {
    const [older, newer] = [buildEsp32App({ seed: 23 }), buildEsp32App({ seed: 24 })];
    const device = fleet.device(site.named('away'));
    await daemon.until('device.seen', { device: site.named('away') });
    device.powerOff({ goodbye: true });
    await daemon.until('device.lost', { device: site.named('away') });
    site.drop('away-1.bin', older);
    const waiting = await daemon.until('job.waiting', { device: site.named('away') });
    expect(waiting['waitingFor']).toMatch(/is away/);
    site.drop('away-2.bin', newer);
    await daemon.until('job.superseded', { job: waiting['job'] });
    expect(await site.result('done', 'away-1.bin')).toMatchObject({ jobs: [{ state: 'superseded', attempts: 0 }] });
    expect(device.counts.datagrams).toBe(0);

    device.powerOn();
    expect(await site.result('done', 'away-2.bin')).toMatchObject({ jobs: [{ proof: 'returned', attempts: 1 }] });
    expect(installed('away')).toEqual([sha256(newer)]);
  });

  it('waits for its maintenance window, and nothing is sent before it opens', async () => {
    await daemon.until('device.seen', { device: site.named('night') });
    site.drop('night-1.bin', buildEsp8266App({ seed: 25 }));
    const { waitingFor } = await daemon.until('job.waiting', { device: site.named('night') });
    expect(waitingFor).toMatch(/^the maintenance window opens at \d{4}-02-2\dT\d\d:00:00Z$/);
    expect(site.names('working')).toContain('night-1.bin');
    expect(fleet.device(site.named('night')).counts.datagrams).toBe(0);
  });

  it.each([
    ['other-chip', 'RULE_WRONG_CHIP', /esp8266/],
    ['nameless', 'RULE_CHIP_UNKNOWN', /chip/],
  ])('never sends a byte to a device that it is not for, and says why: %s', async (name, code, reason) => {
    const device = site.named(name);
    await daemon.until('device.seen', { device });
    site.drop(`${name}-1.bin`, buildEsp8266App({ seed: 26 }));
    await site.result('done', `${name}-1.bin`);
    expect(await daemon.until('job.skipped', { device, code })).toMatchObject({
      reason: expect.stringMatching(reason),
    });
    const { stdout } = await site.cli('plan', `drop/done/${name}-1.bin`, '--json');
    expect(stdout).toContain(code);
    expect(fleet.device(device).counts.datagrams).toBe(0);
  });
});
