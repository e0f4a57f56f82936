import { SeededRandom } from '../test/crash/random.ts';
import { rolloutRun } from '../test/crash/rollout-run.ts';
import type { BenchRow } from './row.ts';

/**
 * The job engine alone, with its journal in memory and a clock that jumps: what a rollout of so many devices costs from the drop to the last
 * result, three in a hundred of them bad, stops and a person who goes on included.
 */
export async function benchRollout({ isQuick }: { readonly isQuick: boolean }): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  let first: number | null = null;
  for (const devices of isQuick ? [100, 1_000] : [100, 1_000, 5_000]) {
    const { end, violations } = await rolloutRun({ devices, kills: 0, random: new SeededRandom(1) });
    if (violations.length > 0) throw new Error(violations.join('\n'));
    const eachMs = end.cpuMs / devices;
    first ??= eachMs;
    const what = `${devices.toLocaleString('en-US')} devices`;
    rows.push(
      { what: `${what}: processor time`, value: end.cpuMs / 1000, unit: 's' },
      {
        what: `${what}: each`,
        value: eachMs,
        unit: 'ms',
        ratio: { value: eachMs / first, of: 'one of the first hundred' },
      },
      { what: `${what}: peak memory`, value: end.peakRssMegabytes, unit: 'MB' },
    );
  }
  return rows;
}
