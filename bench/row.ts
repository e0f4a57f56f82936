/** One line of the table that `npm run bench` prints. */
export interface BenchRow {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** The same in relation to a peer or a limit that was measured in the same run. */
  readonly ratio?: { readonly value: number; readonly of: string };
  /** What is aimed at, for people. */
  readonly aim?: string;
}

/** The value below which `share` of all values lie, by the nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
