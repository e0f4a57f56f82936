import { setFlagsFromString } from 'node:v8';

/**
 * A daemon rests for months and never computes for long, so V8 is to stay small rather than to be fast. What each flag saves at rest is in
 * docs/bench.md, (d). It has to be said before anything else is loaded.
 */
const FLAGS = [
  // The young generation alone grows to 16 MB without these two.
  '--semi-space-growth-factor=1',
  '--optimize-for-size',
  // Turbofan, the last and largest compiler, is for loops that run on: a plan for a large fleet gets it at once. By default the names of
  // loaded files suffice, and all of it is in memory from then on.
  '--invocation-count-for-turbofan=100000',
  '--invocation-count-for-osr=20000',
];

/** Has V8 keep its memory small, from now on. */
export function keepHeapSmall(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}
