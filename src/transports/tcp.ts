import { lookup } from 'node:dns/promises';
import { connect, isIPv4, isIPv6, type Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import { notOneDevice } from './device-address.ts';
import type { StreamLink, StreamTarget } from './links.ts';
import { TcpStream } from './tcp-stream.ts';

/**
 * Connects to a device.
 *
 * @throws FlashError LINK_UNKNOWN_HOST, LINK_REFUSED, LINK_UNREACHABLE; or the signal's reason
 */
export async function openStream(target: StreamTarget, clock: Clock): Promise<StreamLink> {
  target.signal?.throwIfAborted();
  const address = await resolveIpv4(target.address);
  const socket = await connected({ ...target, address }, clock);
  return new TcpStream(socket, address, clock);
}

/** @throws FlashError LINK_UNKNOWN_HOST, also where what the name stands for is no address of one device */
export async function resolveIpv4(address: string): Promise<string> {
  const resolved = isIPv4(address) ? address : await lookUpIpv4(address);
  const what = notOneDevice(resolved);
  if (what === null) return resolved;
  throw new FlashError('LINK_UNKNOWN_HOST', `"${address}" stands for ${resolved}, ${what} and not that of one device`);
}

async function lookUpIpv4(name: string): Promise<string> {
  if (isIPv6(name)) throw new FlashError('LINK_UNKNOWN_HOST', `${name} is an IPv6 address; an IPv4 one is needed`);
  try {
    return (await lookup(name, { family: 4 })).address;
  } catch (cause) {
    throw new FlashError('LINK_UNKNOWN_HOST', `no IPv4 address is known for "${name}"`, { cause });
  }
}

function connected({ address, port, withinMs, signal }: StreamTarget, clock: Clock): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // Half open, so that the end of the other direction does not end ours before everything is sent.
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
    const settle = (finish: () => void) => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      finish();
    };
    const fail = (error: unknown) =>
      settle(() => {
        socket.destroy();
        reject(error);
      });
    const onAbort = () => fail(signal?.reason);
    const onError = (cause: NodeJS.ErrnoException) => fail(connectError(`${address}:${port}`, cause));
    const timer = clock.setTimer(withinMs, () => {
      fail(new FlashError('LINK_UNREACHABLE', `${address}:${port} did not answer within ${withinMs / 1000} s`));
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('connect', () => settle(() => resolve(socket)));
  });
}

function connectError(where: string, cause: NodeJS.ErrnoException): FlashError {
  if (cause.code === 'ECONNREFUSED' || cause.code === 'ECONNRESET') {
    return new FlashError('LINK_REFUSED', `nothing listens at ${where}`, { cause });
  }
  return new FlashError('LINK_UNREACHABLE', `${where} cannot be reached (${cause.code ?? cause.message})`, { cause });
}
