import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** One line of the daemon's log. */
export interface LogLine {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The compiled daemon, `dropflash run`, as a child process in a folder that holds its `config.yaml`. */
export class DaemonProcess {
  readonly lines: LogLine[] = [];
  /** Resolves with the exit code, or with null where a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #listeners = new Set<(line: LogLine) => void>();
  #errors = '';

  constructor(home: string, options: readonly string[] = []) {
    this.#child = spawn(process.execPath, [MAIN, 'run', '--log-format', 'json', ...options], {
      cwd: home,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = once(this.#child, 'exit').then(([code]) => code as number | null);
    createInterface(this.#child.stdout).on('line', (text) => this.#note(JSON.parse(text)));
    this.#child.stderr.on('data', (text: Buffer) => {
      this.#errors += text.toString();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it wrote to stderr: nothing, unless something is wrong. */
  get errors(): string {
    return this.#errors;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Calls `listener` for every further line, until the returned function is called. */
  onLine(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves with the first line of this event, also one from before the call. Rejects where the process ends without. */
  async until(event: string): Promise<LogLine> {
    const known = this.lines.find((line) => line.event === event);
    if (known !== undefined) return known;
    const { promise, resolve } = Promise.withResolvers<LogLine>();
    const forget = this.onLine((line) => line.event === event && resolve(line));
    const ended = this.exited.then((code) => {
      throw new Error(`the daemon ended with ${code} before "${event}": ${this.#errors}`);
    });
    try {
      return await Promise.race([promise, ended]);
    } finally {
      forget();
      ended.catch(() => undefined);
    }
  }

  #note(line: LogLine): void {
    this.lines.push(line);
    for (const listener of this.#listeners) listener(line);
  }
}
