import { describe, expect, it } from 'vitest';
import { crashRun } from './run.ts';

/** A few points of the many that `npm run test:crash` hits: three deaths of two daemons each, and the checks at their end. */
const RUNS = [
  { name: 'one', seed: 11, firstPoint: 1, points: 3 },
  { name: 'two', seed: 12, firstPoint: 4, points: 3 },
];

describe('a daemon that is killed', () => {
  it.concurrent.each(RUNS)('keeps its promises, $name', { timeout: 120_000 }, async ({ name, ...rest }) => {
    const report = await crashRun({ name: `${name}x${process.pid}`, ...rest });
    expect(report.violations).toEqual([]);
    expect(report.killed.length).toBeGreaterThan(0);
    expect(report.outcomes.get('succeeded')).toBeGreaterThan(0);
  });
});
