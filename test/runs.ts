import fc from 'fast-check';

/**
 * How many times as many values each property is tried with: `PROPERTY_RUNS=50 npx vitest run test/unit`. Without it the values are the
 * same at each run, so that a change is never blamed for what an unlucky draw finds; with it they are new ones each time.
 */
const factor = Number(process.env['PROPERTY_RUNS'] ?? 0);
const usual = 100;

fc.configureGlobal({ numRuns: usual * Math.max(factor, 1), ...(factor > 0 ? {} : { seed: 20_260_920 }) });

/** Another number of values than the usual 100: where each costs much, or rare ones matter. */
export function runs(count: number): { readonly numRuns: number } {
  return { numRuns: count * Math.max(factor, 1) };
}
