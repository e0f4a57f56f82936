import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BoardSpec } from '../src/simulator/chip/chips.ts';

const CHILD = fileURLToPath(new URL('./boards-child.ts', import.meta.url));

/** Simulated boards in a process of their own, so that they do not take turns with what is measured. */
export class BoardProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #paths: ReadonlyMap<string, string>;

  private constructor(child: ChildProcess, paths: ReadonlyMap<string, string>) {
    this.#child = child;
    this.#paths = paths;
  }

  static async start(specs: readonly BoardSpec[]): Promise<BoardProcess> {
    const child = fork(CHILD, { stdio: 'inherit' });
    child.send(specs);
    const [{ paths }] = (await once(child, 'message')) as [{ paths: [string, string][] }];
    return new BoardProcess(child, new Map(paths));
  }

  /** The path of a board's port, fresh: the board has no power for a moment and is in its loader when the port is opened. */
  async port(name: string): Promise<string> {
    const path = this.#paths.get(name);
    if (path === undefined) throw new RangeError(`no board "${name}"`);
    this.#child.send(name);
    await once(this.#child, 'message');
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}
