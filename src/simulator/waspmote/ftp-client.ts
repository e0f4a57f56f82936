import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import type { Clock } from '../../clock.ts';
import { sleep } from '../../clock.ts';

/** As a sketch has it in its requestOTA. */
export interface FtpServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** What goes wrong on the way, and how fast the way is. */
export interface Line {
  readonly clock: Clock;
  /** Bits per second of the serial line between module and mote, ten to a byte; null: as fast as it comes. */
  readonly baud: number | null;
  /** The data connection is lost after so many bytes; null: never. */
  readonly cutAfter: number | null;
  /** Where the mote comes from; null: any address of the machine. */
  readonly localAddress: string | null;
  readonly mode: 'passive' | 'active';
}

/** The transfer ended before its last byte. */
export class LineLost extends Error {
  readonly received: Uint8Array;

  constructor(received: Uint8Array) {
    super(`the connection was lost after ${received.length} bytes`);
    this.received = received;
  }
}

/** The FTP client inside a modem: one command at a time, reply codes only. */
export class ModemFtp {
  readonly #socket: Socket;
  readonly #replies: AsyncIterator<string>;
  readonly #lines: Interface;
  readonly #line: Line;

  private constructor(socket: Socket, line: Line) {
    this.#socket = socket;
    this.#line = line;
    this.#lines = createInterface(socket);
    this.#replies = this.#lines[Symbol.asyncIterator]();
  }

  /** Opens and logs in. Throws where the server says no. */
  static async open({ host, port, user, password }: FtpServerAddress, line: Line): Promise<ModemFtp> {
    const from = line.localAddress === null ? {} : { localAddress: line.localAddress };
    const socket = connect({ host, port, ...from });
    socket.on('error', () => undefined);
    const ftp = new ModemFtp(socket, line);
    await ftp.#expect(220);
    await ftp.#say(`USER ${user}`, 331);
    await ftp.#say(`PASS ${password}`, 230);
    await ftp.#say('TYPE I', 200);
    return ftp;
  }

  async sizeOf(path: string): Promise<number> {
    const reply = await this.#say(`SIZE ${path}`, 213);
    if (!/^213 \d+$/.test(reply)) throw new Error(`the modem cannot read "${reply}"`);
    return Number(reply.slice(4));
  }

  /** The fifth word of the line of LIST, which is the size for the 3G module. */
  async listedSizeOf(path: string): Promise<number> {
    const line = Buffer.from(await this.#transfer(`LIST ${path}`)).toString('latin1');
    return Number(line.split(/ +/)[4]);
  }

  async retrieve(path: string): Promise<Uint8Array> {
    return await this.#transfer(`RETR ${path}`);
  }

  async close(): Promise<void> {
    if (!this.#socket.destroyed) await this.#say('QUIT', 221).catch(() => undefined);
    this.destroy();
  }

  destroy(): void {
    this.#lines.close();
    this.#socket.destroy();
  }

  async #transfer(command: string): Promise<Uint8Array> {
    const data = this.#line.mode === 'passive' ? await this.#passive() : await this.#active();
    await this.#say(command, 150, 125);
    const socket = await data();
    const bytes = await this.#receive(socket);
    await this.#expect(226);
    return bytes;
  }

  async #receive(socket: Socket): Promise<Uint8Array> {
    const { clock, baud, cutAfter } = this.#line;
    const chunks: Uint8Array[] = [];
    let received = 0;
    try {
      for await (const chunk of socket as AsyncIterable<Uint8Array>) {
        chunks.push(chunk);
        received += chunk.length;
        if (cutAfter !== null && received >= cutAfter) {
          socket.resetAndDestroy();
          throw new LineLost(Buffer.concat(chunks));
        }
        if (baud !== null) await sleep(clock, (chunk.length * 10_000) / baud);
      }
    } catch (error) {
      throw error instanceof LineLost ? error : new LineLost(Buffer.concat(chunks));
    }
    return Buffer.concat(chunks);
  }

  async #passive(): Promise<() => Promise<Socket>> {
    const reply = await this.#say('PASV', 227);
    const numbers = /\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)/.exec(reply)?.slice(1).map(Number) ?? [];
    const [a, b, c, d, high = 0, low = 0] = numbers;
    const from = this.#line.localAddress === null ? {} : { localAddress: this.#line.localAddress };
    const socket = connect({ host: [a, b, c, d].join('.'), port: high * 256 + low, ...from });
    await once(socket, 'connect');
    return () => Promise.resolve(socket);
  }

  async #active(): Promise<() => Promise<Socket>> {
    const host = this.#socket.localAddress ?? '127.0.0.1';
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const connected = once(server, 'connection') as Promise<[Socket]>;
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await this.#say(`PORT ${host.replaceAll('.', ',')},${port >> 8},${port & 255}`, 200);
    return async () => {
      const [socket] = await connected;
      server.close();
      return socket;
    };
  }

  async #say(command: string, ...codes: readonly number[]): Promise<string> {
    this.#socket.write(`${command}\r\n`);
    return await this.#expect(...codes);
  }

  async #expect(...codes: readonly number[]): Promise<string> {
    let reply = '';
    // Of a reply of several lines the last one counts, which alone has no hyphen (RFC 959, section 4.2).
    do {
      const { value, done } = await this.#replies.next();
      reply = String(value ?? '');
      if (done) break;
    } while (!/^\d{3} /.test(reply));
    if (!codes.includes(Number(reply.slice(0, 3)))) throw new Error(`expected ${codes.join(' or ')}, found "${reply}"`);
    return reply;
  }
}
