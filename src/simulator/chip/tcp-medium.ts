import { createServer, type Server, type Socket } from 'node:net';
import { ComPortServer } from './com-port.ts';
import type { HostListener, Medium, PortAddress } from './medium.ts';

const LOOPBACK = '127.0.0.1';

/** The host's end of a connection: plain bytes, or RFC 2217. */
interface Session {
  receive(bytes: Uint8Array): void;
  send(bytes: Uint8Array): void;
}

/** A serial port behind a TCP port, for one host at a time: raw, or with baud rate and control lines by RFC 2217. */
export class TcpMedium implements Medium {
  readonly hasLines: boolean;
  readonly #kind: 'tcp' | 'rfc2217';
  readonly #host: HostListener;
  #server: Server | null = null;
  #socket: Socket | null = null;
  #session: Session | null = null;
  #port = 0;

  private constructor(kind: 'tcp' | 'rfc2217', host: HostListener) {
    this.#kind = kind;
    this.hasLines = kind === 'rfc2217';
    this.#host = host;
  }

  static async open(kind: 'tcp' | 'rfc2217', host: HostListener): Promise<TcpMedium> {
    const medium = new TcpMedium(kind, host);
    await medium.plug();
    return medium;
  }

  get address(): PortAddress {
    return { kind: this.#kind, host: LOOPBACK, port: this.#port };
  }

  deliver(bytes: Uint8Array): void {
    this.#session?.send(bytes);
  }

  plug(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, LOOPBACK, () => {
        const bound = server.address();
        if (bound !== null && typeof bound === 'object') this.#port = bound.port;
        resolve();
      });
    });
  }

  unplug(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.#socket?.destroy();
    return new Promise((resolve) => (server === null ? resolve() : server.close(() => resolve())));
  }

  close(): Promise<void> {
    return this.unplug();
  }

  #accept(socket: Socket): void {
    // A port has one user; a reset of the connection is the end of it, like a close.
    socket.on('error', () => socket.destroy());
    if (this.#socket !== null) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    const session = this.#sessionOn(socket);
    this.#socket = socket;
    this.#session = session;
    socket.on('data', (bytes) => session.receive(bytes));
    socket.once('close', () => {
      this.#socket = null;
      this.#session = null;
      if (this.hasLines) this.#host.linesSet({ dtr: false, rts: false });
    });
    this.#host.opened();
  }

  #sessionOn(socket: Socket): Session {
    const write = (bytes: Uint8Array) => {
      if (socket.writable) socket.write(bytes);
    };
    if (this.#kind === 'tcp') return { receive: (bytes) => this.#host.received(bytes), send: write };
    const server = new ComPortServer(write, {
      onData: (bytes) => this.#host.received(bytes),
      onLines: (lines) => this.#host.linesSet(lines),
      onBaudRate: (baudRate) => this.#host.baudRateSet(baudRate),
    });
    return { receive: (bytes) => server.receive(bytes), send: (bytes) => server.sendData(bytes) };
  }
}
