import { createHash } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SimulatedDevice } from '../../../src/simulator/device.ts';
import type { DeviceEvent } from '../../../src/simulator/device-spec.ts';
import type { Fleet } from '../../../src/simulator/fleet.ts';
import { buildEsp32App, buildEsp8266App, buildLittleFs, gzipOf } from '../../fixtures/images.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { eventually, Site } from './site.ts';

const site = new Site();
let fleet: Fleet;
let daemon: DaemonProcess;

const COAP_PORT = 5683;
/** A restart that asking four times a second cannot miss on a machine that is busy with other things as well. */
const SLOW_RESTART = { bootMs: 4_000 };

beforeAll(async () => {
  site.env['SENSOR_PASSWORD'] = 'sesame open';
  site.write('hub-password', 'friend\n');
  const checked = new CheckedServices();
  fleet = await site.fleet(
    [
      { name: site.named('sensor-8266'), core: 'esp8266', board: 'd1_mini', password: 'sesame open' },
      { name: site.named('sensor-32'), core: 'esp32-md5', board: 'lolin32', password: 'sesame open' },
      { name: site.named('hub-1'), core: 'esp32-sha256', board: 'lolin32', password: 'friend' },
      { name: site.named('hub-2'), core: 'esp32-md5', board: 'lolin32', password: 'friend' },
      { name: site.named('page'), core: 'esp8266', board: 'd1_mini' },
      { name: site.named('packed'), core: 'esp8266', board: 'd1_mini' },
      { name: site.named('wall-tcp'), core: 'esp8266', mdns: false, timings: SLOW_RESTART },
      { name: site.named('wall-http'), core: 'esp32-md5', mdns: false, timings: SLOW_RESTART },
      { name: site.named('wall-ping'), core: 'esp32-md5', mdns: false },
    ],
    { onEvent: (device, event) => checked.onEvent(device, event) },
  );
  const listed = (name: string, chip: string) => {
    const { address, port } = fleet.device(site.named(name));
    return { name: site.named(name), address, port, chip, protocol: 'espota' };
  };
  site.configure({
    devices: [listed('wall-tcp', 'esp8266'), listed('wall-http', 'esp32'), listed('wall-ping', 'esp32')],
    rules: [
      {
        name: 'sensors',
        firmware: { file: 'sensor-*.bin' },
        devices: { name: 'sensor-*' },
        update: { password: { env: 'SENSOR_PASSWORD' } },
      },
      {
        name: 'hubs',
        firmware: { project: 'hub' },
        devices: { board: 'lolin*', name: 'hub-*' },
        update: { password: { file: 'hub-password' } },
      },
      { name: 'pages', firmware: { kind: 'filesystem', file: 'page-*' }, devices: { name: 'page-*' } },
      { name: 'packed', firmware: { file: '*.bin.gz' }, devices: { name: 'packed-*' } },
      {
        name: 'by tcp',
        firmware: { file: 'tcp-*' },
        devices: { name: site.named('wall-tcp') },
        verify: { by: { tcp: COAP_PORT }, within: '60s' },
      },
      {
        name: 'by http',
        firmware: { file: 'http-*' },
        devices: { name: site.named('wall-http') },
        verify: { by: { http: `http://{address}:${COAP_PORT}/`, status: 204 }, within: '60s' },
      },
      {
        name: 'by ping',
        firmware: { file: 'ping-*' },
        devices: { name: site.named('wall-ping') },
        verify: { by: 'ping', within: '2s' },
      },
    ],
  });
  daemon = await site.start();
});

afterAll(() => site[Symbol.asyncDispose]());

/** What the checks of the rules ask: a port of the device that is open while the device is on. */
class CheckedServices {
  readonly #open = new Map<string, Server>();

  onEvent(device: SimulatedDevice, event: DeviceEvent): void {
    if (event === 'online' && device.name === site.named('wall-tcp'))
      this.#listen(
        device,
        createServer((socket) => socket.end()),
      );
    if (event === 'online' && device.name === site.named('wall-http')) {
      this.#listen(
        device,
        createHttpServer((_request, response) => response.writeHead(204, { connection: 'close' }).end()),
      );
    }
    if (event === 'offline') this.#open.get(device.name)?.close();
  }

  #listen({ name, address }: SimulatedDevice, server: Server): void {
    this.#open.set(name, server.listen(COAP_PORT, address));
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.concurrent('a dropped file', () => {
  it('reaches the devices of both cores that its rule is for, with their password, and says so with proof', async () => {
    const esp8266 = buildEsp8266App({ seed: 10, sizeBytes: 60_000 });
    const esp32 = buildEsp32App({ seed: 11, sizeBytes: 90_000 });
    site.drop('sensor-8266.bin', esp8266);
    site.drop('sensor-32.bin', esp32);
    for (const [file, image] of [
      ['sensor-8266', esp8266],
      ['sensor-32', esp32],
    ] as const) {
      const name = site.named(file);
      expect(await site.result('done', `${file}.bin`)).toMatchObject({
        outcome: 'done',
        sha256: sha256(image),
        summary: '1 device: 1 succeeded.',
        jobs: [{ name, rule: 'sensors', state: 'succeeded', proof: 'returned', attempts: 1, error: null }],
      });
      const device = fleet.device(name);
      expect(device.installed.map((installed) => installed.sha256)).toEqual([sha256(image)]);
      expect(device.running?.sha256).toBe(sha256(image));
    }
    // Each was refused the image of the other's chip without a word.
    for (const name of ['sensor-8266', 'sensor-32'].map((file) => site.named(file))) {
      expect(fleet.device(name).counts.invitations).toBe(1);
      expect(daemon.lines).toContainEqual(
        expect.objectContaining({ event: 'job.skipped', device: name, code: 'RULE_WRONG_CHIP' }),
      );
    }
  });

  it('is one release for all devices of its rule, and the commands tell of it', async () => {
    const image = buildEsp32App({ project: 'hub', seed: 12, sizeBytes: 40_000 });
    site.drop('anything.bin', image);
    const { jobs, summary } = await site.result('done', 'anything.bin');
    expect(summary).toBe('2 devices: 2 succeeded.');
    expect(jobs.map(({ name }) => name).toSorted()).toEqual([site.named('hub-1'), site.named('hub-2')]);

    const hubs = (await site.jobs()).filter(({ rule }) => rule === 'hubs');
    expect(hubs).toMatchObject([
      { state: 'succeeded', proof: 'returned', image: sha256(image) },
      { state: 'succeeded', proof: 'returned', image: sha256(image) },
    ]);
    const job = JSON.parse((await site.cli('job', hubs[0]?.id ?? '', '--json')).stdout);
    expect(job.history.map(({ to }: { to: string }) => to)).toEqual(['queued', 'running', 'confirming', 'succeeded']);
    const devices = JSON.parse((await site.cli('devices', '--json')).stdout) as { name: string; image: unknown }[];
    expect(devices.find(({ name }) => name === site.named('hub-1'))?.image).toMatchObject({
      image: sha256(image),
      proof: 'returned',
    });
    const releases = JSON.parse((await site.cli('releases', '--json')).stdout) as { rule: string }[];
    expect(releases.find(({ rule }) => rule === 'hubs')).toMatchObject({
      imageName: 'anything.bin',
      state: 'current',
      jobs: { succeeded: 2 },
    });
  });

  it('goes as a filesystem where it is one, and the application stays', async () => {
    site.drop('page-1.bin', buildLittleFs());
    expect(await site.result('done', 'page-1.bin')).toMatchObject({ jobs: [{ proof: 'returned' }] });
    const page = fleet.device(site.named('page'));
    expect(page.installed).toMatchObject([{ kind: 'filesystem', sizeBytes: 16_384 }]);
    expect(page.running).toBe(null);
  });

  it('goes to an ESP8266 as it is where it is packed', async () => {
    const packed = gzipOf(buildEsp8266App({ seed: 13 }));
    site.drop('app.bin.gz', packed);
    expect(await site.result('done', 'app.bin.gz')).toMatchObject({ jobs: [{ proof: 'returned' }] });
    expect(fleet.device(site.named('packed')).installed.map((installed) => installed.sha256)).toEqual([sha256(packed)]);
  });

  it.each([
    ['tcp', buildEsp8266App({ seed: 14 })],
    ['http', buildEsp32App({ seed: 15 })],
  ])('reaches a device without mDNS, and its return is seen by %s', async (by, image) => {
    site.drop(`${by}-1.bin`, image);
    expect(await site.result('done', `${by}-1.bin`)).toMatchObject({
      jobs: [{ name: site.named(`wall-${by}`), proof: 'returned' }],
    });
    expect(await daemon.until('job.succeeded', { device: site.named(`wall-${by}`) })).toMatchObject({
      evidence: expect.stringMatching(new RegExp(`^silent for \\d+\\.\\d s, then answered by ${by}$`)),
    });
    expect(fleet.device(site.named(`wall-${by}`)).counts.starts).toBe(2);
  });

  it('is not called done where the device answered the ping all the time', async () => {
    site.drop('ping-1.bin', buildEsp32App({ seed: 16 }));
    expect(await site.result('failed', 'ping-1.bin')).toMatchObject({
      outcome: 'failed',
      jobs: [
        { name: site.named('wall-ping'), state: 'failed', proof: 'accepted', error: { code: 'JOB_NOT_RETURNED' } },
      ],
    });
    expect(fleet.device(site.named('wall-ping')).installed).toHaveLength(1);
  });

  it('that is dropped again is a duplicate, and nobody gets it twice', async () => {
    const image = buildEsp8266App({ seed: 17 });
    site.drop('tcp-2.bin', image);
    await eventually('the update', () => fleet.device(site.named('wall-tcp')).installed.length === 2);
    site.drop('tcp-2-again.bin', image);
    const { summary } = await site.result('duplicate', 'tcp-2-again.bin');
    expect(summary).toMatch(/already the current release of rule "by tcp" \(tcp-2\.bin\)/);
    await site.result('done', 'tcp-2.bin');
    expect(fleet.device(site.named('wall-tcp')).installed).toHaveLength(2);
  });

  it('that no rule takes says rule by rule why', async () => {
    site.drop('unknown.bin', buildEsp8266App({ seed: 18 }));
    const { summary, jobs } = await site.result('unmatched', 'unknown.bin');
    expect(summary).toMatch(/rule "sensors": .*rule "by ping": /s);
    expect(jobs).toEqual([]);
    expect(await daemon.until('file.unmatched', { file: 'unknown.bin' })).toHaveProperty('reasons');
  });

  it('that is broken is rejected with the reason', async () => {
    const image = buildEsp32App({ seed: 19, sizeBytes: 50_000 });
    image[20_000] = (image[20_000] ?? 0) ^ 1;
    site.drop('sensor-broken.bin', image);
    expect(await site.result('rejected', 'sensor-broken.bin')).toMatchObject({
      outcome: 'rejected',
      error: { code: 'IMAGE_CORRUPT' },
      jobs: [],
    });
  });
});
