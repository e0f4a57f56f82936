import { parseArgs } from 'node:util';
import { SeededRandom } from './random.ts';
import { type RolloutReport, rolloutRun } from './rollout-run.ts';

export const ROLLOUT_USAGE = 'usage: npm run test:crash -- rollout [--devices N] [--kills N] [--seed N]\n';

/** A rollout without a crash, and then one whose process is killed again and again at random points: they must end alike. Returns whether they do. */
export async function crashRollouts(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      devices: { type: 'string', default: '1000' },
      kills: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
    },
  });
  const [devices, kills, seed] = [values.devices, values.kills, values.seed].map(wholeNumber) as [
    number,
    number,
    number,
  ];
  const random = new SeededRandom(seed);
  const whole = await rolloutRun({ devices, kills: 0, random });
  process.stdout.write(table(`${devices} devices, no kill`, whole));
  let violations = whole.violations.length;
  // A rollout may be done before its last kill is due: then another one takes the rest.
  for (let left = kills; left > 0; ) {
    const report = await rolloutRun({ devices, kills: left, random });
    left -= report.killed;
    violations += report.violations.length;
    process.stdout.write(table(`${devices} devices, ${report.killed} kills, seed ${seed}`, report));
  }
  process.stdout.write(`${violations} violations\n`);
  return violations === 0;
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 100_000) throw new RangeError(`${text}\n${ROLLOUT_USAGE}`);
  return number;
}

function table(title: string, { ledger, stops, violations, end }: RolloutReport): string {
  const jobs = [...ledger].sort(([one], [other]) => one.localeCompare(other));
  return [
    title,
    ...jobs.map(([label, count]) => `  ${label.padEnd(36)}${String(count).padStart(6)}`),
    ...stops.map(({ stage, reason }) => `  stopped at stage ${stage}: ${reason}`),
    `  last process: ${end.wallMs} ms, ${end.cpuMs} ms of processor time, ${end.peakRssMegabytes} MB`,
    ...violations.map((violation) => `  VIOLATION ${violation}`),
    '',
  ].join('\n');
}
