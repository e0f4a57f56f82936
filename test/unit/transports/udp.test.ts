import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/log.ts';
import type { DatagramLink } from '../../../src/transports/links.ts';
import { createNodeLinks } from '../../../src/transports/node-links.ts';

const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function socketAt(address: string): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket('udp4').bind(0, address);
  open.push(socket);
  await once(socket, 'listening');
  return { socket, port: socket.address().port };
}

async function linkTo(address: string, port: number, localAddress?: string): Promise<DatagramLink> {
  const target = { address, port, ...(localAddress === undefined ? {} : { localAddress }) };
  const link = await createNodeLinks(systemClock, silentLogger).openDatagram(target);
  open.push(link);
  return link;
}

describe('a datagram link', () => {
  it.runIf(process.platform === 'linux')('is not opened to a whole network', async () => {
    await expect(linkTo('127.255.255.255', 8266)).rejects.toMatchObject({
      code: 'LINK_UNREACHABLE',
      message: expect.stringContaining('it is a broadcast address'),
    });
  });

  it('carries datagrams whole, both ways, from the address the route uses', async () => {
    const { socket, port } = await socketAt('127.0.0.5');
    const link = await linkTo('127.0.0.5', port);
    expect(link).toMatchObject({ localAddress: '127.0.0.1', remoteAddress: '127.0.0.5' });
    await link.send(Buffer.from('invitation'));
    const [text, from] = await once(socket, 'message');
    expect(String(text)).toBe('invitation');
    socket.send('x'.repeat(500), from.port, from.address);
    expect((await link.receive(1_000))?.length).toBe(500);
  });

  it('uses the local address it is given', async () => {
    const { port } = await socketAt('127.0.0.5');
    expect((await linkTo('127.0.0.5', port, '127.0.0.77')).localAddress).toBe('127.0.0.77');
    await expect(linkTo('127.0.0.5', port, '192.0.2.1')).rejects.toMatchObject({ code: 'LINK_LOCAL_ADDRESS' });
  });

  it('hears nobody else', async () => {
    const { socket, port } = await socketAt('127.0.0.5');
    const stranger = await socketAt('127.0.0.6');
    const link = await linkTo('127.0.0.5', port);
    await link.send(Buffer.from('hello'));
    const [, from] = await once(socket, 'message');
    stranger.socket.send('OK', from.port, from.address);
    socket.send('real', from.port, from.address);
    expect(String(await link.receive(1_000))).toBe('real');
    expect(await link.receive(20)).toBeNull();
  });

  it('tells once that nothing listens there, and stays usable', async () => {
    const { socket, port } = await socketAt('127.0.0.5');
    const link = await linkTo('127.0.0.5', port);
    socket.close();
    open.splice(open.indexOf(socket), 1);
    await link.send(Buffer.from('hello'));
    await expect(link.receive(1_000)).rejects.toMatchObject({ code: 'LINK_REFUSED' });
    expect(await link.receive(20)).toBeNull();
  });

  it('stops waiting when it is told to', async () => {
    const { port } = await socketAt('127.0.0.5');
    const link = await linkTo('127.0.0.5', port);
    await expect(link.receive(5_000, AbortSignal.timeout(20))).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('speaks IPv4 only', async () => {
    await expect(linkTo('::1', 3232)).rejects.toMatchObject({ code: 'LINK_UNKNOWN_HOST' });
  });
});
