import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { SerialLink } from '../../../src/transports/links.ts';
import { openSerial } from '../../../src/transports/open-serial.ts';

const HOST = '127.0.61.1';
const IAC = 255;
const SB = 250;
const SE = 240;
const COM_PORT = 44;

const servers: Server[] = [];
const links: SerialLink[] = [];

afterEach(async () => {
  for (const link of links.splice(0)) await link.close();
  for (const server of servers.splice(0)) server.close();
});

/** Serves one connection; resolves to the port. */
async function serve(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer(onConnection).listen(0, HOST);
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function open(path: string): Promise<SerialLink> {
  const noBinding = () => Promise.reject(new Error('a network port needs no binding'));
  const link = await openSerial({ path, baudRate: 115_200 }, noBinding, systemClock);
  links.push(link);
  return link;
}

/** The server's side of RFC 2217, by hand: agrees to the option, and answers each setting with itself unless `answer` says otherwise. */
function comPortServer(answer: (request: number[]) => number[] | null = (request) => request) {
  const seen: number[][] = [];
  let socket: Socket | null = null;
  const data: number[] = [];
  const onConnection = (connection: Socket) => {
    socket = connection;
    connection.on('data', (bytes) => {
      for (let at = 0; at < bytes.length; at++) at = take(connection, bytes, at);
    });
  };
  const take = (connection: Socket, bytes: Buffer, at: number) => {
    if (bytes[at] === IAC && bytes[at + 1] === SB) return settle(connection, bytes, at);
    if (bytes[at] === IAC && bytes[at + 1] !== IAC) return agree(connection, bytes, at);
    data.push(bytes[at] ?? 0);
    return bytes[at] === IAC ? at + 1 : at;
  };
  const agree = (connection: Socket, bytes: Buffer, at: number) => {
    const WILL = 251;
    const DO = 253;
    if (bytes[at + 1] === WILL) connection.write(Uint8Array.of(IAC, DO, bytes[at + 2] ?? 0));
    return at + 2;
  };
  const settle = (connection: Socket, bytes: Buffer, at: number) => {
    const end = bytes.indexOf(Uint8Array.of(IAC, SE), at);
    const request = [...bytes.subarray(at + 3, end)];
    seen.push(request);
    const [kind = 0, ...value] = answer(request) ?? [];
    if (kind !== 0) connection.write(Uint8Array.of(IAC, SB, COM_PORT, kind + 100, ...value, IAC, SE));
    return end + 1;
  };
  return { onConnection, seen, data, say: (bytes: Uint8Array) => socket?.write(bytes) };
}

describe('a port over raw TCP', () => {
  it('carries bytes both ways, and has neither lines nor rates', async () => {
    const port = await serve((socket) => socket.pipe(socket));
    const link = await open(`tcp://${HOST}:${port}`);
    await link.write(Uint8Array.of(0xff, 0xc0));
    expect(await link.read(2_000)).toEqual(Buffer.of(0xff, 0xc0));
    expect(await link.setLines({ dtr: true, rts: false })).toBe(false);
    expect(link.hasBaudRate).toBe(false);
    await expect(link.setBaudRate(9_600)).rejects.toMatchObject({ code: 'SERIAL_BAUD_REFUSED' });
  });

  it('says so when the server hangs up', async () => {
    const port = await serve((socket) => socket.end());
    const link = await open(`tcp://${HOST}:${port}`);
    await expect(link.read(2_000)).rejects.toMatchObject({ code: 'LINK_CLOSED' });
    await expect(link.write(Uint8Array.of(1))).rejects.toMatchObject({ code: 'LINK_CLOSED' });
  });

  it('says so when nothing listens', async () => {
    const port = await serve(() => undefined);
    const closed = once(servers[0] as Server, 'close');
    for (const server of servers.splice(0)) server.close();
    await closed;
    await expect(open(`tcp://${HOST}:${port}`)).rejects.toMatchObject({ code: 'LINK_REFUSED' });
  });

  it.each(['tcp://', 'tcp://host', 'tcp://host:0', 'tcp://host:70000', 'rfc2217://a b:1'])(
    'refuses %s',
    async (path) => {
      await expect(open(path)).rejects.toMatchObject({ code: 'SERIAL_PORT_NOT_FOUND' });
    },
  );
});

describe('a port by RFC 2217', () => {
  it('sets 8N1 without flow control at the rate, and the lines one by one', async () => {
    const server = comPortServer();
    const link = await open(`rfc2217://${HOST}:${await serve(server.onConnection)}`);
    expect(server.seen.splice(0)).toEqual([
      [1, 0, 1, 194, 0],
      [2, 8],
      [3, 1],
      [4, 1],
      [5, 1],
    ]);
    expect(await link.setLines({ dtr: false, rts: true })).toBe(true);
    expect(server.seen.splice(0)).toEqual([
      [5, 9],
      [5, 11],
    ]);
    await link.setBaudRate(921_600);
    expect(server.seen).toEqual([[1, 0, 14, 16, 0]]);
  });

  it('carries every byte, 255 included', async () => {
    const server = comPortServer();
    const link = await open(`rfc2217://${HOST}:${await serve(server.onConnection)}`);
    const all = Uint8Array.from({ length: 256 }, (_, index) => index);
    await link.write(all);
    await expect.poll(() => server.data).toEqual([...all]);
    server.say(Uint8Array.of(1, IAC, IAC, IAC, SB, COM_PORT, 107, 0, IAC, SE, 2));
    expect(Buffer.concat([(await link.read(2_000)) ?? Buffer.of()])).toEqual(Buffer.of(1, 255, 2));
  });

  it('stops sending while the server asks for it', async () => {
    const server = comPortServer();
    const link = await open(`rfc2217://${HOST}:${await serve(server.onConnection)}`);
    // A byte of data behind the command tells when it has been taken in.
    server.say(Uint8Array.of(IAC, SB, COM_PORT, 108, IAC, SE, 1));
    await link.read(2_000);
    const writing = link.write(Uint8Array.of(7));
    server.say(Uint8Array.of(2));
    await link.read(2_000);
    expect(server.data).toEqual([]);
    server.say(Uint8Array.of(IAC, SB, COM_PORT, 109, IAC, SE));
    await writing;
    await expect.poll(() => server.data).toEqual([7]);
  });

  it('says when the server keeps another rate', async () => {
    const server = comPortServer((request) => (request[0] === 1 ? [1, 0, 0, 37, 128] : request));
    const opening = open(`rfc2217://${HOST}:${await serve(server.onConnection)}`);
    await expect(opening).rejects.toMatchObject({
      code: 'SERIAL_BAUD_REFUSED',
      message: expect.stringContaining('9600'),
    });
  });

  it('says when the server does not know RFC 2217', async () => {
    const DONT = 254;
    const port = await serve((socket) => socket.write(Uint8Array.of(IAC, DONT, COM_PORT)));
    await expect(open(`rfc2217://${HOST}:${port}`)).rejects.toMatchObject({ code: 'SERIAL_PORT_FAILED' });
  });
});
