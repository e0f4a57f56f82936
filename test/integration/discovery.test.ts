import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { describe, expect, it, type TestContext } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import { Discovery } from '../../src/discovery/discovery.ts';
import type { InterfaceTable } from '../../src/discovery/interfaces.ts';
import { MdnsSource } from '../../src/discovery/mdns.ts';
import type { RegistryEvent } from '../../src/discovery/registry-event.ts';
import type { MdnsLoss } from '../../src/discovery/source.ts';
import { silentLogger } from '../../src/log.ts';
import type { MdnsSighting } from '../../src/model/device.ts';
import { response } from '../unit/discovery/dns-bytes.ts';
import { openGroupSocket, Responder, type ResponderOptions } from './mdns-responder.ts';

function uniqueService(): string {
  return `df${randomBytes(5).toString('hex')}`;
}

async function device(
  { onTestFinished }: TestContext,
  options: Partial<ResponderOptions> & { service: string },
): Promise<Responder> {
  const responder = await Responder.open({ instance: 'Sensor-1', address: '127.0.7.1', port: 8266, ...options });
  onTestFinished(() => responder.close());
  return responder;
}

/** A running discovery on the loopback interface, with all its events and a way to wait for one. */
function discover({ onTestFinished }: TestContext, service: string) {
  const discovery = new Discovery({
    usb: false,
    mdns: { services: [service], interface: '127.0.0.1' },
    clock: systemClock,
    log: silentLogger,
    macOf: () => null,
  });
  onTestFinished(() => discovery.stop());
  const events: RegistryEvent[] = [];
  const waiting = new Set<() => void>();
  discovery.registry.subscribe((event) => {
    events.push(event);
    for (const check of waiting) check();
  });
  const next = (kind: RegistryEvent['kind'], from = 0): Promise<RegistryEvent> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${kind} in ${JSON.stringify(events)}`)), 12_000);
      const check = () => {
        const found = events.slice(from).find((event) => event.kind === kind);
        if (!found) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve(found);
      };
      waiting.add(check);
      check();
    });
  return { registry: discovery.registry, discovery, events, next };
}

/** Ten seconds of the source's time pass in one. */
const tenTimesFaster: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * 10,
  setTimer: (delayMs, callback) => systemClock.setTimer(delayMs / 10, callback),
};

describe.concurrent('discovery on the loopback interface', () => {
  it('finds a device that was there before, with all that its records say', async (context) => {
    const service = uniqueService();
    await device(context, { service, txt: ['board=d1_mini', 'auth_upload=yes'] });
    const { discovery, next } = discover(context, service);
    discovery.start();
    const { device: found } = await next('seen');
    expect(found).toMatchObject({
      id: `mdns:${service}/sensor-1`,
      name: 'Sensor-1',
      address: '127.0.7.1',
      port: 8266,
      board: 'd1_mini',
      txt: { auth_upload: 'yes' },
      services: [service],
      presence: 'present',
    });
  });

  it('sees a device by its announcement alone', async (context) => {
    const service = uniqueService();
    const responder = await device(context, { service });
    responder.answers = false;
    const { discovery, next } = discover(context, service);
    discovery.start();
    await responder.announce();
    expect((await next('seen')).device.name).toBe('Sensor-1');
  });

  it('believes a goodbye only when the device does not answer', async (context) => {
    const service = uniqueService();
    const responder = await device(context, { service });
    const { discovery, events, next, registry } = discover(context, service);
    discovery.start();
    const { device: found } = await next('seen');

    const spoofer = await device(context, { service });
    spoofer.answers = false;
    await spoofer.send(response([{ ...spoofer.records.srv, ttl: 0 }]));
    await context.expect
      .poll(() => responder.asked.filter((question) => question.startsWith('SRV')).length)
      .toBeGreaterThan(0);
    expect(registry.get(found.id)?.presence).toBe('present');

    await responder.goodbye();
    await next('lost');
    expect(registry.get(found.id)).toMatchObject({ presence: 'away', address: '127.0.7.1' });
    expect(events.filter(({ kind }) => kind === 'lost')).toHaveLength(1);
  });

  it('takes a burst of announcements as proof of return, and an answer as none', async (context) => {
    const service = uniqueService();
    const responder = await device(context, { service });
    const { discovery, next, registry } = discover(context, service);
    discovery.start();
    const { device: found } = await next('seen');

    const abort = new AbortController();
    let evidence: unknown = null;
    const returned = registry.expectReturn(found.id, { afterMs: Date.now(), signal: abort.signal });
    void returned.then((value) => {
      evidence = value;
    });
    await context.expect
      .poll(() => responder.asked.filter((question) => question.startsWith('SRV')).length, { timeout: 60_000 })
      .toBeGreaterThan(1);
    expect(evidence).toBeNull();

    const announcing = setInterval(() => void responder.announce(), 1000);
    context.onTestFinished(() => clearInterval(announcing));
    expect(await returned).toMatchObject({ kind: 'announcement' });
  });

  it('remembers that a device probed for its names before it was known', async (context) => {
    const service = uniqueService();
    const responder = await device(context, { service });
    responder.answers = false;
    const { discovery, next, registry } = discover(context, service);
    discovery.start();
    await context.expect.poll(() => responder.asked.length, { timeout: 60_000 }).toBeGreaterThan(0);

    const beforeMs = Date.now() - 1;
    await responder.probe();
    await responder.announce();
    const { device: found } = await next('seen');
    const started = registry.expectRestart(found.id, { afterMs: beforeMs, signal: AbortSignal.timeout(60_000) });
    responder.answers = true;
    registry.probe(found.id);
    expect(await started).toMatchObject({ kind: 'announcement' });
  });

  it('takes three missed questions and then an answer as proof of return', async (context) => {
    const service = uniqueService();
    const responder = await device(context, { service });
    const { discovery, next, registry } = discover(context, service);
    discovery.start();
    const { device: found } = await next('seen');

    const asked = () => responder.asked.filter((question) => question.startsWith('SRV')).length;
    responder.answers = false;
    const returned = registry.expectReturn(found.id, { afterMs: Date.now(), signal: AbortSignal.timeout(60_000) });
    await context.expect.poll(asked, { timeout: 60_000 }).toBeGreaterThanOrEqual(5);
    responder.answers = true;
    expect(await returned).toMatchObject({ kind: 'silent-then-answered' });
  });

  it('is not harmed by bytes that are no mDNS', async (context) => {
    const service = uniqueService();
    const { discovery, next } = discover(context, service);
    discovery.start();
    const socket = await openGroupSocket();
    context.onTestFinished(() => new Promise<void>((resolve) => socket.close(() => resolve())));
    const loop = Buffer.from('000084000000000100000000c00c000c000100000078000ac00c', 'hex');
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(12, 0xff), loop, randomBytes(9000), randomBytes(40)]) {
      socket.send(bytes, 5353, '224.0.0.251');
    }
    const responder = await device(context, { service });
    await responder.announce();
    expect((await next('seen')).device.name).toBe('Sensor-1');
  });

  it('asks a device that did not answer elsewhere, and gives it up', async (context) => {
    const service = uniqueService();
    const responder = await device(context, { service });
    const { discovery, next, registry } = discover(context, service);
    discovery.start();
    const { device: found } = await next('seen');
    responder.answers = false;
    registry.reconfirm(found.id);
    expect(await next('lost')).toMatchObject({ reason: 'unconfirmed', device: { presence: 'away' } });
  });

  it('follows an interface that comes and goes, and says when there is none', async (context) => {
    const service = uniqueService();
    await device(context, { service });
    let table: InterfaceTable = {};
    const seen: MdnsSighting[] = [];
    const lost: MdnsLoss[] = [];
    const said: string[] = [];
    const source = new MdnsSource({
      settings: { services: [service], interface: 'lo' },
      listener: {
        sighted: (sighting) => seen.push(sighting),
        lost: (loss) => lost.push(loss),
        probed: () => undefined,
      },
      clock: tenTimesFaster,
      log: {
        ...silentLogger,
        warn: (event, fields) => said.push(`${event} ${fields?.['code']}`),
        info: (event) => said.push(event),
      },
      interfaceTable: () => table,
    });
    context.onTestFinished(() => source.stop());
    source.start();
    expect(said).toEqual(['discovery.failed DISCOVERY_NO_INTERFACE']);

    table = { lo: networkInterfaces()['lo'] };
    await context.expect.poll(() => seen.length, { timeout: 60_000 }).toBeGreaterThan(0);
    expect(said).toContain('discovery.recovered');

    table = {};
    await context.expect
      .poll(() => lost, { timeout: 60_000 })
      .toMatchObject([{ reason: 'interface-gone', instance: 'Sensor-1' }]);
  });

  it('stops before it started, twice, and while it starts', async (context) => {
    const { discovery } = discover(context, uniqueService());
    await Promise.all([discovery.stop(), discovery.stop()]);
    discovery.start();
    const { discovery: other } = discover(context, uniqueService());
    other.start();
    await other.stop();
    await other.stop();
  });
});
