import { connect, type Socket } from 'node:net';
import { sleep } from '../clock.ts';
import { type ConnectionOptions, DeviceConnection } from './connection.ts';
import type { Peer } from './listener.ts';

/** The device connects back, from an address of its own. */
export interface DialOptions extends ConnectionOptions {
  /** The device's own address. */
  readonly from: string;
  readonly to: Peer;
  readonly timeoutMs: number;
}

/** The device connects to the host: null where that is refused or takes too long. */
export async function dial(options: DialOptions): Promise<DeviceConnection | null> {
  const { clock, link, signal } = options;
  if (options.to.port === 0) return null;
  await sleep(clock, link.delayMs, signal);
  const socket = await openSocket(options);
  if (socket === null) return null;
  const connection = new DeviceConnection(socket, options);
  await sleep(clock, link.delayMs, signal);
  return connection;
}

function openSocket({ clock, from, to, timeoutMs, chip, signal }: DialOptions): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({
      host: to.address,
      port: to.port,
      localAddress: from,
      family: 4,
      allowHalfOpen: true,
      noDelay: chip === 'esp8266',
    });
    const giveUp = () => {
      socket.destroy();
      settle(null);
    };
    const timer = clock.setTimer(timeoutMs, giveUp);
    const settle = (result: Socket | null) => {
      timer.cancel();
      signal.removeEventListener('abort', giveUp);
      socket.removeListener('error', giveUp);
      resolve(result);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    socket.once('error', giveUp);
    socket.once('connect', () => settle(socket));
  });
}
