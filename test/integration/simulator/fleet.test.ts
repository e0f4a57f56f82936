import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BRISK } from '../../../src/simulator/cores.ts';
import { type Fleet, startFleet } from '../../../src/simulator/fleet.ts';
import { eventually } from './test-host.ts';

/** One of its own for each run: other fleets on this machine share port 5353. */
const SERVICE = `simtest${process.pid}`;
const SERVICE_LABELS = [`_${SERVICE}`, '_tcp', 'local'];
const [A, PTR, TXT, SRV, ANY] = [1, 12, 16, 33, 255];

let listener: Socket;
/** mDNS packets that carry the service type or a device's name, as Latin-1. */
let packets: string[];
const fleets: Fleet[] = [];

beforeEach(async () => {
  packets = [];
  listener = createSocket({ type: 'udp4', reuseAddr: true });
  listener.bind({ port: 5353, address: '0.0.0.0' });
  await once(listener, 'listening');
  listener.addMembership('224.0.0.251', '127.0.0.1');
  listener.setMulticastInterface('127.0.0.1');
  listener.on('message', (packet) => {
    const isResponse = ((packet[2] ?? 0) & 0x80) !== 0;
    if (isResponse && packet.includes(SERVICE)) packets.push(packet.toString('latin1'));
  });
});

afterEach(async () => {
  await Promise.all(fleets.splice(0).map((fleet) => fleet.stop()));
  listener.close();
});

async function start(...args: Parameters<typeof startFleet>): Promise<Fleet> {
  const [specs, options] = args;
  const fleet = await startFleet(specs, { service: SERVICE, timings: BRISK, ...options });
  fleets.push(fleet);
  return fleet;
}

function question(labels: readonly string[], type = PTR): Buffer {
  const name = Buffer.concat(
    [...labels, ''].map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
  );
  const packet = Buffer.concat([
    Buffer.from('000000000001000000000000', 'hex'),
    name,
    Buffer.from([0, type ?? 0, 0, 1]),
  ]);
  return packet;
}

const ask = (labels: readonly string[], type?: number) => listener.send(question(labels, type), 5353, '224.0.0.251');

/** Bytes of a record: type, class, TTL. */
const has = (packet: string | undefined, type: number | undefined, ttlSeconds: number) =>
  packet?.match(new RegExp(`\\x00${String.fromCharCode(type ?? 0)}[\\x00\\x80]\\x01${ttl(ttlSeconds)}`, 's')) !== null;

function ttl(seconds: number): string {
  return [24, 16, 8, 0].map((shift) => `\\x${((seconds >> shift) & 0xff).toString(16).padStart(2, '0')}`).join('');
}

describe('fleet', () => {
  it('gives each device an address of its own, and both cores their port', async () => {
    const { devices } = await start([
      { name: 'a', core: 'esp8266' },
      { name: 'b', core: 'esp32-md5' },
      { name: 'c', core: 'esp8266' },
    ]);
    expect(devices.map(({ port }) => port)).toEqual([8266, 3232, 8266]);
    expect(devices[0]?.address).not.toBe(devices[2]?.address);
  });

  it('starts where another fleet already has the first addresses', async () => {
    const spec = [{ name: 'a', core: 'esp8266', mdns: false }] as const;
    const [one, two] = [await start(spec), await start(spec)];
    expect(one.device('a').address).not.toBe(two.device('a').address);
  });

  it('fails and leaves nothing open when an address is taken', async () => {
    await start([{ name: 'a', core: 'esp8266', address: '127.0.0.77', mdns: false }]);
    const again = start([
      { name: 'fine', core: 'esp32-md5', address: '127.0.0.77' },
      { name: 'taken', core: 'esp8266', address: '127.0.0.77' },
    ]);
    await expect(again).rejects.toThrow(/EADDRINUSE/);
    await start([{ name: 'fine', core: 'esp32-md5', address: '127.0.0.77' }]);
  });

  it('keeps off the network what is off', async () => {
    const { devices } = await start([{ name: 'late', core: 'esp8266', power: 'off' }]);
    ask(SERVICE_LABELS);
    expect(devices[0]?.isOnline).toBe(false);
    expect(packets).toEqual([]);
    devices[0]?.powerOn();
    await eventually('an announcement', () => packets.length > 0);
  });

  it('stops twice', async () => {
    const fleet = await start([{ name: 'a', core: 'esp8266' }]);
    await Promise.all([fleet.stop(), fleet.stop()]);
    expect(fleet.device('a').isOnline).toBe(false);
    expect(() => fleet.device('b')).toThrow(/no device "b"/);
  });
});

describe('mDNS', () => {
  it('announces each device: eight times on an ESP8266, three times on an ESP32', async () => {
    await start([
      { name: 'sim-one', core: 'esp8266', board: 'd1_mini', password: 'x' },
      { name: 'sim-two', core: 'esp32-sha256' },
    ]);
    const of = (name: string) => packets.filter((packet) => packet.includes(name));
    await eventually('eight announcements', () => of('sim-one').length >= 8);
    expect(of('sim-two')).toHaveLength(3);
    const [one, two] = [of('sim-one')[0], of('sim-two')[0]];
    for (const text of ['board=d1_mini', 'tcp_check=no', 'ssh_upload=no', 'auth_upload=yes'])
      expect(one).toContain(text);
    for (const text of ['board=esp32', 'auth_upload=no']) expect(two).toContain(text);
    for (const [type, ttlOne, ttlTwo] of [
      [PTR, 4500, 4500],
      [SRV, 4500, 120],
      [TXT, 4500, 4500],
      [A, 120, 120],
    ] as const) {
      expect([type, has(one, type, ttlOne), has(two, type, ttlTwo)]).toEqual([type, true, true]);
    }
  });

  it.each([
    ['its service', SERVICE_LABELS, PTR, [PTR, SRV, TXT, A]],
    ['everything of its instance', ['quiet', ...SERVICE_LABELS], ANY, [SRV, TXT, A]],
    ['its SRV record', ['quiet', ...SERVICE_LABELS], SRV, [SRV, A]],
    ['its TXT record', ['QUIET', ...SERVICE_LABELS], TXT, [TXT, A]],
    ['the services there are', ['_services', '_dns-sd', '_udp', 'local'], PTR, [PTR]],
  ])('answers for %s', async (_, labels, type, expected) => {
    await start([{ name: 'quiet', core: 'esp8266' }], { timings: { ...BRISK, announceEveryMs: 60_000 } });
    await eventually('the announcement', () => packets.length === 1);
    ask(labels, type);
    await eventually('an answer', () => packets.length === 2);
    const ttlOf = (each: number | undefined) => (each === A ? 120 : 4500);
    expect([A, PTR, TXT, SRV].filter((each) => has(packets[1], each, ttlOf(each)))).toEqual(
      [A, PTR, TXT, SRV].filter((each) => expected.includes(each)),
    );
  });

  it('answers a question from another port there, and briefly', async () => {
    await start([{ name: 'quiet', core: 'esp8266' }], { timings: { ...BRISK, probeEveryMs: 0 } });
    const legacy = createSocket('udp4');
    const packet = question(SERVICE_LABELS);
    packet.writeUInt16BE(0x1234);
    legacy.bind(0);
    await once(legacy, 'listening');
    legacy.setMulticastInterface('127.0.0.1');
    const answers: Buffer[] = [];
    legacy.on('message', (bytes) => answers.push(bytes));
    legacy.send(packet, 5353, '224.0.0.251');
    await eventually('an answer', () => answers.length > 0);
    legacy.close();
    expect(answers[0]?.readUInt16BE()).toBe(0x1234);
    expect(has(answers[0]?.toString('latin1'), PTR, 10)).toBe(true);
  });

  it('says goodbye only when it is told to', async () => {
    const fleet = await start([
      { name: 'polite', core: 'esp8266' },
      { name: 'rude', core: 'esp8266' },
    ]);
    await eventually('announcements', () => packets.length >= 2);
    fleet.device('rude').powerOff();
    fleet.device('polite').powerOff({ goodbye: true });
    await eventually('a goodbye', () => packets.some((packet) => packet.includes('polite') && has(packet, PTR, 0)));
    expect(packets.some((packet) => packet.includes('rude') && has(packet, PTR, 0))).toBe(false);
  });

  it('carries a thousand devices behind one socket', async () => {
    const specs = Array.from({ length: 1000 }, (_, nth) => ({ name: `many-${nth}`, core: 'esp32-sha256' }) as const);
    const fleet = await start(specs, { timings: { ...BRISK, probeEveryMs: 0, announceEveryMs: 500 } });
    const heard = new Set<string>();
    await eventually('all of them', () => {
      for (const packet of packets.splice(0)) heard.add(/many-[0-9]+/.exec(packet)?.[0] ?? '');
      return heard.size === 1000;
    });
    expect(new Set(fleet.devices.map(({ address }) => address)).size).toBe(1000);
  });
});
