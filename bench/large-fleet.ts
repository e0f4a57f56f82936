import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RolloutView } from '../src/jobs/rollout-view.ts';
import { BRISK } from '../src/simulator/cores.ts';
import type { DeviceSpec } from '../src/simulator/device-spec.ts';
import type { Faults } from '../src/simulator/faults.ts';
import { sampleImage } from '../src/simulator/sample-image.ts';
import { runCommand } from '../test/integration/daemon/daemon-process.ts';
import { DaemonSite } from './daemon-site.ts';
import { FleetProcess } from './fleet-process.ts';
import { useOf } from './process-use.ts';
import type { BenchRow } from './row.ts';
import { until } from './until.ts';

const LONGEST_MS = 600_000;
const IMAGE_BYTES = 64 * 1024;
/** Of a hundred devices: two refuse the image, one takes it and never comes back. */
const BAD = new Map<number, Faults>([
  [17, { refusesToBegin: 'space' }],
  [43, { comeback: { kind: 'never' } }],
  [71, { refusesToEnd: 'md5' }],
]);

/**
 * A rollout of a thousand devices over real sockets: each has an address, an OTA port and an mDNS responder on the loopback interface, in
 * one process beside the built daemon. Three in a hundred are bad; a person goes on after each stop, by the command line.
 */
export async function benchLargeFleet({ isQuick }: { readonly isQuick: boolean }): Promise<BenchRow[]> {
  const count = isQuick ? 200 : 1_000;
  const service = `large${process.pid}`;
  const specs = Array.from({ length: count }, (_, nth): DeviceSpec => {
    const faults = BAD.get(nth % 100);
    const name = `${service}-${String(nth).padStart(4, '0')}`;
    return { name, core: 'esp8266', appSpaceBytes: 1024 * 1024, ...(faults === undefined ? {} : { faults }) };
  });
  const bad = specs.filter(({ faults }) => faults !== undefined).length;
  await using fleet = await FleetProcess.start({ specs, service, timings: { ...BRISK, bootMs: 2_000 } });
  const startMs = Date.now();
  await using site = await DaemonSite.open(configOf(service, count / 100));
  const { daemon } = site;
  const seen = () => new Set(daemon.all('device.seen').map((line) => line['device']));
  await until(() => seen().size === count, `${count} devices are seen`, 120_000);
  const seenMs = Date.now();
  const atRest = useOf(daemon.pid);
  site.moveIn('bench.bin', sampleImage({ chip: 'esp8266', sizeBytes: IMAGE_BYTES, version: service }));
  let mostFiles = 0;
  const watch = setInterval(() => {
    mostFiles = Math.max(mostFiles, readdirSync(`/proc/${daemon.pid}/fd`).length);
  }, 200);
  const { stops, view } = await goOn(site).finally(() => clearInterval(watch));
  const endMs = Date.now();
  const after = useOf(daemon.pid);
  check(view, fleet, count, bad);
  const what = `${count.toLocaleString('en-US')} devices`;
  const logBytes = Buffer.byteLength(daemon.output);
  return [
    { what: `${what}: all seen after the start`, value: (seenMs - startMs) / 1000, unit: 's' },
    { what: `${what}: from the drop to the end`, value: (endMs - seenMs) / 1000, unit: 's' },
    { what: `${what}: stops that a person ended`, value: stops, unit: '' },
    { what: `${what}: processor time of the daemon`, value: after.cpuSeconds - atRest.cpuSeconds, unit: 's' },
    { what: `${what}: the same, to see them all`, value: atRest.cpuSeconds, unit: 's' },
    { what: `${what}: peak memory of the daemon`, value: after.peakRssMegabytes, unit: 'MB' },
    { what: `${what}: most files open`, value: mostFiles, unit: '' },
    { what: `${what}: log`, value: logBytes / 1e6, unit: 'MB' },
    { what: `${what}: journal`, value: sizeOf(join(site.home, 'data')) / 1e6, unit: 'MB' },
  ];
}

/** Plays the person, until the rollout is through. */
async function goOn({ daemon, home }: DaemonSite): Promise<{ readonly stops: number; readonly view: RolloutView }> {
  const { release } = await daemon.until('rollout.started');
  const id = String(release);
  const hasEnded = () => daemon.all('rollout.finished').length > 0;
  let stops = 0;
  for (;;) {
    await until(() => daemon.all('rollout.paused').length > stops || hasEnded(), 'a stop or the end', LONGEST_MS);
    if (hasEnded()) break;
    stops += 1;
    const { exitCode, stderr } = await runCommand(['approve', id], { cwd: home });
    if (exitCode !== 0) throw new Error(`approve ended with ${exitCode}: ${stderr}`);
  }
  const { stdout } = await runCommand(['rollout', id, '--json'], { cwd: home });
  return { stops, view: JSON.parse(stdout) as RolloutView };
}

/** What the journal says is what the devices saw. */
function check({ members }: RolloutView, { told }: FleetProcess, count: number, bad: number): void {
  const standing = (name: string) => members.filter((member) => member.standing === name).length;
  const installed = told.filter(({ event }) => event === 'installed').map(({ device }) => device);
  const problems = [
    ...(members.length === count ? [] : [`${members.length} of ${count} devices have a job`]),
    ...(standing('proven') === count - bad ? [] : [`${standing('proven')} proven instead of ${count - bad}`]),
    ...(standing('failed') === bad ? [] : [`${standing('failed')} failed instead of ${bad}`]),
    ...(new Set(installed).size === installed.length ? [] : ['a device took the image twice']),
  ];
  const codes = Object.entries(Object.groupBy(members, ({ code }) => code ?? 'none'));
  if (problems.length > 0) problems.push(codes.map(([code, found]) => `${code} ${found?.length}`).join(', '));
  if (problems.length > 0) throw new Error(problems.join('; '));
}

function sizeOf(data: string): number {
  const files = readdirSync(data).filter((name) => name.startsWith('journal'));
  return files.reduce((sum, name) => sum + statSync(join(data, name)).size, 0);
}

function configOf(service: string, stopAt: number): string {
  return `discovery: { mdns: { services: [${service}], interface: 127.0.0.1 } }
limits: { total: 100, per-subnet: 100 }
rules:
  - name: all
    firmware: { file: "*.bin" }
    devices: { name: "*" }
    update: { protocol: espota, retries: 1 }
    rollout: { canary: 5, waves: [10%, 50%, 100%], soak: 1s, stop-at: { failures: ${stopAt} } }
    verify: { proof: returned, within: 60s }
`;
}
