import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { SerialLink, SerialTarget } from './links.ts';
import { openRfc2217Port } from './rfc2217.ts';
import { openSerialPort, type SerialBinding } from './serial.ts';
import type { SerialServer } from './serial-socket.ts';
import { openTcpPort } from './serial-tcp.ts';

/**
 * Opens a port by its path: a device of this machine, `tcp://host:port` or `rfc2217://host:port`. `binding` is asked for only for the
 * first, since loading it loads native code.
 *
 * @throws FlashError as {@link SerialLink} and its kinds say; SERIAL_PORT_NOT_FOUND for an address that is none
 */
export async function openSerial(
  target: SerialTarget,
  binding: () => Promise<SerialBinding>,
  clock: Clock,
): Promise<SerialLink> {
  const { path, baudRate } = target;
  const [, scheme, rest = ''] = /^(tcp|rfc2217):\/\/(.*)$/.exec(path) ?? [];
  if (scheme === undefined) return openSerialPort(target, await binding(), clock);
  const server = serverOf(path, rest);
  return scheme === 'tcp' ? openTcpPort(path, server, clock) : openRfc2217Port(path, server, baudRate, clock);
}

function serverOf(path: string, rest: string): SerialServer {
  const [, host, digits] = /^(\[[0-9a-f:.]+\]|[^:/?#[\]\s]+):(\d{1,5})\/?$/i.exec(rest) ?? [];
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new FlashError('SERIAL_PORT_NOT_FOUND', `${path}: what follows "//" is not a host and a port`);
  }
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

/** serialport's binding for this system. */
export async function systemBinding(): Promise<SerialBinding> {
  const { SerialPort } = await import('serialport');
  return SerialPort.binding;
}
