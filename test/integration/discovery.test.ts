import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Discovery } from '../../src/discovery/discovery.ts';
import type { RegistryEvent } from '../../src/discovery/registry.ts';
import { silentLogger } from '../../src/log.ts';
import { response } from '../unit/discovery/dns-bytes.ts';
import { openGroupSocket, Responder, type ResponderOptions } from './mdns-responder.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()));
});

function uniqueService(): string {
  return `df${randomBytes(5).toString('hex')}`;
}

async function device(options: Partial<ResponderOptions> & { service: string }): Promise<Responder> {
  const responder = await Responder.open({ instance: 'Sensor-1', address: '127.0.7.1', port: 8266, ...options });
  open.push(responder);
  return responder;
}

/** A running discovery on the loopback interface, with all its events and a way to wait for one. */
function discover(service: string) {
  const discovery = new Discovery({
    mdns: { services: [service], interface: '127.0.0.1' },
    clock: systemClock,
    log: silentLogger,
    macOf: () => null,
  });
  open.push({ close: () => discovery.stop() });
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

describe('discovery on the loopback interface', () => {
  it('finds a device that was there before, with all that its records say', async () => {
    const service = uniqueService();
    await device({ service, txt: ['board=d1_mini', 'auth_upload=yes'] });
    const { discovery, next } = discover(service);
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

  it('sees a device within a second of its announcement', async () => {
    const service = uniqueService();
    const responder = await device({ service });
    responder.answers = false;
    const { discovery, next } = discover(service);
    discovery.start();
    const startMs = performance.now();
    await responder.announce();
    await next('seen');
    expect(performance.now() - startMs).toBeLessThan(1000);
  });

  it('believes a goodbye only when the device does not answer', async () => {
    const service = uniqueService();
    const responder = await device({ service });
    const { discovery, events, next, registry } = discover(service);
    discovery.start();
    const { device: found } = await next('seen');

    const spoofer = await device({ service });
    spoofer.answers = false;
    await spoofer.send(response([{ ...spoofer.records.srv, ttl: 0 }]));
    await expect.poll(() => responder.asked.filter((question) => question.startsWith('SRV')).length).toBeGreaterThan(0);
    expect(registry.get(found.id)?.presence).toBe('present');

    await responder.goodbye();
    await next('lost');
    expect(registry.get(found.id)).toMatchObject({ presence: 'away', address: '127.0.7.1' });
    expect(events.filter(({ kind }) => kind === 'lost')).toHaveLength(1);
  });

  it('takes a burst of announcements as proof of return, and an answer as none', async () => {
    const service = uniqueService();
    const responder = await device({ service });
    const { discovery, next, registry } = discover(service);
    discovery.start();
    const { device: found } = await next('seen');

    const abort = new AbortController();
    let evidence: unknown = null;
    const returned = registry.expectReturn(found.id, { afterMs: Date.now(), signal: abort.signal });
    void returned.then((value) => {
      evidence = value;
    });
    await expect
      .poll(() => responder.asked.filter((question) => question.startsWith('SRV')).length, { timeout: 6000 })
      .toBeGreaterThan(1);
    expect(evidence).toBeNull();

    const announcing = setInterval(() => void responder.announce(), 1000);
    open.push({ close: async () => clearInterval(announcing) });
    expect(await returned).toMatchObject({ kind: 'announcement' });
  });

  it('takes three missed questions and then an answer as proof of return', async () => {
    const service = uniqueService();
    const responder = await device({ service });
    const { discovery, next, registry } = discover(service);
    discovery.start();
    const { device: found } = await next('seen');

    const asked = () => responder.asked.filter((question) => question.startsWith('SRV')).length;
    responder.answers = false;
    const returned = registry.expectReturn(found.id, { afterMs: Date.now(), signal: AbortSignal.timeout(15_000) });
    await expect.poll(asked, { timeout: 10_000 }).toBeGreaterThanOrEqual(5);
    responder.answers = true;
    expect(await returned).toMatchObject({ kind: 'silent-then-answered' });
  });

  it('is not harmed by bytes that are no mDNS', async () => {
    const service = uniqueService();
    const { discovery, next } = discover(service);
    discovery.start();
    const socket = await openGroupSocket();
    open.push({ close: () => new Promise((resolve) => socket.close(() => resolve())) });
    const loop = Buffer.from('000084000000000100000000c00c000c000100000078000ac00c', 'hex');
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(12, 0xff), loop, randomBytes(9000), randomBytes(40)]) {
      socket.send(bytes, 5353, '224.0.0.251');
    }
    const responder = await device({ service });
    await responder.announce();
    expect((await next('seen')).device.name).toBe('Sensor-1');
  });
});
