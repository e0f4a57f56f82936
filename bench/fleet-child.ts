import type { DeviceSpec } from '../src/simulator/device-spec.ts';
import { type FleetOptions, startFleet } from '../src/simulator/fleet.ts';
import type { DeviceTold, FleetOrder } from './fleet-process.ts';

/** The far end of `fleet-process.ts`: a fleet in a process of its own, told by messages what to do. */
async function obey({ specs, service, timings, staggerMs }: FleetOrder): Promise<void> {
  const tell = (told: DeviceTold): void => void process.send?.(told);
  const options: FleetOptions = {
    service,
    timings,
    onEvent: ({ name }, event) => tell({ device: name, event, atMs: Date.now() }),
  };
  const fleet = await startFleet(specs satisfies readonly DeviceSpec[], options);
  if (staggerMs !== undefined)
    for (const [nth, device] of fleet.devices.entries()) setTimeout(() => device.powerOn(), nth * staggerMs);
  process.send?.({ places: fleet.devices.map(({ name, address, port }) => ({ name, address, port })) });
}

process.once('message', (order: FleetOrder) => void obey(order));
// The parent is gone: so is the fleet.
process.once('disconnect', () => process.exit());
