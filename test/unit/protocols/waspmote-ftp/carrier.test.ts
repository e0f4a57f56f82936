import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/clock.ts';
import { silentLogger } from '../../../../src/log.ts';
import type { FirmwareImage } from '../../../../src/model/image.ts';
import { FtpCarrier } from '../../../../src/protocols/waspmote-ftp/carrier.ts';
import { aPublication, PROGRAM } from './ftp-site.ts';

/** A server of somebody else's behind a NAT: it knows no EPSV, and gives an address that nobody reaches. */
class FtpBehindNat implements AsyncDisposable {
  readonly files = new Map<string, Buffer>();
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #data: Server[] = [];

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return portOf(this.#server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#server, ...this.#data]) server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    let arrived: Promise<Buffer> = Promise.resolve(Buffer.alloc(0));
    let renamed = '';
    const reply = (text: string) => void socket.write(`${text}\r\n`);
    const answers: Record<string, (argument: string) => unknown> = {
      USER: () => reply('331 And?'),
      PASS: () => reply('230 In.'),
      MKD: () => reply('550 It is there.'),
      PASV: async () => {
        const server = createServer().listen(0, '127.0.0.1');
        this.#data.push(server);
        arrived = once(server, 'connection').then(([data]) => everything(data as Socket));
        await once(server, 'listening');
        reply(`227 Entering Passive Mode (10,9,8,7,${portOf(server) >> 8},${portOf(server) & 255}).`);
      },
      STOR: async (name) => {
        reply('150 Go.');
        this.files.set(name, await arrived);
        reply('226 Done.');
      },
      SIZE: (name) => reply(`213 ${this.files.get(name)?.length}`),
      RNFR: (name) => {
        renamed = name;
        reply('350 To?');
      },
      RNTO: (name) => {
        this.files.set(name, this.files.get(renamed) ?? Buffer.alloc(0));
        this.files.delete(renamed);
        reply('250 Done.');
      },
      TYPE: () => reply('200 Done.'),
    };
    socket.on('error', () => undefined);
    reply('220 Hello.');
    createInterface({ input: socket }).on('line', (line) => {
      const [, verb = '', argument = ''] = /^(\S+) ?(.*)$/.exec(line) ?? [];
      const answer = answers[verb.toUpperCase()];
      if (answer === undefined) reply('502 Not here.');
      else void answer(argument);
    });
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function everything(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('publishing to a server behind a NAT', () => {
  it('connects to the address that is spoken to, not to the one that it gives', async () => {
    await using other = new FtpBehindNat();
    const server = { host: '127.0.0.1', port: await other.listen(), folder: '' };
    const settings = { user: 'ota', name: null, gprs: true, firstVersion: 1, quietMs: 1_000, server, password: null };
    const carrier = new FtpCarrier(settings, systemClock, silentLogger);
    const image = { bytes: PROGRAM } as unknown as FirmwareImage;
    await carrier.publish(aPublication(), image, new AbortController().signal);
    expect([...other.files.keys()].sort()).toEqual(['.gprs/TEST001', '.gprs/UPGRADE.TXT', 'TEST001', 'UPGRADE.TXT']);
    expect(other.files.get('TEST001')?.equals(PROGRAM)).toBe(true);
  });
});
