import type { DeviceSpec } from '../src/simulator/device-spec.ts';
import { sampleImage } from '../src/simulator/sample-image.ts';
import { DaemonSite } from './daemon-site.ts';
import { FleetProcess } from './fleet-process.ts';
import { useOf } from './process-use.ts';
import type { BenchRow } from './row.ts';
import { until } from './until.ts';

const LONGEST_MS = 300_000;

/**
 * Devices that take flash time as real ones do, all at once through the built daemon, against one of them alone through the same
 * daemon: both from the rename of the file to the moment at which the last device has taken it.
 */
export async function benchFleet({ isQuick }: { readonly isQuick: boolean }): Promise<BenchRow[]> {
  const devices = isQuick ? 40 : 200;
  const sizeBytes = (isQuick ? 128 : 512) * 1024;
  const alone = await flashAll(1, sizeBytes);
  const together = await flashAll(devices, sizeBytes);
  const what = `${devices} ESP8266, ${sizeBytes / 1024} KiB`;
  return [
    { what: '1 ESP8266 alone', value: alone.seconds, unit: 's' },
    {
      what,
      value: together.seconds,
      unit: 's',
      ratio: { value: together.seconds / alone.seconds, of: 'one alone' },
      aim: '≤ 1.15',
    },
    { what: `${what}: peak memory of the daemon`, value: together.peakRssMegabytes, unit: 'MB' },
    { what: `${what}: processor time of the daemon`, value: together.cpuSeconds, unit: 's' },
  ];
}

interface Flashed {
  readonly seconds: number;
  readonly peakRssMegabytes: number;
  readonly cpuSeconds: number;
}

async function flashAll(devices: number, sizeBytes: number): Promise<Flashed> {
  const service = `bench${process.pid}n${devices}`;
  const specs = Array.from(
    { length: devices },
    (_, nth): DeviceSpec => ({ name: `${service}-${nth}`, core: 'esp8266', appSpaceBytes: 4 * 1024 * 1024 }),
  );
  await using fleet = await FleetProcess.start({ specs, service, timings: {} });
  await using site = await DaemonSite.open(configOf(service));
  const seen = () => new Set(site.daemon.all('device.seen').map((line) => line['device']));
  await until(() => seen().size === devices, 'every device is seen', 60_000);
  const before = useOf(site.daemon.pid);
  const droppedMs = site.moveIn('bench.bin', sampleImage({ chip: 'esp8266', sizeBytes, version: service }));
  const installed = () => fleet.told.filter(({ event }) => event === 'installed');
  await until(() => installed().length === devices, 'every device has the image', LONGEST_MS);
  const after = useOf(site.daemon.pid);
  return {
    seconds: (Math.max(...installed().map(({ atMs }) => atMs)) - droppedMs) / 1000,
    peakRssMegabytes: after.peakRssMegabytes,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
  };
}

function configOf(service: string): string {
  return `discovery: { mdns: { services: [${service}], interface: 127.0.0.1 } }
limits: { total: 200, per-subnet: 200 }
rules:
  - name: all
    firmware: { file: "*.bin" }
    devices: { name: "*" }
    update: { protocol: espota }
    verify: { proof: accepted }
`;
}
