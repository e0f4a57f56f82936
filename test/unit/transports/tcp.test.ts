import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { openStream } from '../../../src/transports/tcp.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(
  onConnection: (socket: Socket) => void,
): Promise<{ address: string; port: number; withinMs: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { address: '127.0.0.1', port: (server.address() as AddressInfo).port, withinMs: 5_000 };
}

describe('a TCP connection to a device', () => {
  it('carries bytes both ways, and its end one way', async () => {
    const target = await serve((socket) => {
      socket.write('220 hello\r\n');
      socket.on('data', (bytes) => socket.write(bytes));
      socket.on('end', () => socket.end('all of it'));
    });
    const stream = await openStream(target, systemClock);
    expect(Buffer.from((await stream.read(5_000)) as Uint8Array).toString()).toBe('220 hello\r\n');
    stream.write(Buffer.from('ping'));
    expect(Buffer.from((await stream.read(5_000)) as Uint8Array).toString()).toBe('ping');
    stream.end();
    expect(Buffer.from((await stream.read(5_000)) as Uint8Array).toString()).toBe('all of it');
    expect(await stream.read(5_000)).toBe('end');
    stream.close();
  });

  it('goes on after the end of the other side', async () => {
    const got = Promise.withResolvers<string>();
    const target = await serve((socket) => {
      socket.end('bye');
      socket.on('data', (bytes) => got.resolve(bytes.toString()));
    });
    const stream = await openStream(target, systemClock);
    await stream.read(5_000);
    expect(await stream.read(5_000)).toBe('end');
    stream.write(Buffer.from('still here'));
    expect(await got.promise).toBe('still here');
    stream.destroy();
  });

  it('is refused where nobody listens', async () => {
    const target = await serve(() => undefined);
    servers.splice(0)[0]?.close();
    await expect(openStream(target, systemClock)).rejects.toMatchObject({ code: 'LINK_REFUSED' });
  });

  it('needs an IPv4 address, or a name that has one', async () => {
    await expect(openStream({ address: '::1', port: 9, withinMs: 100 }, systemClock)).rejects.toMatchObject({
      code: 'LINK_UNKNOWN_HOST',
    });
  });

  it('is given up with the reason of the signal', async () => {
    const target = await serve(() => undefined);
    const reason = new Error('no more');
    await expect(openStream({ ...target, signal: AbortSignal.abort(reason) }, systemClock)).rejects.toBe(reason);
  });
});
