import { type BigIntStats, chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import type { Clock, Timer } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';

/** Owner and group may give commands; nobody else may. */
const SOCKET_MODE = 0o660;

/** How often the socket is looked for: a command that finds none is given again by hand, and a look costs microseconds. */
export const LOOK_EVERY_MS = 10_000;

/** What listens, and where; the caller closes the server. */
export interface ListenerParts {
  readonly server: Server;
  /** A path, or on Windows the name of a pipe. */
  readonly socket: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Keeps a server listening on its socket. One that was deleted under it (a cleaner of temporary files, an administrator) is made again, and
 * what was in its way at the start is waited for. A socket on which somebody else listens is never taken.
 */
export class Listener {
  readonly #parts: ListenerParts;
  readonly #isPipe = process.platform === 'win32';
  /** What tells the socket that was made here from any other under its name. */
  #mark: string | null = null;
  /** What was logged last, so that it is logged once. */
  #trouble: string | null = null;
  #timer: Timer | null = null;
  #looking: Promise<void> = Promise.resolve();
  #isStopping = false;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    // A client that fails is its own trouble.
    parts.server.on('error', () => undefined);
  }

  /** Resolves when it listens, or when it is logged why it does not. */
  start(): Promise<void> {
    this.#looking = this.#look();
    return this.#looking;
  }

  /** Resolves when the server is closed and its socket is gone. */
  async stop(): Promise<void> {
    const { server } = this.#parts;
    this.#isStopping = true;
    this.#timer?.cancel();
    await this.#looking;
    if (!server.listening) return;
    if (!this.#isOurs() && this.#there() !== undefined) {
      // Closing it would remove what stands under its name now (libuv, uv__pipe_close), and that is somebody else's.
      server.unref();
      return;
    }
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async #look(): Promise<void> {
    try {
      await this.#listenAgain();
    } catch (cause) {
      this.#tell(cause);
    }
    if (this.#isStopping) return;
    this.#timer = this.#parts.clock.setTimer(LOOK_EVERY_MS, () => {
      this.#looking = this.#look();
    });
  }

  async #listenAgain(): Promise<void> {
    const { server, socket, log } = this.#parts;
    if (this.#isOurs()) return;
    if (!this.#isPipe) await removeStale(socket);
    if (this.#isStopping) return;
    if (server.listening) {
      log.warn('control.gone', { socket });
      // What is connected stays connected.
      server.close();
    }
    await listen(server, socket, this.#isPipe);
    this.#mark = markOf(this.#there());
    this.#trouble = null;
    log.info('control.ready', { socket });
  }

  #isOurs(): boolean {
    if (!this.#parts.server.listening) return false;
    return this.#isPipe || markOf(this.#there()) === this.#mark;
  }

  /** What stands under the name; undefined where nothing does, or where it cannot be seen. */
  #there(): BigIntStats | undefined {
    try {
      return this.#isPipe ? undefined : lstatSync(this.#parts.socket, { bigint: true });
    } catch {
      return undefined;
    }
  }

  #tell(cause: unknown): void {
    const { socket, log } = this.#parts;
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (reason === this.#trouble) return;
    this.#trouble = reason;
    const error = new FlashError('CONTROL_UNUSABLE', `${socket} cannot be listened on: ${reason}`, { cause });
    log.error('control.failed', { ...error.toJSON() });
  }
}

/** File systems give the number of a deleted file to the next one: its birth tells the two apart. */
function markOf(stats: BigIntStats | undefined): string | null {
  return stats === undefined ? null : `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`;
}

async function listen(server: Server, socket: string, isPipe: boolean): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, () => {
      server.off('error', reject);
      resolve();
    });
    // The file is there when `listen` returns, and nobody is let in before this function does.
    if (!isPipe && server.listening) chmodSync(socket, SOCKET_MODE);
  });
}

/** A socket that nobody listens on was left behind by a crash. Anything else in its place stays, and so does one that cannot be asked. */
async function removeStale(socket: string): Promise<void> {
  const stats = lstatSync(socket, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new Error('another kind of file is there');
  if (await answers(socket)) throw new Error('another process listens there');
  rmSync(socket, { force: true });
}

/** One that is too busy to be connected to (EAGAIN), or that this user may not ask (EACCES), is somebody's still: unix(7), connect(2). */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error) =>
      resolve(!('code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT'))),
    );
  });
}
