import type { Fields, OptionValue, OptionValues, PortRange, Secret } from '../../model/fields.ts';
import { BULK_CHUNK_BYTES } from './constants.ts';

/** What a rule may set under `update:` for `protocol: espota`. */
export const ESPOTA_FIELDS = {
  password: { kind: 'secret', doc: 'The password of the sketch (ArduinoOTA.setPassword).' },
  listen: {
    kind: 'port-range',
    default: null,
    doc: 'TCP port or range on which devices call back; set it to open it in a firewall. Default: any free port.',
  },
  'local-address': {
    kind: 'text',
    default: null,
    doc: 'IPv4 address of this machine that devices call back. Default: the one the route to the device uses.',
  },
  'answer-within': {
    kind: 'duration',
    minMs: 500,
    maxMs: 600_000,
    defaultMs: 23_000,
    doc: 'How long to go on inviting a device that says nothing.',
  },
  'login-within': {
    kind: 'duration',
    minMs: 500,
    maxMs: 120_000,
    defaultMs: 12_000,
    doc: 'How long a device may take to check a login; an ESP32 with core 3.3.1 or later needs seconds.',
  },
  'dial-back-within': {
    kind: 'duration',
    minMs: 500,
    maxMs: 120_000,
    defaultMs: 12_000,
    doc: 'How long a device may take from its OK to its connection.',
  },
  'stall-after': {
    kind: 'duration',
    minMs: 1_000,
    maxMs: 120_000,
    defaultMs: 12_000,
    doc: 'How long a device may be silent in the middle of the transfer.',
  },
  'result-within': {
    kind: 'duration',
    minMs: 2_000,
    maxMs: 300_000,
    defaultMs: 30_000,
    doc: 'How long a device may take from the last byte to its verdict; an ESP8266 never needs less than 1 s.',
  },
  chunk: {
    kind: 'choice',
    values: ['auto', '1460', '4096', '8192', '16384'],
    default: 'auto',
    doc: 'Bytes sent before a sign of life is awaited. auto: 1460 for the first 8 KiB and for retries, then 8192.',
  },
} as const satisfies Fields;

/** The same, typed. */
export interface EspotaOptions {
  readonly password: Secret | null;
  readonly listen: PortRange | null;
  readonly localAddress: string | null;
  readonly answerWithinMs: number;
  readonly loginWithinMs: number;
  readonly dialBackWithinMs: number;
  readonly stallAfterMs: number;
  readonly resultWithinMs: number;
  /** Null: `auto`. */
  readonly chunkBytes: number | null;
}

/** Reads values that were checked against {@link ESPOTA_FIELDS}; an absent one has its default. */
export function readOptions(values: OptionValues): EspotaOptions {
  const value = (name: keyof typeof ESPOTA_FIELDS): OptionValue | undefined => values[name];
  const duration = (name: DurationName): number => {
    const given = value(name);
    return typeof given === 'number' ? given : ESPOTA_FIELDS[name].defaultMs;
  };
  const password = value('password');
  const listen = value('listen');
  const localAddress = value('local-address');
  const chunk = value('chunk') ?? ESPOTA_FIELDS.chunk.default;
  return {
    password: isSecret(password) ? password : null,
    listen: isPortRange(listen) ? listen : null,
    localAddress: typeof localAddress === 'string' ? localAddress : null,
    answerWithinMs: duration('answer-within'),
    loginWithinMs: duration('login-within'),
    dialBackWithinMs: duration('dial-back-within'),
    stallAfterMs: duration('stall-after'),
    resultWithinMs: duration('result-within'),
    chunkBytes: chunk === 'auto' ? null : Number(chunk),
  };
}

/** The chunk that follows the careful first ones. */
export function bulkChunkBytes(options: EspotaOptions): number {
  return options.chunkBytes ?? BULK_CHUNK_BYTES;
}

type DurationName = {
  [Name in keyof typeof ESPOTA_FIELDS]: (typeof ESPOTA_FIELDS)[Name]['kind'] extends 'duration' ? Name : never;
}[keyof typeof ESPOTA_FIELDS];

function isSecret(value: OptionValue | undefined): value is Secret {
  return typeof value === 'object' && 'reveal' in value;
}

function isPortRange(value: OptionValue | undefined): value is PortRange {
  return typeof value === 'object' && 'first' in value;
}
