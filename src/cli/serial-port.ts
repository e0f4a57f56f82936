import { listedPath } from '../discovery/serial-ports/port-path.ts';
import { FlashError } from '../errors.ts';
import type { SerialPortFacts } from '../model/device.ts';

/** A port as a person names it. */
export interface PortName {
  /** `/dev/ttyUSB0`, `COM3`, `tcp://host:port`, `rfc2217://host:port`. */
  readonly path: string;
  /** Null: the protocol's own. */
  readonly baudRate: number | null;
}

const LOWEST_BAUD = 9_600;
const HIGHEST_BAUD = 4_000_000;

/** Reads `PORT[@BAUD]`. Throws USAGE_BAD_TARGET. */
export function parsePortName(text: string): PortName {
  const [, path = '', digits] = /^(.+?)(?:@(\d+))?$/.exec(text) ?? [];
  const bad = (why: string) => new FlashError('USAGE_BAD_TARGET', `cannot use the port "${text}": ${why}`);
  if (path === '') throw bad('it has no name');
  if (/^(tcp|rfc2217):/.test(path) && !/^(tcp|rfc2217):\/\/(\[[0-9a-f:.]+\]|[^:/@\s]+):\d{1,5}$/i.test(path))
    throw bad('a port across the network is written tcp://HOST:PORT or rfc2217://HOST:PORT');
  const baudRate = digits === undefined ? null : Number(digits);
  if (baudRate !== null && (baudRate < LOWEST_BAUD || baudRate > HIGHEST_BAUD))
    throw bad(`${baudRate} baud; ${LOWEST_BAUD} to ${HIGHEST_BAUD} are possible`);
  return { path, baudRate };
}

/** What the system knows of a port: native USB is reset in another way than a bridge. A list that cannot be had is no obstacle. */
export async function portFacts(
  path: string,
  list: () => Promise<readonly SerialPortFacts[]>,
): Promise<SerialPortFacts> {
  const known = await list().catch(() => []);
  const listed = listedPath(path);
  return { path, usb: known.find((port) => port.path === path || port.path === listed)?.usb ?? null };
}
