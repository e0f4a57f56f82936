import { describe, expect, it } from 'vitest';
import { DeviceRegistry } from '../../../src/discovery/registry.ts';
import type { RegistryEvent } from '../../../src/discovery/registry-event.ts';
import type { MdnsLoss } from '../../../src/discovery/source.ts';
import { silentLogger } from '../../../src/log.ts';
import type { MdnsSighting } from '../../../src/model/device.ts';
import { manualClock } from '../service/manual-clock.ts';
import { entryOf, sightingOf } from './given.ts';

const MAC = 'aa:bb:cc:00:00:01';

function given(arp: Readonly<Record<string, string>> = {}) {
  const probes: string[] = [];
  const events: RegistryEvent[] = [];
  const clock = manualClock(1_000_000);
  const registry = new DeviceRegistry({
    clock,
    log: silentLogger,
    services: ['arduino', 'http'],
    macOf: (address) => arp[address] ?? null,
  });
  registry.useProber({
    probe: (_, instance) => probes.push(`probe ${instance}`),
    reconfirm: (_, instance) => probes.push(`reconfirm ${instance}`),
  });
  registry.subscribe((event) => events.push(event));
  const kinds = () => events.map(({ kind }) => kind).filter((kind) => kind !== 'changed');
  const names = () => registry.list().map(({ name }) => name);
  return { registry, events, kinds, names, probes, clock };
}

function lossOf({ service, instance, localInterface }: MdnsSighting, atMs = 1_100_000): MdnsLoss {
  return { service, instance, localInterface, reason: 'expired', atMs };
}

describe('the registry of devices', () => {
  it('makes a device of a first sighting and tells it once', () => {
    const { registry, kinds } = given();
    registry.sighted(sightingOf('Sensor-1', '10.0.0.7'));
    registry.sighted(sightingOf('Sensor-1', '10.0.0.7', { atMs: 1_000_500 }));
    expect(kinds()).toEqual(['seen']);
    expect(registry.list()).toMatchObject([
      { id: 'mdns:arduino/sensor-1', name: 'Sensor-1', board: 'generic', presence: 'present', lastSeenMs: 1_000_500 },
    ]);
  });

  it.each([
    ['esp32-aabbcc000001', `mac:${MAC}`, MAC],
    ['esp8266-c0ffee', 'chipid:c0ffee', null],
    ['esp32-kitchen', 'mdns:arduino/esp32-kitchen', null],
  ])('knows %s as %s', (instance, id, mac) => {
    const { registry } = given();
    registry.sighted(sightingOf(instance, '10.0.0.7'));
    expect(registry.list()).toMatchObject([{ id, mac }]);
  });

  it('keeps the identity of a device that moves, and says so', () => {
    const { registry, events } = given();
    registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    registry.sighted(sightingOf('sensor-1', '10.0.0.8'));
    expect(events.filter(({ kind }) => kind === 'seen')).toMatchObject([{ why: 'new' }, { why: 'moved' }]);
    expect(registry.list()).toMatchObject([{ id: 'mdns:arduino/sensor-1', address: '10.0.0.8' }]);
  });

  it('tells of a loss and of the return', () => {
    const { registry, events, kinds } = given();
    const seen = sightingOf('sensor-1', '10.0.0.7');
    registry.sighted(seen);
    registry.lost(lossOf(seen));
    expect(registry.list()).toMatchObject([{ presence: 'away', address: '10.0.0.7', board: 'generic' }]);
    registry.sighted(seen);
    expect(kinds()).toEqual(['seen', 'lost', 'seen']);
    expect(events.at(-1)).toMatchObject({ why: 'back' });
  });

  it('loses a device on two networks only when both have lost it', () => {
    const { registry, kinds } = given();
    const wired = sightingOf('sensor-1', '10.0.0.7');
    const wireless = sightingOf('sensor-1', '10.0.0.7', { localInterface: '10.0.0.2' });
    registry.sighted(wired);
    registry.sighted(wireless);
    registry.lost(lossOf(wired));
    expect(kinds()).toEqual(['seen']);
    registry.lost(lossOf(wireless));
    expect(kinds()).toEqual(['seen', 'lost']);
  });

  it('makes one device of two services of one host', () => {
    const { registry } = given();
    registry.sighted(sightingOf('panel', '10.0.0.7', { service: 'http', host: 'sensor-1.local', port: 80, txt: {} }));
    registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    expect(registry.list()).toMatchObject([{ port: 8266, services: ['arduino', 'http'], name: 'sensor-1' }]);
  });

  it('lets two devices swap their addresses', () => {
    const { registry } = given();
    registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    registry.sighted(sightingOf('sensor-2', '10.0.0.8'));
    registry.sighted(sightingOf('sensor-1', '10.0.0.8'));
    // For a moment both are at one address: no job may start on either.
    expect(registry.list().every(({ conflict }) => conflict !== undefined)).toBe(true);
    registry.sighted(sightingOf('sensor-2', '10.0.0.7'));
    registry.sighted(sightingOf('sensor-1', '10.0.0.8'));
    expect(registry.list().map(({ id, address, conflict }) => [id, address, conflict])).toEqual([
      ['mdns:arduino/sensor-1', '10.0.0.8', undefined],
      ['mdns:arduino/sensor-2', '10.0.0.7', undefined],
    ]);
  });

  it('follows a device to a new name once the old one is silent', () => {
    const { registry, events, probes } = given();
    const old = sightingOf('factory', '10.0.0.7');
    registry.sighted(old);
    registry.sighted(sightingOf('kitchen', '10.0.0.7', { atMs: 1_010_000 }));
    expect(probes).toEqual(['reconfirm factory']);
    expect(registry.list()).toHaveLength(2);
    registry.lost(lossOf(old, 1_015_000));
    expect(registry.list()).toMatchObject([{ id: 'mdns:arduino/factory', name: 'kitchen', presence: 'present' }]);
    expect(registry.list()[0]?.conflict).toBeUndefined();
    expect(events.filter(({ kind }) => kind === 'merged')).toMatchObject([{ fromId: 'mdns:arduino/kitchen' }]);
    expect(registry.get('mdns:arduino/kitchen')?.id).toBe('mdns:arduino/factory');
  });

  it('knows a device by its new name at once when the old one had gone before', () => {
    const { registry } = given();
    const old = sightingOf('factory', '10.0.0.7');
    registry.sighted(old);
    registry.lost(lossOf(old));
    registry.sighted(sightingOf('kitchen', '10.0.0.7', { atMs: 1_200_000 }));
    expect(registry.list()).toMatchObject([{ id: 'mdns:arduino/factory', name: 'kitchen' }]);
  });

  it('takes a name at an address that was free for long for another device', () => {
    const { registry, names } = given();
    const old = sightingOf('factory', '10.0.0.7');
    registry.sighted(old);
    registry.lost(lossOf(old));
    registry.sighted(sightingOf('kitchen', '10.0.0.7', { atMs: 1_000_000 + 11 * 60_000 }));
    expect(names()).toEqual(['factory', 'kitchen']);
  });

  it('takes a name at the same address for another device when the MAC addresses differ', () => {
    const { registry } = given();
    const old = sightingOf('esp32-aabbcc000001', '10.0.0.7');
    registry.sighted(old);
    registry.lost(lossOf(old));
    registry.sighted(sightingOf('esp32-aabbcc000002', '10.0.0.7'));
    expect(registry.list()).toHaveLength(2);
  });

  it('keeps devices apart that the ARP table knows under one MAC address', () => {
    const { registry } = given({ '10.0.0.7': MAC, '10.0.0.8': MAC });
    registry.setFixed([entryOf('boiler', { mac: MAC })]);
    registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    registry.sighted(sightingOf('sensor-2', '10.0.0.8'));
    expect(registry.list()).toHaveLength(2);
    const macs = registry.list().flatMap(({ mac }) => mac ?? []);
    expect(new Set(macs).size).toBe(macs.length);
  });

  it('gives a MAC address to the device that says it itself, also when that one takes its entry of the fixed list', () => {
    const { registry } = given({ '10.0.0.7': MAC });
    registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    registry.setFixed([entryOf('boiler', { instance: 'esp32-aabbcc000001' })]);
    registry.sighted(sightingOf('esp32-aabbcc000001', 'fd00::1'));
    expect(registry.list().map(({ name, mac }) => [name, mac])).toEqual([
      ['sensor-1', null],
      ['boiler', MAC],
    ]);
  });

  it('marks two devices of one name on two networks and joins neither', () => {
    const { registry, kinds } = given();
    const here = sightingOf('sensor', '10.0.0.7');
    const there = sightingOf('sensor', '172.16.0.7', { localInterface: '172.16.0.1' });
    registry.sighted(here);
    registry.sighted(there);
    registry.sighted(here);
    registry.sighted(there);
    expect(registry.list().map(({ id, address }) => [id, address])).toEqual([
      ['mdns:arduino/sensor', '10.0.0.7'],
      ['mdns:arduino/sensor@172.16.0.1', '172.16.0.7'],
    ]);
    expect(registry.list().every(({ conflict }) => conflict?.includes('"sensor"'))).toBe(true);
    registry.lost(lossOf(here));
    expect(registry.list().map(({ conflict }) => conflict)).toEqual([undefined, undefined]);
    expect(kinds()).toEqual(['seen', 'seen', 'lost']);
  });

  it('finds devices as people name them', () => {
    const { registry } = given();
    registry.sighted(sightingOf('esp32-aabbcc000001', '10.0.0.7', { port: 3232 }));
    for (const text of [`mac:${MAC}`, MAC, 'ESP32-AABBCC000001', '10.0.0.7', '10.0.0.7:3232']) {
      expect(registry.find(text), text).toHaveLength(1);
    }
    expect(registry.find('sensor')).toEqual([]);
  });

  it('comes back from the journal with what it knew', () => {
    const first = given();
    first.registry.setFixed([entryOf('boiler', { address: '10.0.7.31' })]);
    first.registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    const second = given();
    second.registry.restore(first.registry.list());
    second.registry.setFixed([entryOf('boiler', { address: '10.0.7.31' })]);
    expect(second.registry.list().map(({ id, presence }) => [id, presence])).toEqual([
      ['fixed:boiler', 'unknown'],
      ['mdns:arduino/sensor-1', 'away'],
    ]);
    second.registry.sighted(sightingOf('sensor-1', '10.0.0.9', { atMs: 2_000_000 }));
    expect(second.registry.list()).toHaveLength(2);
    expect(second.registry.get('mdns:arduino/sensor-1')).toMatchObject({ address: '10.0.0.9', firstSeenMs: 1_000_000 });
  });
});

describe('the fixed list', () => {
  it('is served before anything is seen', () => {
    const { registry } = given();
    registry.setFixed([entryOf('boiler', { address: '10.0.7.31', port: 8266, chip: 'esp8266', tags: ['basement'] })]);
    expect(registry.list()).toMatchObject([
      {
        id: 'fixed:boiler',
        presence: 'unknown',
        address: '10.0.7.31',
        port: 8266,
        chip: 'esp8266',
        tags: ['basement'],
      },
    ]);
  });

  it.each([
    ['address', { address: '10.0.0.7' }],
    ['instance', { instance: 'ESP32-aabbcc000001' }],
    ['MAC address', { mac: MAC }],
  ])('names the device that is found by its %s', (_, changes) => {
    const { registry } = given();
    registry.setFixed([entryOf('boiler', { ...changes, tags: ['basement'], protocol: 'espota' })]);
    registry.sighted(sightingOf('esp32-aabbcc000001', '10.0.0.7'));
    expect(registry.list()).toMatchObject([
      { name: 'boiler', tags: ['basement'], protocol: 'espota', presence: 'present', address: '10.0.0.7', mac: MAC },
    ]);
    expect(registry.find('boiler')).toHaveLength(1);
  });

  it('names a device by the MAC address that the ARP table knows', () => {
    const { registry } = given({ '10.0.0.7': MAC });
    registry.setFixed([entryOf('boiler', { mac: MAC })]);
    registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    expect(registry.list()).toMatchObject([{ name: 'boiler', presence: 'present', mac: MAC }]);
  });

  it('names devices that are already there, and takes the name back', () => {
    const { registry } = given();
    registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    registry.setFixed([entryOf('boiler', { address: '10.0.0.7', tags: ['basement'] })]);
    expect(registry.list()).toMatchObject([{ id: 'mdns:arduino/sensor-1', name: 'boiler', tags: ['basement'] }]);
    registry.setFixed([]);
    expect(registry.list()).toMatchObject([{ id: 'mdns:arduino/sensor-1', name: 'sensor-1', tags: [] }]);
  });

  it('forgets an entry that was never seen when it is taken out', () => {
    const { registry, kinds } = given();
    registry.setFixed([entryOf('boiler', { address: '10.0.0.7' })]);
    registry.setFixed([]);
    expect(registry.list()).toEqual([]);
    expect(kinds()).toEqual(['removed']);
  });

  it('tells devices on one address apart by port', () => {
    const { registry } = given();
    registry.setFixed([
      entryOf('one', { address: '127.0.0.1', port: 9001 }),
      entryOf('two', { address: '127.0.0.1', port: 9002 }),
    ]);
    registry.sighted(sightingOf('sensor-2', '127.0.0.1', { port: 9002 }));
    registry.sighted(sightingOf('sensor-1', '127.0.0.1', { port: 9001 }));
    expect(registry.list().map(({ name, port, conflict }) => [name, port, conflict])).toEqual([
      ['two', 9002, undefined],
      ['one', 9001, undefined],
    ]);
  });

  it('does not call a stranger at its address by its name', () => {
    const { registry } = given();
    registry.setFixed([entryOf('boiler', { address: '10.0.0.7', mac: 'aa:bb:cc:00:00:99' })]);
    const stranger = sightingOf('esp32-aabbcc000001', '10.0.0.7');
    registry.sighted(stranger);
    expect(registry.list().map(({ name, conflict }) => [name, typeof conflict])).toEqual([
      ['boiler', 'string'],
      ['esp32-aabbcc000001', 'string'],
    ]);
    registry.lost(lossOf(stranger));
    expect(registry.list().map(({ conflict }) => conflict)).toEqual([undefined, undefined]);
  });

  it('chooses none of two entries that fit one device', () => {
    const { registry } = given();
    registry.setFixed([entryOf('boiler', { address: '10.0.0.7' }), entryOf('pump', { instance: 'sensor-1' })]);
    registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    expect(registry.find('sensor-1')).toMatchObject([
      { name: 'sensor-1', conflict: expect.stringContaining('"pump"') },
    ]);
  });
});

describe('announcements', () => {
  const announce = (atMs: number) => sightingOf('sensor-1', '10.0.0.7', { isAnnouncement: true, atMs });

  it('are told once a burst, of a device that was there', () => {
    const { registry, kinds } = given();
    registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    for (let second = 0; second < 8; second += 1) registry.sighted(announce(1_020_000 + second * 1000));
    expect(kinds()).toEqual(['seen', 'announced']);
    for (let second = 0; second < 2; second += 1) registry.sighted(announce(1_060_000 + second * 1000));
    expect(kinds()).toEqual(['seen', 'announced', 'announced']);
  });

  it('of a device that has probed for its names are told at its first word, once a start', () => {
    const { registry, kinds } = given();
    registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    for (const wokeMs of [1_020_000, 1_060_000]) {
      registry.probed({ service: 'arduino', instance: 'sensor-1', localInterface: '10.0.0.1', atMs: wokeMs });
      const before = kinds().length;
      registry.sighted(announce(wokeMs + 250));
      expect(kinds()).toHaveLength(before + 1);
      for (const laterMs of [1_250, 2_250]) registry.sighted(announce(wokeMs + laterMs));
    }
    expect(kinds()).toEqual(['seen', 'announced', 'announced']);
  });

  it('are told for each time that a device wakes up, however briefly it slept', () => {
    const { registry, kinds } = given();
    registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    for (const wokeMs of [1_020_000, 1_025_000, 1_030_000]) {
      for (const laterMs of [0, 600, 1_200]) registry.sighted(announce(wokeMs + laterMs));
    }
    expect(kinds()).toEqual(['seen', 'announced', 'announced', 'announced']);
  });

  it('are proof of return also when the question comes after them', async () => {
    const { registry } = given();
    registry.sighted(sightingOf('sensor-1', '10.0.0.7'));
    registry.sighted(announce(1_020_000));
    registry.sighted(announce(1_021_000));
    const { signal } = new AbortController();
    expect(await registry.expectReturn('mdns:arduino/sensor-1', { afterMs: 1_019_000, signal })).toEqual({
      kind: 'announcement',
      atMs: 1_021_000,
    });
  });

  it('of a start that the device probed for before it was known are no proof of another', async () => {
    const { registry } = given();
    registry.sighted(sightingOf('sensor-1', '10.0.0.7', { isAnnouncement: true, probedMs: 999_500 }));
    const answer = new AbortController();
    const returned = registry.expectReturn('mdns:arduino/sensor-1', { afterMs: 1_003_000, signal: answer.signal });
    for (const atMs of [1_004_000, 1_005_000, 1_006_000]) registry.sighted(announce(atMs));
    registry.probed({ service: 'arduino', instance: 'sensor-1', localInterface: '10.0.0.1', atMs: 1_007_000 });
    registry.sighted(announce(1_008_000));
    expect(await returned).toEqual({ kind: 'announcement', atMs: 1_008_000 });
  });

  it('are no proof when they came before', async () => {
    const { registry, clock } = given();
    registry.sighted(announce(1_020_000));
    registry.sighted(announce(1_021_000));
    const abort = new AbortController();
    const returned = registry.expectReturn('mdns:arduino/sensor-1', { afterMs: 1_021_000, signal: abort.signal });
    abort.abort(new Error('too late'));
    await expect(returned).rejects.toThrow('too late');
    clock.advance(60_000);
  });
});
