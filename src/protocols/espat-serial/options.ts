import { isIPv4 } from 'node:net';
import type { Fields, OptionValue, OptionValues, PortRange, Secret } from '../../model/fields.ts';
import { FLASH_MAPS, type FlashMap } from '../../model/image.ts';

/** How a module gets its image; docs/protocols/espat-serial.md, "Session". */
export const WAYS = ['auto', 'ciupdate', 'userota', 'webserver'] as const;
/** `auto` is decided by what the module is. */
export type Way = (typeof WAYS)[number];

/** What a rule may set under `update:` for `protocol: espat-serial`. */
export const ESPAT_SERIAL_FIELDS = {
  baud: {
    kind: 'integer',
    min: 0,
    max: 4_000_000,
    default: 0,
    unit: 'baud',
    doc: 'The rate of the module; 0: it is found.',
  },
  ssid: { kind: 'text', default: null, doc: 'The network to join. Without it: the one that the module is in.' },
  password: { kind: 'secret', doc: 'The password of that network.' },
  way: {
    kind: 'choice',
    values: WAYS,
    default: 'auto',
    doc: 'How the module gets the image. auto: AT+USEROTA where the firmware has it, else AT+CIUPDATE; webserver: it is sent to the web server of the module.',
  },
  serve: {
    kind: 'boolean',
    default: true,
    doc: 'Serve the image from here while the attempt lasts. false: the module fetches from a server that is there already.',
  },
  url: {
    kind: 'text',
    default: null,
    check: (text) => (/^https?:\/\/[\x21-\x7e]{1,8000}$/.test(text) ? null : 'an http or https URL'),
    doc: 'With serve: false and AT+USEROTA, where the image is.',
  },
  listen: {
    kind: 'port-range',
    default: null,
    doc: 'TCP port of the server. Default: 80 for AT+CIUPDATE, which is built into modules, any free one for AT+USEROTA.',
  },
  'local-address': {
    kind: 'text',
    default: null,
    check: ipv4,
    doc: 'IPv4 address of this machine that the module fetches from. Default: the one the route to the module uses.',
  },
  'web-port': {
    kind: 'integer',
    min: 1,
    max: 65_535,
    default: 80,
    unit: 'port',
    doc: 'With way: webserver, the TCP port that the web server of the module is started on.',
  },
  dns: {
    kind: 'text',
    default: null,
    check: ipv4,
    doc: 'DNS server that the module is to ask for iot.espressif.cn (AT 1.4 and later): where espat-cloud answers DNS.',
  },
  'flash-map': {
    kind: 'choice',
    values: ['unknown', ...FLASH_MAPS],
    default: 'unknown',
    doc: 'The flash map of the module (ESP8266). An image for another one does not start, and no update changes it.',
  },
  version: {
    kind: 'text',
    default: null,
    doc: 'Text that AT+GMR must hold after the update. Without it: any that is not the one of before.',
  },
  'answer-within': {
    kind: 'duration',
    minMs: 200,
    maxMs: 60_000,
    defaultMs: 5_000,
    doc: 'How long the module may take to answer an ordinary command.',
  },
  'join-within': {
    kind: 'duration',
    minMs: 1_000,
    maxMs: 120_000,
    defaultMs: 40_000,
    doc: 'How long it may take to join the network.',
  },
  'update-within': {
    kind: 'duration',
    minMs: 1_000,
    maxMs: 900_000,
    defaultMs: 300_000,
    doc: 'How long it may take from the command to OK or ERROR; modules give up by themselves after 60 to 180 s.',
  },
  'ready-within': {
    kind: 'duration',
    minMs: 500,
    maxMs: 300_000,
    defaultMs: 30_000,
    doc: 'How long it may take to start with the new firmware.',
  },
} as const satisfies Fields;

/** The same, typed. */
export interface EspatSerialOptions {
  /** Null: it is found. */
  readonly baudRate: number | null;
  readonly ssid: string | null;
  readonly password: Secret | null;
  readonly way: Way;
  readonly isServed: boolean;
  readonly url: string | null;
  readonly listen: PortRange | null;
  readonly localAddress: string | null;
  readonly webPort: number;
  readonly dns: string | null;
  readonly flashMap: FlashMap | null;
  readonly version: string | null;
  readonly answerWithinMs: number;
  readonly joinWithinMs: number;
  readonly updateWithinMs: number;
  readonly readyWithinMs: number;
}

/** Reads values that were checked against {@link ESPAT_SERIAL_FIELDS}; an absent one has its default. */
export function readOptions(values: OptionValues): EspatSerialOptions {
  const value = (name: keyof typeof ESPAT_SERIAL_FIELDS): OptionValue | undefined => values[name];
  const text = (name: keyof typeof ESPAT_SERIAL_FIELDS): string | null => {
    const given = value(name);
    return typeof given === 'string' ? given : null;
  };
  const duration = (name: DurationName): number => {
    const given = value(name);
    return typeof given === 'number' ? given : ESPAT_SERIAL_FIELDS[name].defaultMs;
  };
  const baud = value('baud');
  const webPort = value('web-port');
  const password = value('password');
  const listen = value('listen');
  return {
    baudRate: typeof baud === 'number' && baud > 0 ? baud : null,
    ssid: text('ssid'),
    password: isSecret(password) ? password : null,
    way: WAYS.find((way) => way === text('way')) ?? 'auto',
    isServed: value('serve') !== false,
    url: text('url'),
    listen: isPortRange(listen) ? listen : null,
    localAddress: text('local-address'),
    webPort: typeof webPort === 'number' ? webPort : ESPAT_SERIAL_FIELDS['web-port'].default,
    dns: text('dns'),
    flashMap: FLASH_MAPS.find((map) => map === text('flash-map')) ?? null,
    version: text('version'),
    answerWithinMs: duration('answer-within'),
    joinWithinMs: duration('join-within'),
    updateWithinMs: duration('update-within'),
    readyWithinMs: duration('ready-within'),
  };
}

type DurationName = {
  [Name in keyof typeof ESPAT_SERIAL_FIELDS]: (typeof ESPAT_SERIAL_FIELDS)[Name]['kind'] extends 'duration'
    ? Name
    : never;
}[keyof typeof ESPAT_SERIAL_FIELDS];

function ipv4(text: string): string | null {
  return isIPv4(text) ? null : 'an IPv4 address';
}

function isSecret(value: OptionValue | undefined): value is Secret {
  return typeof value === 'object' && 'reveal' in value;
}

function isPortRange(value: OptionValue | undefined): value is PortRange {
  return typeof value === 'object' && 'first' in value;
}
