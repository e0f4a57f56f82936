import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import { Arrivals } from './arrivals.ts';
import type { SerialLink } from './links.ts';
import { connectToServer, hangUp, listenTo, type SerialServer, writeTo } from './serial-socket.ts';

/**
 * A port that a server passes on as plain TCP (ser2net "raw", esp-link, socat). Nothing but bytes goes through: no lines, no baud rate.
 *
 * @throws FlashError LINK_UNKNOWN_HOST, LINK_REFUSED, LINK_UNREACHABLE
 */
export async function openTcpPort(path: string, server: SerialServer, clock: Clock): Promise<SerialLink> {
  return new TcpPortLink(await connectToServer(server, path, clock), path, clock);
}

class TcpPortLink implements SerialLink {
  readonly path: string;
  readonly hasBaudRate = false;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #arrivals: Arrivals;
  #closing: Promise<void> | null = null;

  constructor(socket: Socket, path: string, clock: Clock) {
    this.#socket = socket;
    this.path = path;
    this.#clock = clock;
    this.#arrivals = new Arrivals(clock);
    listenTo(socket, path, {
      bytes: (bytes) => this.#arrivals.push(bytes),
      end: (error) => this.#arrivals.end(error),
    });
  }

  write(bytes: Uint8Array): Promise<void> {
    const { error } = this.#arrivals;
    return error === null ? writeTo(this.#socket, this.path, bytes, this.#clock) : Promise.reject(error);
  }

  read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null> {
    return this.#arrivals.read(timeoutMs, signal);
  }

  setLines(): Promise<boolean> {
    return Promise.resolve(false);
  }

  setBaudRate(baudRate: number): Promise<void> {
    const message = `${this.path}: raw TCP cannot set the port to ${baudRate} baud`;
    return Promise.reject(new FlashError('SERIAL_BAUD_REFUSED', message));
  }

  discardInput(): void {
    this.#arrivals.discard();
  }

  close(): Promise<void> {
    this.#closing ??= hangUp(this.#socket, this.#clock);
    return this.#closing;
  }
}
