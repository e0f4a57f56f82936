import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fleet } from '../../../src/simulator/fleet.ts';
import { noise } from '../../fixtures/images/bytes.ts';
import { buildEsp32App, buildEsp8266App, buildMerged, WRONG_FILES } from '../../fixtures/images.ts';
import { a, ptr, response, srv, txt } from '../../unit/discovery/dns-bytes.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { eventually, Site } from './site.ts';

const site = new Site();
const DEVICE = site.named('calm');
let fleet: Fleet;
let daemon: DaemonProcess;

beforeAll(async () => {
  fleet = await site.fleet([{ name: DEVICE, core: 'esp8266', board: 'd1_mini' }]);
  site.configure({
    rules: [
      { name: 'calm', firmware: { file: 'calm-*' }, devices: { name: DEVICE } },
      { name: 'factory', firmware: { kind: 'merged' }, devices: { name: DEVICE } },
      { name: 'names', firmware: { file: '*name*' }, devices: { name: 'nobody' } },
    ],
  });
  daemon = await site.start();
  await daemon.until('device.seen', { device: DEVICE });
});

afterAll(async () => {
  // Whatever it met, it still stops as it should.
  expect(await daemon.stop()).toBe(0);
  await site[Symbol.asyncDispose]();
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
/** Nothing that a terminal would obey. */
const CONTROL = /[^\P{Cc}\n]/u;

describe('file names', () => {
  const NAMES: readonly (readonly [title: string, name: string | Buffer])[] = [
    ['a newline', 'name\nin two.bin'],
    ['terminal commands', 'name\u001b[2J\u0007.bin'],
    ['a way out', 'name\\..\\..\\%2f..%2f..bin'],
    ['255 bytes', `${'name'.repeat(60)}.bin`.padStart(255, 'x')],
    ['255 bytes of 3 each', `${'名'.repeat(82)}name.bin`.slice(-85)],
    ['no UTF-8', Buffer.from('name-\u00ff\u00fe.bin', 'latin1')],
    ['the words of a result', 'name.result.json.bin'],
  ];

  it.skipIf(process.platform !== 'linux').each(NAMES)('%s', async (_title, name) => {
    const image = buildEsp8266App({ seed: NAMES.findIndex(([, other]) => other === name) + 70 });
    const folder = Buffer.from(`${site.home}/drop/`);
    const part = join(site.home, 'drop', 'upload.part');
    writeFileSync(part, image);
    renameSync(part, Buffer.concat([folder, Buffer.from(name)]));
    await daemon.until('file.accepted', { image: sha256(image) });

    const placed = () =>
      site.names('done').find((entry) => !entry.endsWith('.json') && sha256(readDone(entry)) === sha256(image));
    await eventually('its place', () => placed() !== undefined);
    const { outcome, file } = await site.result('done', placed() ?? '');
    expect(outcome).toBe('done');
    if (typeof name === 'string') expect(file).toBe(name);
    else expect(file).toBe('name-\\xff\\xfe.bin');
  });

  it.skipIf(process.platform !== 'linux')('are shown without what a terminal would obey', async () => {
    const { stdout } = await site.cli('releases');
    expect(stdout).toContain('name\\u{a}in two.bin');
    expect(stdout).not.toMatch(CONTROL);
  });

  const readDone = (entry: string) => readFileSync(join(site.home, 'drop', 'done', entry));
});

describe.concurrent('files that are no firmware, or not whole', () => {
  const esp32 = buildEsp32App({ seed: 80, sizeBytes: 30_000 });
  it.each([
    ['half', esp32.subarray(0, 15_000), 'IMAGE_TRUNCATED'],
    ['one bit wrong', esp32.with(12_000, (esp32[12_000] ?? 0) ^ 4), 'IMAGE_CORRUPT'],
    ['an ELF', WRONG_FILES['elf'] ?? esp32, 'IMAGE_NOT_FIRMWARE'],
    ['an error page', WRONG_FILES['html'] ?? esp32, 'IMAGE_NOT_FIRMWARE'],
  ])('%s', async (name, bytes, code) => {
    site.drop(`calm-${name}.bin`, bytes);
    expect(await site.result('rejected', `calm-${name}.bin`)).toMatchObject({ outcome: 'rejected', error: { code } });
  });

  it('noise that no rule names by what it is', async () => {
    site.drop('static.bin', noise(20_000, 81));
    await site.result('unmatched', 'static.bin');
  });

  it('a factory image, which never goes over the air', async () => {
    site.drop('factory.bin', buildMerged());
    await site.result('done', 'factory.bin');
    expect(await daemon.until('job.skipped', { rule: 'factory' })).toMatchObject({
      device: DEVICE,
      code: 'RULE_NOT_OTA',
    });
  });

  it('nothing at all, which is left where it is', async () => {
    site.drop('calm-empty.bin', new Uint8Array());
    await daemon.until('file.left', { file: 'calm-empty.bin', code: 'WATCH_EMPTY' });
    expect(site.names()).toContain('calm-empty.bin');
  });
});

describe('mDNS packets that are broken, or lie', () => {
  it('are ignored while an update goes on', async () => {
    const before = fleet.device(DEVICE).installed.length;
    const spray = await sprayGarbage();
    site.drop('calm-1.bin', buildEsp8266App({ seed: 82, sizeBytes: 100_000 }));
    await spray();
    expect(await site.result('done', 'calm-1.bin')).toMatchObject({ jobs: [{ name: DEVICE, proof: 'returned' }] });
    await spray();
    expect(fleet.device(DEVICE).installed).toHaveLength(before + 1);
    // Only one that is whole and on this network is a device; and the rule is not for it.
    expect(daemon.all('job.started').every(({ device }) => device === DEVICE)).toBe(true);
    const { stdout } = await site.cli('devices');
    expect(stdout).not.toMatch(CONTROL);
    expect(stdout).not.toMatch(/224\.0\.0\.9|0\.0\.0\.0|255\.255\.255\.255/);
  });
});

/** A burst of packets onto the loopback interface: whole ones that lie, and the same with bytes changed, cut and repeated. */
async function sprayGarbage(): Promise<() => Promise<void>> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.setMulticastInterface('127.0.0.1');
  const send = (packet: Uint8Array) =>
    new Promise<void>((resolve) => socket.send(packet, 5353, '224.0.0.251', () => resolve()));
  const whole = lies();
  return async () => {
    for (const [nth, packet] of whole.entries()) {
      await send(packet);
      for (let turn = 0; turn < 20; turn += 1) await send(mutate(packet, nth * 100 + turn + 1));
    }
    await send(noise(1_400, 90));
    await send(new Uint8Array(12).fill(0xff));
    // A name that points at itself.
    await send(
      Buffer.concat([Buffer.from('000084000000000100000000', 'hex'), Buffer.from('c00c000c000100000078000200', 'hex')]),
    );
  };
}

function lies(): Buffer[] {
  const type = `_${site.service}._tcp.local`;
  return ['\u001b[31mred', 'two\nlines', 'x'.repeat(60), 'a', ''].flatMap((instance, nth) => {
    const name = `${instance}.${type}`;
    return ['224.0.0.9', '0.0.0.0', '255.255.255.255', `127.66.0.${nth + 1}`].map((address) =>
      response(
        [ptr(type, name)],
        [srv(name, `h${nth}.local`, nth * 7_000), txt(name, ['board=d1_mini', '=', '']), a(`h${nth}.local`, address)],
      ),
    );
  });
}

/** Some bytes become others; some packets are cut. */
function mutate(packet: Buffer, seed: number): Uint8Array {
  const bytes = Uint8Array.from(packet);
  const random = noise(12, seed);
  for (let at = 0; at < 8; at += 2) {
    const place = ((random[at] ?? 0) * 256 + (random[at + 1] ?? 0)) % bytes.length;
    bytes[place] = random[at + 4] ?? 0;
  }
  return (random[10] ?? 0) % 3 === 0 ? bytes.subarray(0, (random[11] ?? 0) % bytes.length) : bytes;
}
