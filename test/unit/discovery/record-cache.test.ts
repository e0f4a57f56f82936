import { describe, expect, it } from 'vitest';
import { type CacheOutcome, RecordCache } from '../../../src/discovery/record-cache.ts';
import { announcementOf, recordsOf, responseOf } from './given.ts';

const ADDRESS = '10.0.0.7';

function newCache(limits?: { total: number; perSource: number }): RecordCache {
  return new RecordCache({
    services: ['arduino'],
    isPlausible: (address) => address !== '0.0.0.0',
    random: () => 0.5,
    ...(limits ? { limits } : {}),
  });
}

/** Lets time pass in the cache's own steps, as the driver does, and gathers what came of it. */
function pass(cache: RecordCache, fromMs: number, toMs: number) {
  const asked: { atMs: number; question: string }[] = [];
  const lost: { atMs: number; reason: string }[] = [];
  const heard: number[] = [];
  let nowMs = fromMs;
  while (cache.nextDueMs <= toMs) {
    nowMs = Math.max(nowMs, cache.nextDueMs);
    const outcome: CacheOutcome = cache.tick(nowMs);
    for (const { type, name } of outcome.questions) asked.push({ atMs: nowMs, question: `${type} ${name}` });
    for (const { reason } of outcome.lost) lost.push({ atMs: nowMs, reason });
    for (const _ of outcome.heard) heard.push(nowMs);
    nowMs += 1;
  }
  return { asked, lost, heard };
}

describe('a record cache', () => {
  it('reports an instance when one packet has all of it', () => {
    const { heard } = newCache().observe(announcementOf('Sensor-1', ADDRESS), ADDRESS, 0);
    expect(heard).toEqual([
      {
        service: 'arduino',
        instance: 'Sensor-1',
        host: 'Sensor-1.local',
        port: 8266,
        addresses: [ADDRESS],
        txt: { board: 'generic' },
        ttlSeconds: 120,
      },
    ]);
  });

  it('takes what is asked for from the additional section, in any order', () => {
    const { ptr, srv, txt, a } = recordsOf('sensor-1', ADDRESS);
    expect(newCache().observe(responseOf([ptr], [a, txt, srv]), ADDRESS, 0).heard).toHaveLength(1);
  });

  it('asks for what is missing and reports when it has come', () => {
    const { ptr, srv, txt, a } = recordsOf('sensor-1', ADDRESS);
    const cache = newCache();
    const first = cache.observe(responseOf([ptr]), ADDRESS, 0);
    expect(first.questions).toEqual([{ type: 'SRV', name: 'sensor-1._arduino._tcp.local' }]);
    cache.observe(responseOf([srv]), ADDRESS, 10);
    const third = cache.observe(responseOf([txt]), ADDRESS, 20);
    expect(third.heard).toEqual([]);
    expect(pass(cache, 20, 3000).asked.map(({ question }) => question)).toContain('A sensor-1.local');
    expect(cache.observe(responseOf([a]), ADDRESS, 3001).heard).toHaveLength(1);
  });

  it('does without a TXT record after a second', () => {
    const { ptr, srv, a } = recordsOf('sensor-1', ADDRESS);
    const cache = newCache();
    expect(cache.observe(responseOf([ptr, srv, a]), ADDRESS, 0).heard).toEqual([]);
    expect(pass(cache, 0, 1500).heard).toEqual([1000]);
  });

  it('hears names in any case, and tells of no other service', () => {
    const cache = newCache();
    cache.observe(announcementOf('Sensor-1', ADDRESS), ADDRESS, 0);
    const { a } = recordsOf('SENSOR-1', '10.0.0.8');
    expect(cache.observe(responseOf([a]), ADDRESS, 10).heard).toHaveLength(1);
    expect(cache.observe(announcementOf('printer', '10.0.0.9', { service: 'ipp' }), '10.0.0.9', 20).heard).toEqual([]);
    expect(cache.size).toBe(1);
  });

  it('asks again at 80, 85, 90 and 95 % of the shortest life, then lets go', () => {
    const cache = newCache();
    cache.observe(announcementOf('sensor-1', ADDRESS), ADDRESS, 0);
    const { asked, lost } = pass(cache, 0, 200_000);
    // Half of the 2 % of jitter is added everywhere: 0.81, 0.86, 0.91, 0.96 of 120 s.
    expect(asked.map(({ atMs }) => Math.round(atMs / 100))).toEqual([972, 1032, 1092, 1152]);
    expect(lost).toEqual([{ atMs: 120_000, reason: 'expired' }]);
    expect(cache.size).toBe(0);
    expect(cache.nextDueMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('goes on as long as it is answered', () => {
    const cache = newCache();
    const { a } = recordsOf('sensor-1', ADDRESS);
    cache.observe(announcementOf('sensor-1', ADDRESS), ADDRESS, 0);
    for (let nowMs = 0; nowMs < 3_500_000; nowMs += 100_000) {
      expect(pass(cache, nowMs, nowMs + 100_000).lost).toEqual([]);
      expect(cache.observe(responseOf([a]), ADDRESS, nowMs + 100_000).heard).toHaveLength(1);
    }
  });

  it('asks before it believes a goodbye', () => {
    const cache = newCache();
    const { ptr, srv } = recordsOf('sensor-1', ADDRESS);
    cache.observe(announcementOf('sensor-1', ADDRESS), ADDRESS, 0);
    const bye = cache.observe(responseOf([{ ...ptr, ttl: 0 }]), '10.0.0.66', 5000);
    expect(bye.questions.map(({ type }) => type)).toEqual(['PTR', 'SRV', 'A']);
    expect(bye.lost).toEqual([]);
    expect(cache.observe(responseOf([srv]), ADDRESS, 5100).heard).toHaveLength(1);
    expect(pass(cache, 5100, 60_000).lost).toEqual([]);

    cache.observe(responseOf([{ ...ptr, ttl: 0 }]), ADDRESS, 60_000);
    expect(pass(cache, 60_000, 70_000).lost).toEqual([{ atMs: 62_000, reason: 'goodbye' }]);
  });

  it('does not take an address record for the word of an instance that said goodbye', () => {
    const cache = newCache();
    const { srv, a } = recordsOf('sensor-1', ADDRESS);
    cache.observe(announcementOf('sensor-1', ADDRESS), ADDRESS, 0);
    cache.observe(responseOf([{ ...srv, ttl: 0 }]), ADDRESS, 5000);
    expect(cache.observe(responseOf([a]), ADDRESS, 5100).heard).toEqual([]);
    expect(pass(cache, 5100, 10_000).lost).toHaveLength(1);
  });

  it('knows nothing of a stranger that says goodbye', () => {
    const cache = newCache();
    const { ptr, srv } = recordsOf('sensor-1', ADDRESS, { ttl: 0 });
    expect(cache.observe(responseOf([ptr, srv]), ADDRESS, 0)).toMatchObject({ questions: [], lost: [] });
    expect(cache.size).toBe(0);
  });

  it('doubts on request, and loses what stays silent', () => {
    const cache = newCache();
    cache.observe(announcementOf('sensor-1', ADDRESS), ADDRESS, 0);
    cache.reconfirm('arduino', 'SENSOR-1', 1000);
    const { asked, lost } = pass(cache, 1000, 10_000);
    expect(asked.filter(({ question }) => question.startsWith('SRV')).map(({ atMs }) => atMs)).toEqual([
      1000, 2000, 4000,
    ]);
    expect(lost).toEqual([{ atMs: 6000, reason: 'unconfirmed' }]);
  });

  it('prefers the newest address, and drops the old one a second after a cache flush', () => {
    const cache = newCache();
    cache.observe(announcementOf('sensor-1', ADDRESS), ADDRESS, 0);
    const moved = cache.observe(announcementOf('sensor-1', '10.0.0.8'), '10.0.0.8', 5000);
    expect(moved.heard[0]?.addresses).toEqual(['10.0.0.8', ADDRESS]);
    const later = cache.observe(announcementOf('sensor-1', '10.0.0.8'), '10.0.0.8', 7000);
    expect(later.heard[0]?.addresses).toEqual(['10.0.0.8']);
  });

  it('keeps several addresses of one packet, IPv4 first', () => {
    const { ptr, srv, txt, a } = recordsOf('sensor-1', ADDRESS);
    const aaaa = { ...a, type: 'AAAA', address: 'fd00::7' } as const;
    const second = { ...a, address: '10.0.0.8' };
    const { heard } = newCache().observe(responseOf([ptr, srv, txt, aaaa, second, a]), ADDRESS, 0);
    expect(heard[0]?.addresses).toEqual([ADDRESS, '10.0.0.8', 'fd00::7']);
  });

  it('waits a second for IPv4 where only IPv6 came', () => {
    const { ptr, srv, txt, a } = recordsOf('sensor-1', ADDRESS);
    const cache = newCache();
    const aaaa = { ...a, type: 'AAAA', address: 'fd00::7' } as const;
    const first = cache.observe(responseOf([ptr, srv, txt, aaaa]), 'fd00::7', 0);
    expect(first).toMatchObject({ heard: [], questions: [{ type: 'A' }, { type: 'AAAA' }] });
    expect(pass(cache, 0, 1500).heard).toEqual([1000]);
  });

  it('leaves impossible addresses out and counts them', () => {
    const outcome = newCache().observe(announcementOf('sensor-1', '0.0.0.0'), ADDRESS, 0);
    expect(outcome).toMatchObject({ heard: [], ignored: ['address'] });
  });

  it('remembers no more than its limits, and takes the next one when there is room', () => {
    const cache = newCache({ total: 3, perSource: 2 });
    const arrivals = ['a', 'b', 'c'].map(
      (name) => cache.observe(announcementOf(name, ADDRESS), ADDRESS, 0).heard.length,
    );
    expect(arrivals).toEqual([1, 1, 0]);
    expect(cache.observe(announcementOf('d', '10.0.0.8'), '10.0.0.8', 0).heard).toHaveLength(1);
    expect(cache.observe(announcementOf('e', '10.0.0.9'), '10.0.0.9', 0).ignored).toContain('full');
    cache.reconfirm('arduino', 'a', 0);
    pass(cache, 0, 6000);
    expect(cache.observe(announcementOf('c', ADDRESS), ADDRESS, 6000).heard).toHaveLength(1);
  });

  it('asks the whole service about a name with a dot in it', () => {
    const cache = newCache();
    expect(cache.probeQuestions('arduino', 'Dr. Sensor')).toEqual([{ type: 'PTR', name: '_arduino._tcp.local' }]);
    expect(cache.probeQuestions('arduino', 'Sensor')).toEqual([{ type: 'SRV', name: 'sensor._arduino._tcp.local' }]);
  });

  it('forgets all with its interface', () => {
    const cache = newCache();
    cache.observe(announcementOf('sensor-1', ADDRESS), ADDRESS, 0);
    expect(cache.clear('interface-gone')).toEqual([
      { service: 'arduino', instance: 'sensor-1', reason: 'interface-gone' },
    ]);
    expect(cache.size).toBe(0);
  });
});
