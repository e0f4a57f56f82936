import { parseArgs } from 'node:util';
import { setup } from '../build-once.ts';
import { crashRollouts, ROLLOUT_USAGE } from './rollout-main.ts';
import { crashRun, type RunReport } from './run.ts';

const USAGE = `usage: npm run test:crash -- [--points N] [--seed N] [--parallel 1|2]\n${ROLLOUT_USAGE}`;
/** Points of one site, one after the other: enough for crashes upon crashes, few enough to look at when something is wrong. */
const POINTS_PER_RUN = 10;

interface Options {
  readonly points: number;
  readonly seed: number;
  readonly parallel: number;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      points: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      parallel: { type: 'string', default: '2' },
    },
  });
  const whole = (text: string, most: number): number => {
    const number = Number(text);
    if (!Number.isInteger(number) || number < 1 || number > most) throw new RangeError(`${text}\n${USAGE}`);
    return number;
  };
  return {
    points: whole(values.points, 100_000),
    seed: whole(values.seed, 2 ** 31),
    parallel: whole(values.parallel, 2),
  };
}

/** Runs until so many points were hit; a point that did not come up does not count. */
async function hitPoints({ points, seed, parallel }: Options): Promise<RunReport[]> {
  const reports: RunReport[] = [];
  let nextRun = 0;
  let hits = 0;
  const worker = async (): Promise<void> => {
    while (hits < points) {
      const run = nextRun;
      nextRun += 1;
      const name = `${run}x${process.pid}`;
      const options = { name, seed: seed * 10_007 + run, firstPoint: run * POINTS_PER_RUN, points: POINTS_PER_RUN };
      const report = await crashRun(options);
      hits += report.killed.length;
      reports.push(report);
      process.stderr.write(`run ${run}: ${report.killed.length} points, ${report.violations.length} violations\n`);
      for (const violation of report.violations) process.stderr.write(`  ${violation}\n`);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return reports;
}

function countAll(labels: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

function table(title: string, counts: ReadonlyMap<string, number>): string {
  const rows = [...counts].sort(([one], [other]) => one.localeCompare(other));
  return [title, ...rows.map(([label, count]) => `  ${label.padEnd(36)}${String(count).padStart(6)}`), ''].join('\n');
}

function sum(maps: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const total = new Map<string, number>();
  for (const [label, count] of maps.flatMap((map) => [...map])) total.set(label, (total.get(label) ?? 0) + count);
  return total;
}

async function crashDaemons(): Promise<boolean> {
  setup();
  const options = readOptions();
  const reports = await hitPoints(options);
  const failed = reports.filter(({ violations }) => violations.length > 0);
  const out = process.stdout;
  out.write(table('killed at', countAll(reports.flatMap(({ killed }) => killed))));
  out.write(table('did not come up', countAll(reports.flatMap(({ missed }) => missed))));
  out.write(table('jobs that ended', sum(reports.map(({ outcomes }) => outcomes))));
  out.write(table('violations', countAll(reports.flatMap(({ violations }) => violations))));
  const points = reports.reduce((total, { killed }) => total + killed.length, 0);
  out.write(`${points} points in ${reports.length} runs, seed ${options.seed}\n`);
  out.write(`${reports.length - failed.length} passed, ${failed.length} failed\n`);
  return failed.length === 0;
}

const [what, ...rest] = process.argv.slice(2);
const isWell = what === 'rollout' ? await crashRollouts(rest) : await crashDaemons();
process.exitCode = isWell ? 0 : 1;
