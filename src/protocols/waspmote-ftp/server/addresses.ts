import { isIP, isIPv4 } from 'node:net';

/** IPv4 addresses that came over an IPv6 socket (RFC 4291, section 2.5.5.2) are written as what they are. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

/** Where the device waits for a data connection, by PORT or EPRT. */
export interface DataAddress {
  readonly host: string;
  readonly port: number;
}

/** `h1,h2,h3,h4,p1,p2` (RFC 959, section 4.1.2). Null: it is not that. */
export function parsePort(argument: string): DataAddress | null {
  const match = /^(\d{1,3},\d{1,3},\d{1,3},\d{1,3}),(\d{1,3}),(\d{1,3})$/.exec(argument);
  const [high, low] = [Number(match?.[2]), Number(match?.[3])];
  const host = match?.[1]?.replaceAll(',', '.') ?? '';
  return isIPv4(host) && high <= 255 && low <= 255 ? { host, port: high * 256 + low } : null;
}

/** `|1|132.235.1.2|6275|` (RFC 2428, section 2). Null: it is not that. */
export function parseExtendedPort(argument: string): DataAddress | null {
  const [before, family, host = '', port, after, ...rest] = argument.split(argument[0] ?? '|');
  const isWhole = before === '' && after === '' && rest.length === 0 && /^\d{1,5}$/.test(port ?? '');
  const isRight = isIP(host) === (family === '1' ? 4 : 6) && ['1', '2'].includes(family ?? '');
  return isWhole && isRight && Number(port) <= 65_535 ? { host, port: Number(port) } : null;
}

/** The answer to PASV, in exactly the form that modems look for. */
export function passiveReply(address: string, port: number): string {
  return `227 Entering Passive Mode (${address.replaceAll('.', ',')},${port >> 8},${port & 0xff}).`;
}
