import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { sleep, systemClock } from '../../../src/clock.ts';
import type { SimulatedDevice } from '../../../src/simulator/device.ts';

const DEADLINE_MS = 60_000;

export function md5Of(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}

/** An application image by its first byte; the rest is counted up, so that a lost or doubled byte changes the MD5. */
export function appImage(sizeBytes: number): Buffer {
  const bytes = Buffer.from(Array.from({ length: sizeBytes }, (_, at) => (at * 7 + (at >> 8)) & 0xff));
  bytes[0] = 0xe9;
  return bytes;
}

/** Polls: the devices under test tell nothing when nothing happens. */
export async function eventually(what: string, isSo: () => boolean): Promise<void> {
  const deadlineMs = systemClock.monotonic() + DEADLINE_MS;
  while (!isSo()) {
    if (systemClock.monotonic() > deadlineMs) throw new Error(`never: ${what}`);
    await sleep(systemClock, 2);
  }
}

/** One end of a TCP connection, with everything that came in so far. */
export class HeardConnection {
  readonly socket: Socket;
  text = '';
  /** How the other end left: `end` (FIN), or the code of the error. */
  ending: string | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      this.text += bytes.toString('latin1');
    });
    socket.on('end', () => {
      this.ending ??= 'end';
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.ending ??= error.code ?? error.message;
    });
  }

  async heard(pattern: RegExp): Promise<void> {
    await eventually(`${pattern} in ${JSON.stringify(this.text)}`, () => pattern.test(this.text));
  }

  async ended(): Promise<string> {
    await eventually('the end of the connection', () => this.ending !== null);
    return this.ending ?? '';
  }
}

/** The host's side of ArduinoOTA, by hand: one UDP socket, one listener, nothing that a client would decide. */
export class TestHost implements AsyncDisposable {
  readonly replies: string[] = [];
  readonly connections: HeardConnection[] = [];
  readonly #udp = createSocket('udp4');
  readonly #server = createServer((socket) => this.connections.push(new HeardConnection(socket)));

  private constructor() {
    this.#udp.on('message', (bytes) => this.replies.push(bytes.toString('latin1')));
  }

  static async open(): Promise<TestHost> {
    const host = new TestHost();
    host.#server.listen(0, '127.0.0.1');
    await once(host.#server, 'listening');
    host.#udp.bind(0, '127.0.0.1');
    await once(host.#udp, 'listening');
    return host;
  }

  get tcpPort(): number {
    const bound = this.#server.address();
    if (bound === null || typeof bound === 'string') throw new Error('the test host does not listen');
    return bound.port;
  }

  send(device: SimulatedDevice, text: string): void {
    this.#udp.send(text, device.port, device.address);
  }

  invite(device: SimulatedDevice, image: Uint8Array, command: 0 | 100 = 0): void {
    this.send(device, `${command} ${this.tcpPort} ${image.length} ${md5Of(image)}\n`);
  }

  /** The n-th UDP reply, counted from 1. */
  async reply(nth: number): Promise<string> {
    await eventually(`reply ${nth}`, () => this.replies.length >= nth);
    return this.replies[nth - 1] ?? '';
  }

  async connection(nth = 1): Promise<HeardConnection> {
    await eventually(`connection ${nth}`, () => this.connections.length >= nth);
    const connection = this.connections[nth - 1];
    if (connection === undefined) throw new Error(`no connection ${nth}`);
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => this.#udp.close(() => resolve())),
      new Promise<void>((resolve) => this.#server.close(() => resolve())),
    ]);
  }
}
