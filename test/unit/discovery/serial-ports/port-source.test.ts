import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/clock.ts';
import { DeviceRegistry } from '../../../../src/discovery/registry.ts';
import type { RegistryEvent } from '../../../../src/discovery/registry-event.ts';
import type { PortLister } from '../../../../src/discovery/serial-ports/port-listing.ts';
import { PortSource, systemPorts } from '../../../../src/discovery/serial-ports/port-source.ts';
import { listSysfsPorts } from '../../../../src/discovery/serial-ports/sysfs.ts';
import { type LogFields, type Logger, silentLogger } from '../../../../src/log.ts';
import { BENCH, buildSysfs, unplug } from '../../../fixtures/ports/linux.ts';
import { WINDOWS } from '../../../fixtures/ports/listings.ts';

const DEADLINE_MS = 60_000;

let root = '';
let source: PortSource | null = null;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dropflash-ports-'));
});
afterEach(async () => {
  await source?.stop();
  rmSync(root, { recursive: true });
});

function watchPorts(list: PortLister = () => listSysfsPorts(root)) {
  const warnings: LogFields[] = [];
  const log: Logger = { ...silentLogger, warn: (_, fields = {}) => warnings.push(fields) };
  const registry = new DeviceRegistry({ clock: systemClock, log, services: [], macOf: () => null });
  const events: RegistryEvent[] = [];
  registry.subscribe((event) => events.push(event));
  const times = { settleMs: 20, returnMs: 200 };
  source = new PortSource({ list, listener: registry, clock: systemClock, log, pollMs: 10, times });
  source.start();
  return { registry, events, warnings };
}

async function until(what: string, isThere: () => boolean): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  while (!isThere()) {
    if (performance.now() > endMs) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('boards on USB ports', () => {
  it('become devices of the registry, each by its socket', async () => {
    buildSysfs(root, BENCH);
    const { registry, events } = watchPorts();
    await until('nine boards', () => registry.list().length === 9);
    expect(registry.get('usb:1-2')).toMatchObject({
      name: 'usb:1-2',
      mac: '60:55:f9:7a:10:2c',
      presence: 'present',
      address: null,
      serial: { path: '/dev/ttyACM0', usb: { vendorId: 0x303a, location: '1-2' } },
    });
    expect(registry.find('/dev/ttyUSB2').map(({ id }) => id)).toEqual(['usb:1-1.4.2']);
    // Not the modem.
    expect(registry.list().some(({ serial }) => serial?.path === '/dev/ttyUSB6')).toBe(false);
    expect(events.filter(({ kind }) => kind === 'seen')).toHaveLength(9);
  });

  it('are lost when they are pulled out, and come back to their slot', async () => {
    const [board] = BENCH;
    if (board === undefined) throw new Error('an empty bench');
    buildSysfs(root, [board]);
    const { registry, events } = watchPorts();
    await until('the board', () => registry.get('usb:1-1.1')?.presence === 'present');
    unplug(root, board);
    await until('its loss', () => registry.get('usb:1-1.1')?.presence === 'away');
    rmSync(root, { recursive: true });
    buildSysfs(root, [{ ...board, name: 'ttyUSB7' }]);
    await until('its return', () => registry.get('usb:1-1.1')?.presence === 'present');
    expect(registry.get('usb:1-1.1')?.serial?.path).toBe('/dev/ttyUSB7');
    const told = events.flatMap((event) => {
      if (event.kind === 'seen') return [event.why];
      return event.kind === 'lost' ? [event.reason] : [];
    });
    expect(told).toEqual(['new', 'unplugged', 'back']);
  });

  it('are looked for at once when there is a hint', async () => {
    let look = (): void => undefined;
    let looks = 0;
    const registry = new DeviceRegistry({ clock: systemClock, log: silentLogger, services: [], macOf: () => null });
    let isStopped = false;
    const hints = (wake: () => void) => {
      look = wake;
      return () => {
        isStopped = true;
      };
    };
    const list = async () => {
      looks++;
      return [];
    };
    source = new PortSource({
      list,
      hints,
      listener: registry,
      clock: systemClock,
      log: silentLogger,
      pollMs: 3_600_000,
    });
    source.start();
    source.start();
    await until('the first look', () => looks === 1);
    look();
    await until('the second look', () => looks === 2);
    await source.stop();
    await source.stop();
    expect([looks, isStopped]).toEqual([2, true]);
  });

  it('stay as they were while the system cannot list them, which is said once', async () => {
    buildSysfs(root, BENCH.slice(0, 1));
    let isBroken = false;
    let failures = 0;
    const list: PortLister = async () => {
      if (!isBroken) return listSysfsPorts(root);
      failures++;
      throw new Error('spawn udevadm ENOENT');
    };
    const { registry, warnings } = watchPorts(list);
    await until('the board', () => registry.list().length === 1);
    isBroken = true;
    await until('three failures', () => failures >= 3);
    expect(registry.list()[0]?.presence).toBe('present');
    expect(warnings).toMatchObject([{ code: 'DISCOVERY_PORTS_FAILED' }]);
  });

  it('are known after a restart, and away until they are seen', async () => {
    buildSysfs(root, BENCH.slice(0, 1));
    const first = watchPorts();
    await until('the board', () => first.registry.list().length === 1);
    const kept = JSON.parse(JSON.stringify(first.registry.list()));
    await source?.stop();
    const registry = new DeviceRegistry({ clock: systemClock, log: silentLogger, services: [], macOf: () => null });
    registry.restore(kept);
    expect(registry.list()).toMatchObject([{ id: 'usb:1-1.1', presence: 'away', serial: { path: '/dev/ttyUSB0' } }]);
  });

  it('are lost once, and only if they were there', () => {
    const registry = new DeviceRegistry({ clock: systemClock, log: silentLogger, services: [], macOf: () => null });
    const kinds: string[] = [];
    registry.subscribe(({ kind }) => kinds.push(kind));
    const port = { path: '/dev/ttyUSB0', usb: null };
    registry.portLost('usb:1-1');
    registry.portSeen({ via: 'usb', slot: 'usb:1-1', port, mac: null, atMs: 1 });
    registry.portLost('usb:1-1');
    registry.portLost('usb:1-1');
    expect(kinds).toEqual(['changed', 'seen', 'changed', 'lost']);
  });

  it('of systems without sysfs come from their own list', async () => {
    const { list } = systemPorts('win32', async () => WINDOWS);
    expect((await list()).map(({ path }) => path)).toEqual(['COM3', 'COM5', 'COM7', 'COM9']);
  });
});
