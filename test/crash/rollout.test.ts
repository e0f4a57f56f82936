import { expect, it } from 'vitest';
import { SeededRandom } from './random.ts';
import { rolloutRun } from './rollout-run.ts';

/** A small part of `npm run test:crash -- rollout`. */
it('a rollout whose process is killed ends as it would have', { timeout: 120_000 }, async () => {
  const report = await rolloutRun({ devices: 120, kills: 3, random: new SeededRandom(5) });
  expect(report.violations).toEqual([]);
  expect(report.killed).toBe(3);
  const unknown = report.ledger.get('failed JOB_OUTCOME_UNKNOWN') ?? 0;
  const proven = report.ledger.get('succeeded') ?? 0;
  const lost = report.ledger.get('failed JOB_NOT_RETURNED') ?? 0;
  expect(proven + lost + unknown).toBe(120);
  expect(proven).toBeGreaterThanOrEqual(117 - unknown);
});
