import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../../../src/clock.ts';
import type { FlashError } from '../../../../src/errors.ts';
import { silentLogger } from '../../../../src/log.ts';
import type { FirmwareImage } from '../../../../src/model/image.ts';
import { type Publication, visitorName } from '../../../../src/model/publication.ts';
import type { FtpServerSettings } from '../../../../src/model/server.ts';
import type { PullHost } from '../../../../src/protocols/pull.ts';
import { ownPlace } from '../../../../src/protocols/waspmote-ftp/places.ts';
import { FtpServer } from '../../../../src/protocols/waspmote-ftp/server/ftp-server.ts';

/** It holds its name, as the programs of the IDE do. */
export const PROGRAM = Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
PROGRAM.write('TEST001', 64, 'latin1');

/** What stands for a user; `over` replaces fields. */
export function aPublication(over: Partial<Publication> = {}): Publication {
  return {
    release: 'r1',
    rule: 'motes',
    protocol: 'waspmote-ftp',
    place: ownPlace('ota'),
    part: '',
    image: 'aa',
    imageName: 'TEST001',
    sizeBytes: PROGRAM.length,
    terms: { name: 'TEST001', gprs: true, quietMs: 1_000 },
    number: 3,
    remarks: [],
    state: 'published',
    error: null,
    createdMs: 1,
    publishedMs: Date.UTC(2026, 10, 20, 12),
    endedMs: null,
    ...over,
  };
}

/** Time that goes so many times as fast. */
export function hastened(factor: number): Clock {
  return {
    ...systemClock,
    monotonic: () => systemClock.monotonic() * factor,
    setTimer: (delayMs, callback) => systemClock.setTimer(delayMs / factor, callback),
  };
}

export class FtpSite {
  /** What stands for the user `ota`; empty: nothing. */
  shelf: Publication[] = [aPublication()];
  /** What the host was told, in words. */
  readonly told: string[] = [];
  readonly server: FtpServer;

  constructor(over: Partial<FtpServerSettings> = {}, clock: Clock = systemClock) {
    const password = { source: 'test', reveal: () => 'libelium' };
    const settings: FtpServerSettings = {
      address: '127.0.0.1',
      port: 0,
      passivePorts: null,
      publicAddress: null,
      users: [{ name: 'ota', password }],
      connections: 500,
      connectionsPerAddress: 500,
      idleMs: 900_000,
      dataIdleMs: 120_000,
      ...over,
    };
    const { told } = this;
    const host: PullHost = {
      at: (place) => (place === ownPlace('ota') ? this.shelf : []),
      image: async () => ({ bytes: PROGRAM }) as unknown as FirmwareImage,
      looked: (publication, visitor) => told.push(`${visitorName(visitor)} looked at ${publication.release}`),
      foundNothing: (place, visitor) => told.push(`${visitorName(visitor)} found nothing at ${place}`),
      fetch(publication, visitor) {
        const who = visitorName(visitor);
        told.push(`${who} fetches ${publication.release}`);
        return {
          progress: () => undefined,
          whole: () => told.push(`${who} has ${publication.release} whole`),
          broken: (sentBytes: number, error: FlashError) =>
            told.push(`${who} broke off ${error.code} after ${sentBytes}`),
        };
      },
      confirmed: (publication, visitor) => told.push(`${visitorName(visitor)} confirmed ${publication.release}`),
    };
    this.server = new FtpServer({ settings, host, clock, log: silentLogger, placeOf: ownPlace });
  }

  async open(): Promise<this> {
    await this.server.start();
    return this;
  }

  get port(): number {
    const { port } = this.server;
    if (port === null) throw new Error('the server does not listen');
    return port;
  }

  /** A control connection after its greeting. */
  async connect(): Promise<FtpLine> {
    const line = new FtpLine(connect(this.port, '127.0.0.1'));
    await line.reply();
    return line;
  }

  async loggedIn(): Promise<FtpLine> {
    const line = await this.connect();
    await line.ask('USER ota');
    await line.ask('PASS libelium');
    return line;
  }
}

/** A control connection, by hand. */
export class FtpLine {
  readonly socket: Socket;
  readonly #replies: string[] = [];
  #text = '';
  #onReply: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onReply());
    socket.on('data', (text) => {
      this.#text += String(text);
      const lines = this.#text.split('\r\n');
      this.#text = lines.pop() ?? '';
      this.#replies.push(...lines.filter((line) => /^\d{3} /.test(line)));
      this.#onReply();
    });
  }

  /** The next reply, of several lines the last one; empty: the connection is closed. */
  async reply(): Promise<string> {
    while (this.#replies.length === 0 && !this.socket.destroyed) {
      await new Promise<void>((resolve) => {
        this.#onReply = resolve;
      });
    }
    return this.#replies.shift() ?? '';
  }

  async ask(command: string): Promise<string> {
    this.socket.write(`${command}\r\n`, 'latin1');
    return await this.reply();
  }

  /** Fetches over a passive connection. Null: there was nothing to fetch. */
  async fetch(command: string): Promise<Buffer | null> {
    const [, high, low] = /(\d+),(\d+)\)\.$/.exec(await this.ask('PASV')) ?? [];
    const data = connect(Number(high) * 256 + Number(low), '127.0.0.1');
    const chunks: Buffer[] = [];
    data.on('data', (chunk: Buffer) => chunks.push(chunk));
    data.on('error', () => undefined);
    const closed = once(data, 'close');
    if (!(await this.ask(command)).startsWith('150')) {
      data.destroy();
      return null;
    }
    await closed;
    await this.reply();
    return Buffer.concat(chunks);
  }

  close(): void {
    this.socket.destroy();
  }
}
