import type { DeviceSpec } from '../src/simulator/device-spec.ts';
import { sampleImage } from '../src/simulator/sample-image.ts';
import { DaemonSite } from './daemon-site.ts';
import { type DeviceTold, FleetProcess } from './fleet-process.ts';
import { type BenchRow, percentile } from './row.ts';
import { until } from './until.ts';

/** A device awake 15 s an hour, its sleep scaled down; what it does while it is awake takes as long as on a device. */
const AWAKE_MS = 3_000;
const STAGGER_MS = 1_000;

/** One wake of one device in which it was to get an image. */
interface Wake {
  /** From its first announcement to the first datagram that reached it; 0 where that was there before it had announced itself. */
  readonly delayMs: number;
  /** Whether it had the image before it slept again. */
  readonly isUpdated: boolean;
}

/** Drops one image after the other for devices that sleep most of the time, one of them waking each second. */
export async function benchWake({ isQuick }: { readonly isQuick: boolean }): Promise<BenchRow[]> {
  const [devices, rounds] = isQuick ? [8, 1] : [24, 4];
  const everyMs = devices * STAGGER_MS;
  const service = `wake${process.pid}`;
  const specs = Array.from(
    { length: devices },
    (_, nth): DeviceSpec => ({
      name: `${service}-${nth}`,
      core: nth % 2 === 0 ? 'esp8266' : 'esp32-md5',
      power: 'off',
      faults: { asleep: { awakeMs: AWAKE_MS, everyMs } },
    }),
  );
  await using fleet = await FleetProcess.start({ specs, service, timings: {}, staggerMs: STAGGER_MS });
  await using site = await DaemonSite.open(configOf(service));
  const seen = () => new Set(site.daemon.all('device.seen').map((line) => line['device']));
  await until(() => seen().size === devices, 'every device is seen', 4 * everyMs);
  const wakes: Wake[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const version = `${round}.0.0`;
    const before = fleet.told.length;
    const droppedMs = site.moveIn(`esp8266-${round}.bin`, sampleImage({ chip: 'esp8266', sizeBytes: 40_000, version }));
    site.moveIn(`esp32-${round}.bin`, sampleImage({ chip: 'esp32', sizeBytes: 40_000, version }));
    const told = () => fleet.told.slice(before);
    const installed = () => told().filter(({ event }) => event === 'installed');
    await until(() => installed().length === devices, 'every device has the image', 10 * everyMs);
    await until(() => site.daemon.all('job.succeeded').length === round * devices, 'every job is done', 10 * everyMs);
    for (const { name } of specs) wakes.push(...firstWake(told(), name, droppedMs));
  }
  const delays = wakes.map(({ delayMs }) => delayMs);
  const updated = wakes.filter(({ isUpdated }) => isUpdated).length;
  const of = `${devices} devices, ${wakes.length} wakes`;
  return [
    { what: `${of}: announcement to first datagram, p50`, value: percentile(delays, 0.5), unit: 'ms', aim: '< 250 ms' },
    { what: `${of}: the same, p99`, value: percentile(delays, 0.99), unit: 'ms', aim: '< 250 ms' },
    { what: `${of}: updated in the first`, value: (100 * updated) / wakes.length, unit: '%', aim: '100 %' },
  ];
}

/** The first whole wake of a device after the drop; none where it got the image in the one in which it was dropped. */
function firstWake(told: readonly DeviceTold[], name: string, droppedMs: number): Wake[] {
  const own = told.filter(({ device, atMs }) => device === name && atMs > droppedMs);
  const online = own.findIndex(({ event }) => event === 'online');
  const installed = own.findIndex(({ event }) => event === 'installed');
  if (online === -1 || installed < online) return [];
  const wake = own.slice(online + 1);
  const end = wake.findIndex(({ event }) => event === 'offline');
  const during = end === -1 ? wake : wake.slice(0, end);
  const at = (event: DeviceTold['event']) =>
    during.find((one) => one.event === event)?.atMs ?? Number.POSITIVE_INFINITY;
  const invitedMs = at('invited');
  const delayMs = Number.isFinite(invitedMs) ? Math.max(0, invitedMs - Math.min(at('announced'), invitedMs)) : AWAKE_MS;
  return [{ delayMs, isUpdated: Number.isFinite(at('installed')) }];
}

function configOf(service: string): string {
  const ruleFor = (chip: string) => `  - name: ${chip}
    firmware: { file: "${chip}-*.bin" }
    devices: { name: "*" }
    update: { protocol: espota }
    verify: { proof: accepted }
    allow: [chip-unknown]
`;
  return `discovery: { mdns: { services: [${service}], interface: 127.0.0.1 } }
limits: { total: 200, per-subnet: 200 }
rules:
${ruleFor('esp8266')}${ruleFor('esp32')}`;
}
