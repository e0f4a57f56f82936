import { createSocket } from 'node:dgram';
import { type Clock, systemClock } from '../clock.ts';
import { type Logger, silentLogger } from '../log.ts';
import type { Timings } from './cores.ts';
import { SimulatedDevice, type Surroundings } from './device.ts';
import type { DeviceEvent, DeviceSpec } from './device-spec.ts';
import { MdnsResponder } from './mdns-responder.ts';

/** What all devices of a fleet have in common. */
export interface FleetOptions {
  readonly log?: Logger;
  readonly clock?: Clock;
  /** From 0 up to 1; spreads the mDNS answers. */
  readonly random?: () => number;
  /** mDNS service type, without underscore and domain. Default: `arduino`. */
  readonly service?: string;
  /** For all devices; a device's own go first. Default: as slow as real devices; `BRISK` is for tests. */
  readonly timings?: Partial<Timings>;
  readonly onEvent?: (device: SimulatedDevice, event: DeviceEvent) => void;
}

/** Pretend devices that are on until they are stopped. */
export interface Fleet {
  /** In the order of their specs. */
  readonly devices: readonly SimulatedDevice[];
  /** By name; throws where there is none of that name. */
  device(name: string): SimulatedDevice;
  /** All devices off, all ports free. Safe to call twice. */
  stop(): Promise<void>;
}

const ONLY_ADDRESS = '127.0.0.1';
/** Where the fleet looks for addresses of its own: 127.64.0.1 and up, one for each device. */
const OWN_NETWORK = '127.64';
const OWN_ADDRESSES = 254 * 254;

/**
 * Pretend devices in this process, on the loopback interface. A device without an address gets one of its own, with the OTA
 * port of its core; where the system has only 127.0.0.1 (macOS), it gets a port of its own.
 *
 * Rejects with the system's error when an address, a port or port 5353 cannot be had; nothing stays open then.
 */
export async function startFleet(specs: readonly DeviceSpec[], options: FleetOptions = {}): Promise<Fleet> {
  const { clock = systemClock, random = Math.random, log = silentLogger, service = 'arduino' } = options;
  const needsMdns = specs.some(({ mdns }) => mdns !== false);
  const responder = needsMdns ? await MdnsResponder.open({ clock, random }) : null;
  const around: Surroundings = { clock, log, responder, service, onEvent: options.onEvent ?? (() => undefined) };
  const devices: SimulatedDevice[] = [];
  const stop = once(async () => {
    await Promise.all(devices.map((device) => device.close()));
    await responder?.close();
  });
  try {
    const nextAddress = (await hasWholeLoopback()) ? ownAddresses() : null;
    for (const spec of specs) {
      const timings = { ...options.timings, ...spec.timings };
      devices.push(await makeDevice({ ...spec, timings }, around, nextAddress));
    }
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { devices, device: (name) => deviceOf(devices, name), stop };
}

function deviceOf(devices: readonly SimulatedDevice[], name: string): SimulatedDevice {
  const found = devices.find((device) => device.name === name);
  if (found === undefined) throw new RangeError(`the fleet has no device "${name}"`);
  return found;
}

async function makeDevice(
  spec: DeviceSpec,
  around: Surroundings,
  addresses: Iterator<string> | null,
): Promise<SimulatedDevice> {
  const { address } = spec;
  if (address !== undefined) return SimulatedDevice.make({ ...spec, address }, around);
  if (addresses === null) return SimulatedDevice.make({ port: 0, ...spec, address: ONLY_ADDRESS }, around);
  for (;;) {
    const next = addresses.next();
    if (next.done) throw new RangeError('the loopback network has no address left for another device');
    try {
      return await SimulatedDevice.make({ ...spec, address: next.value }, around);
    } catch (cause) {
      // Another fleet on this machine has that one.
      if (!isAddressInUse(cause)) throw cause;
    }
  }
}

function* ownAddresses(): Generator<string> {
  for (let nth = 0; nth < OWN_ADDRESSES; nth += 1) {
    yield `${OWN_NETWORK}.${Math.floor(nth / 254)}.${(nth % 254) + 1}`;
  }
}

function isAddressInUse(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
}

/** Linux and Windows answer on all of 127.0.0.0/8, macOS on 127.0.0.1 only. */
function hasWholeLoopback(): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createSocket('udp4');
    const settle = (isThere: boolean) => probe.close(() => resolve(isThere));
    probe.once('error', () => settle(false));
    probe.bind({ address: `${OWN_NETWORK}.0.1`, port: 0, exclusive: true }, () => settle(true));
  });
}

function once(act: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => {
    running ??= act();
    return running;
  };
}
