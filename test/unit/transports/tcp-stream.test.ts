import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { TcpStream } from '../../../src/transports/tcp-stream.ts';

const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** A stream, and the other end of it. */
async function pair(): Promise<{ stream: TcpStream; peer: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = connect({ port: (server.address() as { port: number }).port, host: '127.0.0.1', allowHalfOpen: true });
  peer.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  server.close();
  const stream = new TcpStream(socket, '127.0.0.1', systemClock);
  open.push({ close: () => stream.destroy() }, { close: () => peer.destroy() });
  return { stream, peer };
}

describe('a TCP stream', () => {
  it('gives everything that came, then the end', async () => {
    const { stream, peer } = await pair();
    peer.write('80');
    expect(String(await stream.read(1_000))).toBe('80');
    peer.end('OK');
    expect(String(await stream.read(1_000))).toBe('OK');
    expect(await stream.read(1_000)).toBe('end');
    expect(await stream.read(1_000)).toBe('end');
  });

  it('waits no longer than it may', async () => {
    const { stream } = await pair();
    expect(await stream.read(20)).toBe('timeout');
    await expect(stream.read(5_000, AbortSignal.timeout(20))).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('hands over what came before a reset, then tells of it', async () => {
    const { stream, peer } = await pair();
    peer.write('Wrong Magic Byte');
    expect(String(await stream.read(1_000))).toBe('Wrong Magic Byte');
    peer.resetAndDestroy();
    await expect(stream.read(1_000)).rejects.toMatchObject({ code: 'LINK_CLOSED' });
    stream.write(Buffer.from('too late'));
    await expect(stream.read(1_000)).rejects.toMatchObject({ code: 'LINK_CLOSED' });
  });

  it('resets on destroy, so that the device is free at once', async () => {
    const { stream, peer } = await pair();
    peer.resume();
    const lost = once(peer, 'error');
    stream.destroy();
    stream.destroy();
    expect((await lost)[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  it('ends in good order on close, after what was written', async () => {
    const { stream, peer } = await pair();
    stream.write(Buffer.from('last'));
    stream.close();
    stream.destroy();
    const [bytes] = await once(peer, 'data');
    expect(String(bytes)).toBe('last');
    await once(peer, 'end');
  });

  it('holds back a flood', async () => {
    const { stream, peer } = await pair();
    const flood = Buffer.alloc(8 * 1024 * 1024, '9');
    peer.write(flood);
    let got = 0;
    while (got < flood.length) {
      const bytes = await stream.read(5_000);
      if (typeof bytes === 'string') throw new Error(bytes);
      expect(bytes.length).toBeLessThan(256 * 1024);
      got += bytes.length;
    }
    expect(got).toBe(flood.length);
  });
});
