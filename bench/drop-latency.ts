import { BRISK, CORE_FACTS, type Core } from '../src/simulator/cores.ts';
import { sampleImage } from '../src/simulator/sample-image.ts';
import { DaemonSite } from './daemon-site.ts';
import { FleetProcess } from './fleet-process.ts';
import { type BenchRow, percentile } from './row.ts';
import { until } from './until.ts';

const CORES: readonly Core[] = ['esp8266', 'esp32-md5'];
/** Not a whole number of sectors: there a signature could follow, and the daemon waits for it. */
const IMAGE_BYTES = 400_000;
const LONGEST_MS = 20_000;

const WAYS = {
  'renamed into place': { aim: 'p50 < 50 ms', put: 'moveIn' },
  'written in place': { aim: 'p50 < 250 ms', put: 'write' },
} as const;

/** Drops one image after the other and waits, each time, for the first datagram that reaches the device. */
export async function benchDropLatency({ isQuick }: { readonly isQuick: boolean }): Promise<BenchRow[]> {
  const rounds = isQuick ? 5 : 30;
  const rows: BenchRow[] = [];
  for (const core of CORES) {
    for (const [way, { aim, put }] of Object.entries(WAYS)) {
      const times = await dropOften(core, put, rounds);
      const what = `${CORE_FACTS[core].chip.toUpperCase()} image, ${way}`;
      rows.push({ what: `${what}, p50 of ${rounds}`, value: percentile(times, 0.5), unit: 'ms', aim });
      rows.push({ what: `${what}, p99`, value: percentile(times, 0.99), unit: 'ms' });
    }
  }
  return rows;
}

async function dropOften(core: Core, put: 'write' | 'moveIn', rounds: number): Promise<number[]> {
  const name = `latency-${process.pid}-${core}`;
  const specs = [{ name, core, mdns: false }];
  await using fleet = await FleetProcess.start({ specs, service: 'none', timings: BRISK });
  const { address, port } = fleet.place(name);
  const { chip } = CORE_FACTS[core];
  await using site = await DaemonSite.open(configOf({ name, address, port, chip }));
  const count = (event: string) => fleet.told.filter((told) => told.event === event).length;
  const ended = () => site.daemon.all('job.succeeded').length;
  const times: number[] = [];
  for (let nth = 1; nth <= rounds; nth += 1) {
    const bytes = sampleImage({ chip, sizeBytes: IMAGE_BYTES, version: `${put} ${nth}` });
    const writtenMs = site[put](`image-${nth}.bin`, bytes);
    await until(() => count('invited') === nth, 'the invitation', LONGEST_MS);
    times.push((fleet.told.findLast(({ event }) => event === 'invited')?.atMs ?? Number.NaN) - writtenMs);
    // Ready for the next one when the job is done and the device has started anew.
    await until(() => ended() === nth && count('online') === nth, 'the end of the update', LONGEST_MS);
  }
  return times;
}

function configOf(device: { name: string; address: string; port: number; chip: string }): string {
  return `discovery: { mdns: false }
devices: [${JSON.stringify(device)}]
rules:
  - name: all
    firmware: { file: "*.bin" }
    devices: { name: "*" }
    update: { protocol: espota }
    verify: { proof: accepted }
`;
}
