import type { Writable } from 'node:stream';
import type { StopSignals } from '../service/signals.ts';

/** An output of a command: the process's own, or a test's. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** All that a command may know of the process it runs in. */
export interface Io {
  /** What the command was asked for: text for people, or with `--json` exactly one document. */
  readonly stdout: Output;
  /** Progress, warnings, errors. */
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** What relative paths start from. */
  readonly cwd: string;
  readonly signals: StopSignals;
}
