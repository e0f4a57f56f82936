import { createServer, type Server, type Socket } from 'node:net';

/**
 * A server that serves one client at a time. The system accepts the connections of others, and nobody speaks to them until the first is
 * gone.
 */
export class Turnstile {
  readonly #serve: (socket: Socket) => void;
  readonly #isBlocked: boolean;
  readonly #waiting: Socket[] = [];
  #server: Server | null = null;
  #current: Socket | null = null;

  /** `isBlocked`: somebody else is in, and stays. */
  constructor(serve: (socket: Socket) => void, isBlocked: boolean) {
    this.#serve = serve;
    this.#isBlocked = isBlocked;
  }

  async open(address: string, port: number): Promise<number> {
    // Paused: what those who wait say stays in the system's buffers, as in those of the device.
    const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true };
    const server = createServer(options, (socket) => this.#arrive(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port, exclusive: true }, () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
    this.#server = server;
    const bound = server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : port;
  }

  /** No more connections. `mute` leaves those there are open and never speaks to them again, as a device does that stops. */
  async close(how: 'break' | 'mute' = 'break'): Promise<readonly Socket[]> {
    const server = this.#server;
    this.#server = null;
    const sockets = [...this.#waiting.splice(0), ...(this.#current === null ? [] : [this.#current])];
    this.#current = null;
    for (const socket of sockets) {
      socket.removeAllListeners('data').removeAllListeners('end').pause();
      if (how === 'break') socket.resetAndDestroy();
    }
    if (server === null) return sockets;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    if (how === 'break') await closed;
    return how === 'mute' ? sockets : [];
  }

  #arrive(socket: Socket): void {
    socket.on('error', () => undefined);
    socket.on('close', () => this.#leave(socket));
    if (this.#current === null && !this.#isBlocked) this.#enter(socket);
    else this.#waiting.push(socket);
  }

  #enter(socket: Socket): void {
    this.#current = socket;
    this.#serve(socket);
    socket.resume();
  }

  #leave(socket: Socket): void {
    const at = this.#waiting.indexOf(socket);
    if (at !== -1) this.#waiting.splice(at, 1);
    if (this.#current !== socket) return;
    this.#current = null;
    const next = this.#waiting.shift();
    if (next !== undefined && this.#server !== null) this.#enter(next);
  }
}
