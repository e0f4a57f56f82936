import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { keepHeapSmall } from '../src/service/small-heap.ts';
import { setup } from '../test/build-once.ts';
import { benchDropLatency } from './drop-latency.ts';
import { benchFiles } from './files.ts';
import { benchFleet } from './fleet.ts';
import { benchIdle } from './idle.ts';
import { benchLargeFleet } from './large-fleet.ts';
import { benchPlan } from './plan.ts';
import { benchRollout } from './rollout.ts';
import type { BenchRow } from './row.ts';
import { benchSerial } from './serial.ts';
import { benchSlowMotes } from './slow-motes.ts';
import { benchThroughput } from './throughput.ts';
import { benchWake } from './wake.ts';

interface BenchOptions {
  readonly isQuick: boolean;
}

interface Section {
  readonly title: string;
  readonly measure: (options: BenchOptions) => BenchRow[] | Promise<BenchRow[]>;
}

/** docs/bench.md says of each what it measures. */
const SECTIONS: Readonly<Record<string, Section>> = {
  a: { title: 'one device: our client against a lock-step sender', measure: benchThroughput },
  b: { title: 'a fleet through the daemon', measure: benchFleet },
  c: { title: 'from the last byte of a dropped file to the first datagram', measure: benchDropLatency },
  d: { title: 'an idle daemon that knows 50 devices', measure: benchIdle },
  e: { title: 'planning', measure: benchPlan },
  f: { title: 'rollouts of growing fleets, by the job engine alone', measure: benchRollout },
  g: { title: '200 Waspmotes that fetch at once over slow lines', measure: benchSlowMotes },
  h: { title: 'serial ports: against the line, the peers, and many at once', measure: benchSerial },
  i: { title: 'devices that sleep most of the time', measure: benchWake },
  j: { title: 'large files, and what else can happen while they are read', measure: benchFiles },
  k: { title: 'a rollout of a thousand devices over sockets', measure: benchLargeFleet },
};

function readOptions(): BenchOptions & { readonly sections: readonly string[] } {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: Object.keys(SECTIONS).join() },
      quick: { type: 'boolean', default: false },
    },
  });
  const sections = values.only.split(',');
  const unknown = sections.find((name) => SECTIONS[name] === undefined);
  if (unknown !== undefined) throw new RangeError(`"${unknown}" is none of ${Object.keys(SECTIONS).join(', ')}`);
  return { sections, isQuick: values.quick };
}

function lineOf({ what, value, unit, ratio, aim }: BenchRow): string {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  const related = ratio === undefined ? '' : `${ratio.value.toFixed(2)} × ${ratio.of}`;
  const cells = [what.padEnd(56), value.toFixed(digits).padStart(8), unit.padEnd(6), related.padEnd(28), aim ?? ''];
  return `  ${cells.join(' ').trimEnd()}\n`;
}

/** Other work on the machine spoils every figure: the load is part of the result. */
function load(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');
}

setup();
// What is measured in this process runs as it does in the daemon.
keepHeapSmall();
const { sections, isQuick } = readOptions();
process.stdout.write(`${new Date().toISOString()}, Node ${process.versions.node}, load ${load()}\n`);
for (const name of sections) {
  const section = SECTIONS[name];
  if (section === undefined) continue;
  const rows = await section.measure({ isQuick });
  process.stdout.write(`(${name}) ${section.title}; load ${load()}\n${rows.map(lineOf).join('')}`);
}
