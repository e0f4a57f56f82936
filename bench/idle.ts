import { setTimeout as pause } from 'node:timers/promises';
import { BRISK } from '../src/simulator/cores.ts';
import type { DeviceSpec } from '../src/simulator/device-spec.ts';
import { DaemonSite } from './daemon-site.ts';
import { FleetProcess } from './fleet-process.ts';
import { useOf } from './process-use.ts';
import type { BenchRow } from './row.ts';
import { until } from './until.ts';

const DEVICES = 50;
/** After the announcements of the devices' starts and the daemon's first questions. */
const CALM_MS = 15_000;

/** A daemon that has nothing to do but to keep an eye on its devices by mDNS. */
export async function benchIdle({ isQuick }: { readonly isQuick: boolean }): Promise<BenchRow[]> {
  const watchMs = isQuick ? 5_000 : 30_000;
  const service = `bench${process.pid}idle`;
  const specs = Array.from(
    { length: DEVICES },
    (_, nth): DeviceSpec => ({ name: `${service}-${nth}`, core: 'esp8266' }),
  );
  await using _fleet = await FleetProcess.start({ specs, service, timings: BRISK });
  await using site = await DaemonSite.open(configOf(service));
  const seen = () => new Set(site.daemon.all('device.seen').map((line) => line['device']));
  await until(() => seen().size === DEVICES, 'every device is seen', 30_000);
  await pause(isQuick ? 3_000 : CALM_MS);
  const before = useOf(site.daemon.pid);
  await pause(watchMs);
  const after = useOf(site.daemon.pid);
  const busy = (after.cpuSeconds - before.cpuSeconds) / (watchMs / 1000);
  return [
    { what: 'memory (resident)', value: after.rssMegabytes, unit: 'MB', aim: '< 90 MB' },
    { what: `processor, over ${watchMs / 1000} s`, value: busy * 100, unit: '%', aim: '< 0.5 % of a core' },
  ];
}

function configOf(service: string): string {
  return `discovery: { mdns: { services: [${service}], interface: 127.0.0.1 } }
rules:
  - name: all
    firmware: { file: "*.bin" }
    devices: { name: "*" }
    update: { protocol: espota }
`;
}
