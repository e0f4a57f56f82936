import { isIP } from 'node:net';
import { FlashError } from '../errors.ts';
import type { Chip } from '../model/chip.ts';
import type { Device, SerialPortFacts } from '../model/device.ts';
import { espatSerial } from '../protocols/espat-serial/index.ts';
import { serial } from '../protocols/esptool/index.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { PROTOCOLS } from '../protocols/registry.ts';
import { notOneDevice } from '../transports/device-address.ts';
import { type PortName, parsePortName } from './serial-port.ts';

/** Where `flash --to` points. */
export interface Target {
  readonly protocol: Protocol;
  /** A name or an address in numbers. */
  readonly host: string;
  /** Null: the default port of the device's core. */
  readonly port: number | null;
  /** The serial port, whose path stands in `host`; null for a device on the network. */
  readonly serial: PortName | null;
}

/** Protocols whose devices are on a port; the longer name first. */
const ON_PORTS: readonly Protocol[] = [espatSerial, serial];

/** Reads `espota://host[:port]`, `serial:PORT[@BAUD]` or `espat-serial:PORT[@BAUD]`. Throws USAGE_BAD_TARGET. */
export function parseTarget(text: string): Target {
  const [, scheme, portName] = /^(espat-serial|serial):(?!\/\/)(.*)$/i.exec(text) ?? [];
  const onPort = ON_PORTS.find(({ name: known }) => known === scheme?.toLowerCase());
  if (portName !== undefined && onPort !== undefined) {
    const port = parsePortName(portName);
    return { protocol: onPort, host: port.path, port: null, serial: port };
  }
  const [, name, rest] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  if (name === undefined || rest === undefined) throw bad(text, 'it does not begin with a protocol and "://"');
  const portless = ON_PORTS.find((known) => known.name === name.toLowerCase());
  if (portless !== undefined)
    throw bad(text, `a port is written ${portless.name}:PORT, for example ${portless.name}:/dev/ttyUSB0`);
  const protocol = PROTOCOLS.get(name.toLowerCase());
  if (protocol === undefined)
    throw bad(text, `"${name}" is not one of the protocols: ${[...PROTOCOLS.keys()].join(', ')}`);
  if (rest.includes('@')) throw bad(text, 'it holds an "@"; a password goes into --password-env or --password-file');
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^:/?#[\]\s]+)(?::(\d{1,6}))?\/?$/i.exec(rest) ?? [];
  if (host === undefined) throw bad(text, 'what follows the protocol is not a host and a port');
  return {
    protocol,
    host: hostOf(text, host.replace(/^\[|\]$/g, '')),
    port: port === undefined ? null : portOf(text, Number(port)),
    serial: null,
  };
}

/** In numbers it has to be the address of one device. Systems read `0`, `10.1` and `0x7f.1` as addresses too, which nobody means. */
function hostOf(text: string, host: string): string {
  if (isIP(host) === 0 && /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i.test(host))
    throw bad(text, `${host} is neither a name nor an IPv4 address, which has four numbers from 0 to 255`);
  const what = notOneDevice(host);
  if (what !== null) throw bad(text, `${host} is ${what} and not that of one device`);
  return host;
}

function portOf(text: string, port: number): number {
  if (port < 1 || port > 65_535) throw bad(text, `${port} is not a port from 1 to 65535`);
  return port;
}

function bad(text: string, why: string): FlashError {
  return new FlashError('USAGE_BAD_TARGET', `cannot flash to "${withoutPassword(text)}": ${why}`);
}

/** `espota://user:password@host`: what stands before the @ is never repeated. */
export function withoutPassword(text: string): string {
  return text.replace(/\/\/.*@/, '//…@');
}

/** `host:port` as a person wrote it. */
export function targetName({ host, port }: Pick<Target, 'host' | 'port'>): string {
  return port === null ? host : `${host}:${port}`;
}

/** The target as the device that a protocol flashes: nothing is known of it but what the command line says. */
export function deviceOfTarget(
  target: Target,
  chip: Chip | null,
  nowMs: number,
  serialPort: SerialPortFacts | null = null,
): Device {
  const name = targetName(target);
  return {
    id: `target:${name}`,
    keys: [`target:${name}`],
    name,
    address: target.serial === null ? target.host : null,
    port: target.port,
    serial: serialPort,
    mac: null,
    services: [],
    board: null,
    txt: {},
    chip,
    protocol: target.protocol.name,
    tags: [],
    presence: 'unknown',
    firstSeenMs: nowMs,
    lastSeenMs: null,
  };
}
