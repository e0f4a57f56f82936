import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

/** What users run: `test/build-once.ts` has built it. */
const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

/** Nothing here takes long; this is for a machine that does other things as well. */
export const DEADLINE_MS = 60_000;

export type LogLine = Readonly<Record<string, unknown>> & { readonly event: string };

export interface Place {
  readonly cwd: string;
  /** Added to the environment of the tests. */
  readonly env?: Readonly<Record<string, string>>;
}

interface Waiter {
  readonly isIt: (line: LogLine) => boolean;
  readonly resolve: (line: LogLine) => void;
}

/** The built daemon as a child process, heard by its log. */
export class DaemonProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly lines: LogLine[] = [];
  /** All that it wrote on stdout and stderr, as it stands there. */
  output = '';
  errors = '';
  /** The exit code; null where a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly #waiters = new Set<Waiter>();

  constructor(args: readonly string[], { cwd, env }: Place) {
    this.child = spawn(process.execPath, [MAIN, 'run', '--log-format', 'json', ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    createInterface(this.child.stdout).on('line', (text) => this.#hear(text));
    this.child.stderr.on('data', (text: Buffer) => {
      this.errors += text.toString();
    });
    this.exited = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** The first line of this event with these fields, be it written already or not. */
  async until(event: string, fields: Readonly<Record<string, unknown>> = {}): Promise<LogLine> {
    const isIt = (line: LogLine) =>
      line.event === event && Object.entries(fields).every(([name, value]) => isDeepStrictEqual(line[name], value));
    const early = this.lines.find(isIt);
    if (early !== undefined) return early;
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    return await Promise.race([
      new Promise<LogLine>((resolve) => this.#waiters.add({ isIt, resolve })),
      once(deadline, 'abort').then(() => this.#never(event, fields, 'in time')),
      this.exited.then((code) => this.#never(event, fields, `before it ended with ${code}`)),
    ]);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Lines of this event so far. */
  all(event: string): LogLine[] {
    return this.lines.filter((line) => line.event === event);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Asks it to stop; the exit code. */
  async stop(): Promise<number | null> {
    this.signal('SIGTERM');
    return await this.exited;
  }

  /** The end of what it wrote: for the message of a test that fails. */
  latest(): string {
    const log = this.lines.filter(({ event }) => event !== 'job.skipped').slice(-60);
    return `${this.errors}\n${log.map((line) => JSON.stringify(line)).join('\n')}`;
  }

  #hear(text: string): void {
    this.output += `${text}\n`;
    const line = JSON.parse(text) as LogLine;
    this.lines.push(line);
    for (const waiter of this.#waiters) {
      if (!waiter.isIt(line)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(line);
    }
  }

  #never(event: string, fields: unknown, when: string): never {
    throw new Error(`no ${event} ${JSON.stringify(fields)} ${when}\n${this.latest()}`);
  }
}

export interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Any other command of the built program. */
export function runCommand(args: readonly string[], { cwd, env }: Place): Promise<Finished> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      { cwd, env: { ...process.env, ...env }, timeout: 2 * DEADLINE_MS },
      (_error, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}
