import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { PortRange } from '../model/fields.ts';
import type { DialBack, DialBackTarget, StreamLink } from './links.ts';
import { TcpStream } from './tcp-stream.ts';

const ANY_PORT: PortRange = { first: 0, last: 0 };

/** `::ffff:10.0.0.7`, as a dual-stack listener writes it, is `10.0.0.7` (RFC 4291, section 2.5.5.2). */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

/**
 * The TCP listeners of all running jobs. Jobs that expect different devices share the listener of a fixed port: a connection belongs
 * to the job whose device has that address. A second job for the same address waits until the first has its connection.
 */
export class DialBackListeners {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** By `address:port`. */
  readonly #listeners = new Map<string, Promise<Listener>>();
  /** Jobs that wait for a turn, first come first served. */
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** @throws FlashError LINK_NO_PORT, LINK_LOCAL_ADDRESS; or the signal's reason */
  async expect(target: DialBackTarget): Promise<DialBack> {
    const ports = target.ports ?? ANY_PORT;
    for (;;) {
      target.signal.throwIfAborted();
      const found = await this.#tryPorts(target, ports);
      if (found !== 'busy') return found;
      await this.#turn(target.signal);
    }
  }

  async #tryPorts(target: DialBackTarget, ports: PortRange): Promise<DialBack | 'busy'> {
    let isBusy = false;
    let cause: unknown;
    for (let port = ports.first; port <= ports.last; port += 1) {
      try {
        const listener = await this.#listenerOn(target.localAddress, port);
        const expectation = this.#enter(listener, target.peerAddress);
        if (expectation !== null) return expectation;
        isBusy = true;
      } catch (error) {
        if (error instanceof FlashError) throw error;
        cause = error;
      }
    }
    if (isBusy) return 'busy';
    const range = ports.first === ports.last ? `TCP port ${ports.first}` : `TCP ports ${ports.first}-${ports.last}`;
    throw new FlashError('LINK_NO_PORT', `cannot listen on ${range} of ${target.localAddress}: taken or not allowed`, {
      cause,
    });
  }

  #enter(listener: Listener, peerAddress: string): Expectation | null {
    if (listener.isExpecting(peerAddress)) return null;
    const expectation = new Expectation(listener, peerAddress, this.#clock);
    listener.add(expectation);
    return expectation;
  }

  /** Port 0 makes a listener of its own each time: the system chooses a free port. */
  async #listenerOn(address: string, port: number): Promise<Listener> {
    if (port === 0) return Listener.open(address, 0, { log: this.#log, onIdle: () => this.#callNext() });
    const key = `${address}:${port}`;
    // One that closed while this waited for it has left the map.
    for (let opened = this.#listeners.get(key); opened !== undefined; opened = this.#listeners.get(key)) {
      const listener = await opened;
      if (!listener.isClosed) return listener;
    }
    const opening = Listener.open(address, port, {
      log: this.#log,
      onIdle: (isClosed) => {
        if (isClosed) this.#listeners.delete(key);
        this.#callNext();
      },
    });
    this.#listeners.set(key, opening);
    opening.catch(() => this.#listeners.delete(key));
    return opening;
  }

  #callNext(): void {
    for (const wake of this.#waiting) wake();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(signal.reason);
    this.#waiting.add(resolve);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await promise;
    } finally {
      this.#waiting.delete(resolve);
      signal.removeEventListener('abort', onAbort);
    }
  }
}

interface ListenerOptions {
  readonly log: Logger;
  /** An expectation has left; `isClosed` when it was the last. */
  readonly onIdle: (isClosed: boolean) => void;
}

class Listener {
  readonly port: number;
  isClosed = false;
  readonly #server: Server;
  readonly #options: ListenerOptions;
  readonly #expected = new Map<string, Expectation>();

  static async open(address: string, port: number, options: ListenerOptions): Promise<Listener> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    const listening = once(server, 'listening');
    server.listen({ host: address, port });
    try {
      await listening;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL') throw cause;
      throw new FlashError('LINK_LOCAL_ADDRESS', `${address} is not an address of this machine`, { cause });
    }
    return new Listener(server, options);
  }

  private constructor(server: Server, options: ListenerOptions) {
    this.#server = server;
    this.#options = options;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#admit(socket));
    server.on('error', (error) => options.log.warn('link.listener-failed', { port: this.port, reason: error.message }));
  }

  isExpecting(peerAddress: string): boolean {
    return this.#expected.has(peerAddress);
  }

  add(expectation: Expectation): void {
    this.#expected.set(expectation.peerAddress, expectation);
  }

  /** The last one to leave closes the door: a device may call again when nobody waits for it. */
  remove(expectation: Expectation): void {
    if (this.#expected.get(expectation.peerAddress) !== expectation) return;
    this.#expected.delete(expectation.peerAddress);
    if (this.#expected.size === 0) {
      this.isClosed = true;
      this.#server.close();
    }
    this.#options.onIdle(this.isClosed);
  }

  #admit(socket: Socket): void {
    const address = socket.remoteAddress === undefined ? null : plainAddress(socket.remoteAddress);
    const expectation = this.#expected.get(address ?? '');
    if (expectation !== undefined) {
      expectation.fulfil(socket);
      return;
    }
    if (address === null) this.#noteBrokenCall();
    else this.#noteStranger(address);
    socket.on('error', () => undefined);
    socket.resetAndDestroy();
  }

  #noteStranger(address: string): void {
    this.#options.log.warn('link.stranger-refused', { address, port: this.port });
    for (const expectation of this.#expected.values()) expectation.noteStranger(address);
  }

  /** A connection that was reset before it was accepted has no peer any more (getpeername(2), ENOTCONN). */
  #noteBrokenCall(): void {
    this.#options.log.warn('link.call-broken', { port: this.port });
    for (const expectation of this.#expected.values()) expectation.brokenCalls += 1;
  }
}

/** How many other callers are worth naming in a message. */
const STRANGERS_KEPT = 8;

class Expectation implements DialBack {
  readonly peerAddress: string;
  brokenCalls = 0;
  readonly #listener: Listener;
  readonly #clock: Clock;
  readonly #strangers = new Set<string>();
  readonly #connection = Promise.withResolvers<StreamLink>();
  #stream: StreamLink | null = null;

  constructor(listener: Listener, peerAddress: string, clock: Clock) {
    this.#listener = listener;
    this.peerAddress = peerAddress;
    this.#clock = clock;
  }

  get port(): number {
    return this.#listener.port;
  }

  get strangers(): readonly string[] {
    return [...this.#strangers];
  }

  noteStranger(address: string): void {
    if (this.#strangers.size < STRANGERS_KEPT) this.#strangers.add(address);
  }

  fulfil(socket: Socket): void {
    this.#stream = new TcpStream(socket, this.peerAddress, this.#clock);
    this.#listener.remove(this);
    this.#connection.resolve(this.#stream);
  }

  accept(signal: AbortSignal): Promise<StreamLink> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      void this.#connection.promise.then((stream) => {
        signal.removeEventListener('abort', onAbort);
        resolve(stream);
      });
    });
  }

  close(): void {
    this.#listener.remove(this);
    this.#stream?.destroy();
  }
}
