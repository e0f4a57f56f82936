import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { DatagramLink } from './links.ts';
import { resolveIpv4 } from './tcp.ts';
import { Wake } from './wake.ts';

/** More than a slow reader of a question-and-answer protocol ever has waiting; a flood beyond it is dropped. */
const QUEUE_LIMIT = 64;

interface Target {
  readonly address: string;
  readonly port: number;
  readonly localAddress?: string;
}

/**
 * Opens a connected UDP socket: the system chooses the local address by its routes, filters other senders out, and tells of ICMP errors.
 *
 * @throws FlashError LINK_UNKNOWN_HOST, LINK_UNREACHABLE, LINK_LOCAL_ADDRESS
 */
export async function openDatagram(target: Target, clock: Clock): Promise<DatagramLink> {
  const remoteAddress = await resolveIpv4(target.address);
  const socket = createSocket('udp4');
  try {
    await bind(socket, target.localAddress);
    await connect(socket, target.port, remoteAddress);
  } catch (cause) {
    socket.close();
    throw cause;
  }
  return new UdpLink(socket, { ...target, address: remoteAddress }, clock);
}

async function bind(socket: Socket, localAddress: string | undefined): Promise<void> {
  try {
    const bound = once(socket, 'listening');
    socket.bind({ port: 0, ...(localAddress === undefined ? {} : { address: localAddress }) });
    await bound;
  } catch (cause) {
    throw new FlashError('LINK_LOCAL_ADDRESS', `cannot send from local address ${localAddress ?? '0.0.0.0'}`, {
      cause,
    });
  }
}

async function connect(socket: Socket, port: number, address: string): Promise<void> {
  try {
    const connected = once(socket, 'connect');
    socket.connect(port, address);
    await connected;
  } catch (cause) {
    const why =
      cause instanceof Error && 'code' in cause && cause.code === 'EACCES'
        ? `this machine may not send to ${address} (EACCES): it is a broadcast address, or its firewall forbids it`
        : `this machine has no route to ${address}`;
    throw new FlashError('LINK_UNREACHABLE', why, { cause });
  }
}

class UdpLink implements DatagramLink {
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #wake: Wake;
  readonly #clock: Clock;
  readonly #where: string;
  readonly #arrived: Uint8Array[] = [];
  #trouble: FlashError | null = null;
  #isClosed = false;

  constructor(socket: Socket, target: Target, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.#wake = new Wake(clock);
    this.localAddress = socket.address().address;
    this.remoteAddress = target.address;
    this.#where = `UDP ${target.address}:${target.port}`;
    socket.on('message', (datagram) => {
      if (this.#arrived.length < QUEUE_LIMIT) this.#arrived.push(datagram);
      this.#wake.ring();
    });
    socket.on('error', (error) => {
      this.#trouble = this.#translate(error);
      this.#wake.ring();
    });
  }

  send(datagram: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(datagram, (error) => (error ? reject(this.#translate(error)) : resolve()));
    });
  }

  async receive(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null> {
    const endMs = this.#clock.monotonic() + timeoutMs;
    for (;;) {
      const datagram = this.#arrived.shift();
      if (datagram !== undefined) return datagram;
      this.#throwTrouble();
      const remainingMs = endMs - this.#clock.monotonic();
      if (remainingMs <= 0 || !(await this.#wake.sleep(remainingMs, signal))) return null;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }

  #throwTrouble(): void {
    const trouble = this.#trouble;
    this.#trouble = null;
    if (trouble !== null) throw trouble;
  }

  /** ICMP "port unreachable" arrives as ECONNREFUSED on a connected socket (RFC 1122, section 4.1.3.3). */
  #translate(error: NodeJS.ErrnoException): FlashError {
    return error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET'
      ? new FlashError('LINK_REFUSED', `nothing listens on ${this.#where}`, { cause: error })
      : new FlashError('LINK_UNREACHABLE', `${this.#where} cannot be reached (${error.code ?? error.message})`, {
          cause: error,
        });
  }
}
