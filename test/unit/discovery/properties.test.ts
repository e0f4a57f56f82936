import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readResponse } from '../../../src/discovery/dns-message.ts';
import { RecordCache } from '../../../src/discovery/record-cache.ts';
import { DeviceRegistry } from '../../../src/discovery/registry.ts';
import type { RegistryEvent } from '../../../src/discovery/registry-event.ts';
import { silentLogger } from '../../../src/log.ts';
import { runs } from '../../runs.ts';
import { manualClock } from '../service/manual-clock.ts';
import { entryOf, sightingOf } from './given.ts';

const NAMES = ['a', 'b', 'A', 'esp32-aabbcc000001', 'esp32-aabbcc000002', 'esp8266-c0ffee', 'x.y'];
const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1'];
const MACS = ['aa:bb:cc:00:00:01', 'aa:bb:cc:00:00:02', 'aa:bb:cc:00:00:03'];
const INTERFACES = ['10.0.0.250', '10.0.1.250'];

const step = fc.oneof(
  fc.record({
    do: fc.constant('see' as const),
    instance: fc.constantFrom(...NAMES),
    address: fc.constantFrom(...ADDRESSES),
    service: fc.constantFrom('arduino', 'http'),
    localInterface: fc.constantFrom(...INTERFACES),
    port: fc.constantFrom(80, 8266),
    isAnnouncement: fc.boolean(),
    arp: fc.option(fc.constantFrom(...MACS)),
  }),
  fc.record({
    do: fc.constant('lose' as const),
    instance: fc.constantFrom(...NAMES),
    service: fc.constantFrom('arduino', 'http'),
    localInterface: fc.constantFrom(...INTERFACES),
  }),
  fc.record({
    do: fc.constant('fix' as const),
    entries: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('boiler', 'pump'),
        address: fc.option(fc.constantFrom(...ADDRESSES)),
        mac: fc.option(fc.constantFrom(...MACS)),
        instance: fc.option(fc.constantFrom(...NAMES)),
      }),
      { selector: ({ name }) => name },
    ),
  }),
  fc.record({ do: fc.constant('restart' as const) }),
);

/** A registry that goes through the steps; `check` is called after each. */
function run(
  steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[],
  check: (registry: DeviceRegistry) => void,
) {
  let arp: string | null = null;
  const ids = new Set<string>();
  const create = () => {
    const registry = new DeviceRegistry({
      clock: manualClock(),
      log: silentLogger,
      services: ['arduino', 'http'],
      macOf: () => arp,
    });
    registry.subscribe((event: RegistryEvent) => {
      if (event.kind === 'removed') ids.delete(event.device.id);
      else ids.add(event.device.id);
    });
    return registry;
  };
  let registry = create();
  for (const [index, action] of steps.entries()) {
    const atMs = 1_000_000 + index * 20_000;
    switch (action.do) {
      case 'see': {
        const { address, instance, do: _, arp: mac, ...changes } = action;
        arp = mac;
        registry.sighted(sightingOf(instance, address, { ...changes, atMs }));
        break;
      }
      case 'lose': {
        const { instance, service, localInterface } = action;
        registry.lost({ instance, service, localInterface, reason: 'expired', atMs });
        break;
      }
      case 'fix':
        registry.setFixed(action.entries.map(({ name, ...changes }) => entryOf(name, changes)));
        break;
      case 'restart': {
        const kept = registry.list();
        registry = create();
        registry.restore(kept);
        break;
      }
    }
    check(registry);
  }
  return { registry, ids };
}

describe('whatever is seen, in whatever order', () => {
  it('no two devices share an id, a key or a MAC address', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        run(steps, (registry) => {
          const devices = registry.list();
          for (const values of [
            devices.map(({ id }) => id),
            devices.flatMap(({ keys }) => keys),
            devices.flatMap(({ mac }) => mac ?? []),
          ]) {
            expect(values.toSorted()).toEqual([...new Set(values)].toSorted());
          }
        });
      }),
      runs(150),
    );
  });

  it('an id that was told finds a device for ever, unless it was taken out of the fixed list', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { registry, ids } = run(
          steps.filter((action) => action.do !== 'fix'),
          () => undefined,
        );
        for (const id of ids) expect(registry.get(id), id).not.toBeNull();
      }),
      runs(150),
    );
  });

  it('a live device has its address, and what is not live is not present', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        run(steps, (registry) => {
          for (const device of registry.list()) {
            if (device.presence !== 'present') continue;
            expect(device.address).not.toBeNull();
            expect(device.port).not.toBeNull();
          }
        });
      }),
      runs(100),
    );
  });
});

describe('whatever a packet holds', () => {
  const name = fc.oneof(
    fc.constantFrom(
      '_arduino._tcp.local',
      'a._arduino._tcp.local',
      '._arduino._tcp.local',
      'a..b._arduino._tcp.local',
      'a.local',
      '.',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  );
  const record = fc.record({
    name,
    type: fc.constantFrom('PTR', 'SRV', 'TXT', 'A', 'AAAA', 'OPT'),
    class: fc.constant('IN'),
    ttl: fc.constantFrom(0, 1, 120, 4500, 2 ** 32 - 1),
    flush: fc.boolean(),
    data: fc.oneof(
      name,
      fc.constantFrom('10.0.0.7', 'fd00::7', '0.0.0.0'),
      fc.record({ target: name, port: fc.nat(65_535) }),
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }),
      fc.anything(),
    ),
  });
  const packet = fc.record({
    answers: fc.array(record, { maxLength: 8 }),
    additionals: fc.array(record, { maxLength: 8 }),
  });

  it('the cache stays within its limits, asks no question that cannot be encoded, and always comes to rest', () => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 10 }), (packets) => {
        const limits = { total: 4, perSource: 3 };
        const cache = new RecordCache({ services: ['arduino'], isPlausible: () => true, random: () => 0.5, limits });
        let nowMs = 0;
        for (const bytes of packets) {
          nowMs += 300;
          const { questions } = cache.observe(readResponse(bytes), '10.0.0.7', nowMs);
          expect(cache.size).toBeLessThanOrEqual(limits.perSource);
          for (const question of questions) expect(question.name.split('.')).not.toContain('');
        }
        for (let turns = 0; cache.nextDueMs < Number.POSITIVE_INFINITY; turns += 1) {
          expect(turns).toBeLessThan(500);
          nowMs = Math.max(nowMs + 1, cache.nextDueMs);
          cache.tick(nowMs);
        }
        expect(cache.size).toBe(0);
      }),
      runs(300),
    );
  });
});
