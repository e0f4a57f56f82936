import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/log.ts';
import type { PortRange } from '../../../src/model/fields.ts';
import { plainAddress } from '../../../src/transports/dial-back.ts';
import type { DialBack } from '../../../src/transports/links.ts';
import { createNodeLinks } from '../../../src/transports/node-links.ts';
import { callAndReset } from '../../devices/call-and-reset.ts';

const open: { close(): unknown }[] = [];
const never = new AbortController().signal;
const soon = () => AbortSignal.timeout(60_000);

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

function links() {
  return createNodeLinks(systemClock, silentLogger);
}

async function expectFrom(
  peerAddress: string,
  ports: PortRange | null = null,
  { on = links(), signal = never } = {},
): Promise<DialBack> {
  const dialBack = await on.expectDialBack({ localAddress: '127.0.0.1', peerAddress, ports, signal });
  open.push(dialBack);
  return dialBack;
}

function call(port: number, localAddress: string): Socket {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => undefined);
  open.push({ close: () => socket.destroy() });
  return socket;
}

async function freePort(): Promise<number> {
  const dialBack = await expectFrom('127.0.0.1');
  dialBack.close();
  return dialBack.port;
}

describe('dial-back', () => {
  it('writes an IPv4-mapped address as IPv4', () => {
    expect(plainAddress('::ffff:10.0.0.7')).toBe('10.0.0.7');
    expect(plainAddress('10.0.0.7')).toBe('10.0.0.7');
    expect(plainAddress('fe80::1')).toBe('fe80::1');
  });

  it('gives the connection to the job whose device called, on one shared port', async () => {
    const port = await freePort();
    const on = links();
    const range = { first: port, last: port };
    const one = await expectFrom('127.0.0.2', range, { on });
    const two = await expectFrom('127.0.0.3', range, { on });
    call(port, '127.0.0.3');
    call(port, '127.0.0.2');
    expect((await one.accept(soon())).remoteAddress).toBe('127.0.0.2');
    expect((await two.accept(soon())).remoteAddress).toBe('127.0.0.3');
  });

  it('refuses everyone else, and remembers who it was', async () => {
    const dialBack = await expectFrom('127.0.0.2');
    const stranger = call(dialBack.port, '127.0.0.9');
    // Not events.once: the refusal is a reset, which is an error to the stranger.
    await new Promise((resolve) => stranger.once('close', resolve));
    expect(dialBack.strangers).toEqual(['127.0.0.9']);
  });

  it('counts who hung up before it could be told who it was, and goes on listening', async () => {
    const dialBack = await expectFrom('127.0.0.2');
    callAndReset(dialBack.port);
    callAndReset(dialBack.port);
    call(dialBack.port, '127.0.0.2');
    expect((await dialBack.accept(AbortSignal.timeout(60_000))).remoteAddress).toBe('127.0.0.2');
    expect(dialBack).toMatchObject({ brokenCalls: 2, strangers: [] });
  });

  it('takes one connection: the port is closed after it', async () => {
    const dialBack = await expectFrom('127.0.0.2');
    call(dialBack.port, '127.0.0.2');
    await dialBack.accept(soon());
    const second = call(dialBack.port, '127.0.0.2');
    const [error] = await once(second, 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('lets a second job for the same address wait for its turn', async () => {
    const port = await freePort();
    const on = links();
    const range = { first: port, last: port };
    const first = await expectFrom('127.0.0.2', range, { on });
    const order: string[] = [];
    const second = expectFrom('127.0.0.2', range, { on }).then((dialBack) => {
      order.push('second');
      return dialBack;
    });
    call(port, '127.0.0.2');
    await first.accept(soon());
    order.unshift('first');
    call((await second).port, '127.0.0.2');
    expect((await (await second).accept(soon())).remoteAddress).toBe('127.0.0.2');
    expect(order).toEqual(['first', 'second']);
  });

  it('takes another port of the range rather than wait', async () => {
    const port = await freePort();
    const on = links();
    const range = { first: port, last: port + 5 };
    const first = await expectFrom('127.0.0.2', range, { on });
    const second = await expectFrom('127.0.0.2', range, { on });
    expect(second.port).not.toBe(first.port);
  });

  it('stops waiting when it is told to', async () => {
    const port = await freePort();
    const on = links();
    await expectFrom('127.0.0.2', { first: port, last: port }, { on });
    const waiting = expectFrom('127.0.0.2', { first: port, last: port }, { on, signal: AbortSignal.timeout(50) });
    await expect(waiting).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('says which ports are taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    open.push(other);
    await once(other, 'listening');
    const port = (other.address() as { port: number }).port;
    await expect(expectFrom('127.0.0.2', { first: port, last: port })).rejects.toMatchObject({ code: 'LINK_NO_PORT' });
  });

  it('says when the local address is none of this machine', async () => {
    const target = { localAddress: '192.0.2.1', peerAddress: '127.0.0.2', ports: null, signal: never };
    await expect(links().expectDialBack(target)).rejects.toMatchObject({ code: 'LINK_LOCAL_ADDRESS' });
  });
});
