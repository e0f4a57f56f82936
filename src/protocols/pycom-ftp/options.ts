import type { Fields, OptionValue, OptionValues, Secret } from '../../model/fields.ts';
import { DEFAULT_LOGIN, LONGEST_CREDENTIAL, TELNET_PORT } from './constants.ts';

/** What a rule may set under `update:` for `protocol: pycom-ftp`. */
export const PYCOM_FIELDS = {
  user: {
    kind: 'text',
    default: DEFAULT_LOGIN.user,
    check: (text: string) => (isCredential(text) ? null : `at most ${LONGEST_CREDENTIAL} characters without spaces`),
    doc: 'The user of the FTP and telnet servers of the device.',
  },
  password: {
    kind: 'secret',
    doc: `Its password. Without it: ${DEFAULT_LOGIN.password}, which devices have until their user changes it.`,
  },
  reset: {
    kind: 'choice',
    values: ['telnet', 'none'],
    default: 'telnet',
    doc: 'telnet: the device is reset over telnet, and starts the image. none: it is left running; the next power cycle starts the image, and no more than sent can be proven.',
  },
  'telnet-port': {
    kind: 'integer',
    min: 1,
    max: 65_535,
    default: TELNET_PORT,
    doc: 'The port of the telnet server.',
  },
  flash: {
    kind: 'choice',
    values: ['auto', '4MB', '8MB'],
    default: 'auto',
    doc: 'The flash of the module, which settles how large an image may be. auto: by the version and the model that the device says, and the smallest where that leaves it open.',
  },
  'check-board': {
    kind: 'boolean',
    default: true,
    doc: 'Refuse an image whose MicroPython names another board than the device does.',
  },
  'wait-if-busy': {
    kind: 'duration',
    minMs: 0,
    maxMs: 3_600_000,
    defaultMs: 330_000,
    doc: 'How long a device that is busy with another FTP or telnet session is waited for. It ends idle sessions after 5 minutes.',
  },
  'greeting-within': {
    kind: 'duration',
    minMs: 500,
    maxMs: 120_000,
    defaultMs: 15_000,
    doc: 'A device that takes a connection and is silent for longer is busy with another session.',
  },
  'stall-after': {
    kind: 'duration',
    minMs: 1_000,
    maxMs: 120_000,
    defaultMs: 15_000,
    doc: 'How long a device may take no bytes in the middle of the upload; it gives up after 10 s without any itself.',
  },
  'result-within': {
    kind: 'duration',
    minMs: 1_000,
    maxMs: 600_000,
    defaultMs: 30_000,
    doc: 'How long a device may take from the end of the upload to its 226, beside the time that a slow one needs for the whole image: what this machine has buffered is on its way until then.',
  },
} as const satisfies Fields;

/** The same, typed. */
export interface PycomOptions {
  readonly user: string;
  /** Null: the one that devices come with. */
  readonly password: Secret | null;
  readonly reset: 'telnet' | 'none';
  readonly telnetPort: number;
  readonly flash: 'auto' | '4MB' | '8MB';
  readonly checkBoard: boolean;
  readonly waitIfBusyMs: number;
  readonly greetingWithinMs: number;
  readonly stallAfterMs: number;
  readonly resultWithinMs: number;
}

/** Reads values that were checked against {@link PYCOM_FIELDS}; an absent one has its default. */
export function readOptions(values: OptionValues): PycomOptions {
  const { user, password, reset, flash } = values;
  const duration = (name: DurationName): number => {
    const given: OptionValue | undefined = values[name];
    return typeof given === 'number' ? given : PYCOM_FIELDS[name].defaultMs;
  };
  const telnetPort = values['telnet-port'];
  return {
    user: typeof user === 'string' ? user : PYCOM_FIELDS.user.default,
    password: typeof password === 'object' && 'reveal' in password ? password : null,
    reset: reset === 'none' ? 'none' : 'telnet',
    telnetPort: typeof telnetPort === 'number' ? telnetPort : TELNET_PORT,
    flash: flash === '4MB' || flash === '8MB' ? flash : 'auto',
    checkBoard: values['check-board'] !== false,
    waitIfBusyMs: duration('wait-if-busy'),
    greetingWithinMs: duration('greeting-within'),
    stallAfterMs: duration('stall-after'),
    resultWithinMs: duration('result-within'),
  };
}

/** Both servers end a credential at white space, and keep no more of it. */
export function isCredential(text: string): boolean {
  return /^[!-~]+$/.test(text) && text.length <= LONGEST_CREDENTIAL;
}

type DurationName = {
  [Name in keyof typeof PYCOM_FIELDS]: (typeof PYCOM_FIELDS)[Name]['kind'] extends 'duration' ? Name : never;
}[keyof typeof PYCOM_FIELDS];
