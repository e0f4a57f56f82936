import { createServer, type Server, Socket } from 'node:net';
import type { Clock, Timer } from '../../../clock.ts';
import type { PortRange } from '../../../model/fields.ts';
import { type DataAddress, plainAddress } from './addresses.ts';

/** Where passive ports come from: each call gives the next, so that two devices do not wait for the same one. */
export interface PassivePorts {
  /** Ports to try, in this order; 0: any. */
  candidates(): readonly number[];
}

/** Goes round the range, so that a port just closed is not the next one; null: any port that is free. */
export function passivePorts(range: PortRange | null): PassivePorts {
  if (range === null) return { candidates: () => [0] };
  const count = range.last - range.first + 1;
  let next = 0;
  return {
    candidates() {
      const start = next;
      next = (next + 1) % count;
      return Array.from({ length: count }, (_, index) => range.first + ((start + index) % count));
    },
  };
}

/**
 * A data connection to one peer that is about to be made: the device comes to a port of ours, or waits at one of its own. Connections
 * from any other address are closed unheard.
 */
export class DataChannel {
  readonly #server: Server | null;
  readonly #connected: Promise<Socket>;
  #refuse: (error: Error) => void = () => undefined;
  #goOut: () => void = () => undefined;
  #socket: Socket | null = null;
  readonly #timer: Timer;

  private constructor(peer: string, server: Server | null, active: DataAddress | null, clock: Clock, withinMs: number) {
    this.#server = server;
    this.#connected = new Promise((resolve, reject) => {
      this.#refuse = reject;
      const take = (socket: Socket): void => {
        this.#socket = socket;
        this.#timer?.cancel();
        server?.close();
        resolve(socket);
      };
      server?.on('connection', (socket) => {
        const isPeer = plainAddress(socket.remoteAddress ?? '') === peer && this.#socket === null;
        // Errors of one that is not listened to would be nobody's.
        socket.on('error', () => socket.destroy());
        if (isPeer) take(socket);
        else socket.destroy();
      });
      server?.on('error', reject);
      this.#goOut = () => {
        if (active === null || this.#socket !== null) return;
        const socket = new Socket({ allowHalfOpen: true });
        this.#socket = socket;
        socket.on('error', reject);
        socket.connect(active.port, active.host, () => take(socket));
      };
    });
    this.#connected.catch(() => undefined);
    this.#timer = clock.setTimer(withinMs, () => this.close());
  }

  /** Listens for the peer. Null: no port was free. */
  static async passive(
    { peer, local }: { readonly peer: string; readonly local: string },
    ports: PassivePorts,
    clock: Clock,
    withinMs: number,
  ): Promise<{ readonly channel: DataChannel; readonly port: number } | null> {
    for (const candidate of ports.candidates()) {
      const server = createServer({ allowHalfOpen: true });
      const port = await listen(server, candidate, local);
      if (port !== null) return { channel: new DataChannel(peer, server, null, clock, withinMs), port };
    }
    return null;
  }

  /** Goes to where the peer waits. The caller made sure that it is the peer's own address. */
  static active(to: DataAddress, clock: Clock, withinMs: number): DataChannel {
    return new DataChannel(to.host, null, to, clock, withinMs);
  }

  /** The connection: an active one is made only now, when there is something to send. Rejects where it did not come about in time. */
  connected(): Promise<Socket> {
    this.#goOut();
    return this.#connected;
  }

  close(): void {
    this.#timer.cancel();
    this.#server?.close();
    this.#socket?.destroy();
    this.#refuse(new Error('the data connection did not come about'));
  }
}

function listen(server: Server, port: number, local: string): Promise<number | null> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen({ port, host: local, backlog: 4 }, () => {
      server.removeAllListeners('error');
      const address = server.address();
      resolve(typeof address === 'object' ? (address?.port ?? null) : null);
    });
  });
}
