import { type Clock, systemClock } from '../../clock.ts';
import { SimulatedPycom } from './pycom-device.ts';
import type { PycomSpec, PycomTimings } from './pycom-spec.ts';

/** Pretend modules that are on until they are stopped. */
export interface PycomFleet {
  /** In the order of their specs. */
  readonly devices: readonly SimulatedPycom[];
  /** By name; throws where there is none of that name. */
  device(name: string): SimulatedPycom;
  stop(): Promise<void>;
}

/** 127.65.0.1 and up, one for each. */
const OWN_NETWORK = '127.65';
const OWN_ADDRESSES = 254 * 254;

/**
 * Pretend modules in this process. Rejects with the system's error where an address cannot be had.
 */
export async function startPycoms(
  specs: readonly PycomSpec[],
  options: { readonly clock?: Clock; readonly timings?: Partial<PycomTimings> } = {},
): Promise<PycomFleet> {
  const { clock = systemClock } = options;
  const devices: SimulatedPycom[] = [];
  const stop = async () => void (await Promise.all(devices.map((device) => device.close())));
  const addresses = ownAddresses();
  try {
    for (const spec of specs) {
      const timings = { ...options.timings, ...spec.timings };
      devices.push(await makeDevice({ ...spec, timings }, addresses, clock));
    }
  } catch (cause) {
    await stop();
    throw cause;
  }
  const device = (name: string) => {
    const found = devices.find((candidate) => candidate.name === name);
    if (found === undefined) throw new RangeError(`there is no module "${name}"`);
    return found;
  };
  return { devices, device, stop };
}

async function makeDevice(spec: PycomSpec, addresses: Iterator<string>, clock: Clock): Promise<SimulatedPycom> {
  const { address = addresses.next().value, ftpPort = 0, telnetPort = 0 } = spec;
  return SimulatedPycom.make(spec, { address, ftpPort, telnetPort }, clock);
}

/** From a place of this process on: each fleet of a machine has its own. */
function* ownAddresses(): Generator<string, string> {
  const start = process.pid % OWN_ADDRESSES;
  for (let nth = 0; nth < OWN_ADDRESSES; nth += 1) {
    const place = (start + nth) % OWN_ADDRESSES;
    yield `${OWN_NETWORK}.${Math.floor(place / 254)}.${(place % 254) + 1}`;
  }
  throw new RangeError('the loopback network has no address left for another module');
}
