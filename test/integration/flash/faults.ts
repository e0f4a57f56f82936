import type { ErrorCode } from '../../../src/errors.ts';
import type { Core } from '../../../src/simulator/cores.ts';
import type { DeviceSpec } from '../../../src/simulator/device-spec.ts';
import type { Faults } from '../../../src/simulator/faults.ts';

/** Of every image of the matrix: some flash sectors, and not a whole number of them. */
export const SIZE_BYTES = 30_000;

/** How one `flash` ends: in acceptance, or with this error. */
export type End = 'accepted' | ErrorCode;

/** A device of the matrix: one core, with a password or without. */
export interface Kind {
  readonly core: Core;
  readonly hasPassword: boolean;
}

/** One fault, and how the update of a device that has it ends. */
export interface FaultRow {
  readonly fault: string;
  readonly device: Partial<DeviceSpec>;
  /** More than one where the device gives no sign that could tell them apart. */
  readonly end: (kind: Kind) => End | readonly End[];
  /** Default: none. */
  readonly retries?: number;
  /** What the client is given. Default: the password of the device, if it has one. */
  readonly given?: 'wrong' | 'nothing' | 'right';
}

const row = (fault: string, faults: Faults, end: End | readonly End[] | FaultRow['end']): FaultRow => ({
  fault,
  device: { faults },
  end: typeof end === 'function' ? end : () => end,
});

/** The cores refuse in different words, and at different moments. */
const byChip =
  (esp8266: End, esp32: End) =>
  ({ core }: Kind): End =>
    core === 'esp8266' ? esp8266 : esp32;

const byPassword =
  (without: End, having: End) =>
  ({ hasPassword }: Kind): End =>
    hasPassword ? having : without;

const NETWORK: readonly FaultRow[] = [
  row('no fault', {}, 'accepted'),
  row('the invitation is lost', { loseIncoming: [1] }, 'accepted'),
  row('the second datagram, a login, is lost', { loseIncoming: [2] }, 'accepted'),
  row('all datagrams are lost', { loseIncoming: Array.from({ length: 50 }, (_, at) => at + 1) }, 'OTA_NO_ANSWER'),
  row('the first answer is lost', { loseOutgoing: [1] }, 'accepted'),
  row('the second answer is lost', { loseOutgoing: [2] }, 'accepted'),
  // A device that connects has accepted, whatever became of its words; one that cannot ask for the login never does.
  row('it answers noise', { udpReply: '\u0000\u001b[2J\u00ff' }, byPassword('accepted', 'OTA_UNEXPECTED_ANSWER')),
  row('it answers nothing', { udpReply: '' }, byPassword('accepted', 'OTA_UNEXPECTED_ANSWER')),
  row('it answers 1,400 bytes', { udpReply: 'OK'.repeat(700) }, byPassword('accepted', 'OTA_UNEXPECTED_ANSWER')),
  row('it says OK before the login', { udpReply: 'OK' }, byPassword('accepted', 'OTA_DIAL_BACK')),
  row(
    'it refuses a login before there was one',
    { udpReply: 'Authentication Failed' },
    byPassword('accepted', 'OTA_UNEXPECTED_ANSWER'),
  ),
  row('it refuses in unknown words', { udpReply: 'ERR: ERROR[99]: \u0007no' }, 'OTA_REFUSED'),
  row('it never connects', { noDialBack: true }, 'OTA_DIAL_BACK'),
  row('a stranger connects first', { strangerAddress: '127.0.0.66' }, 'accepted'),
];

const TRANSFER: readonly FaultRow[] = [
  ...[0, 1, 5_000, 20_000].flatMap((atByte) => [
    row(`reset after ${atByte} bytes`, { transfer: { atByte, how: 'reset' } }, 'OTA_CONNECTION_LOST'),
    row(`close after ${atByte} bytes`, { transfer: { atByte, how: 'close' } }, 'OTA_CONNECTION_LOST'),
    row(`silence after ${atByte} bytes`, { transfer: { atByte, how: 'hang' } }, 'OTA_STALLED'),
  ]),
  // A device that answered for a part of the last chunk and is quiet then may have read all of it, its last count lost among the
  // others: the last byte is sent, and the outcome open. How soon it ends the connection decides which of the two is seen.
  row('close after all bytes but one', { transfer: { atByte: SIZE_BYTES - 1, how: 'close' } }, [
    'OTA_CONNECTION_LOST',
    'OTA_RESULT_LOST',
  ]),
  row('silence after all bytes but one', { transfer: { atByte: SIZE_BYTES - 1, how: 'hang' } }, [
    'OTA_STALLED',
    'OTA_RESULT_LOST',
  ]),
  // It had every byte: nobody can know from here what it does with them.
  row('reset after the last byte', { transfer: { atByte: SIZE_BYTES, how: 'reset' } }, 'OTA_RESULT_LOST'),
  row('close after the last byte', { transfer: { atByte: SIZE_BYTES, how: 'close' } }, 'OTA_RESULT_LOST'),
  row('silence after the last byte', { transfer: { atByte: SIZE_BYTES, how: 'hang' } }, 'OTA_RESULT_LOST'),
  row('the connection is closed before OK', { okLost: 'close' }, 'OTA_RESULT_LOST'),
  row('the connection is reset before OK', { okLost: 'reset' }, 'OTA_RESULT_LOST'),
  row('counts come byte by byte', { replies: 'split' }, 'accepted'),
  row('counts come all together', { replies: 'joined' }, 'accepted'),
  row('counts are too large', { chatter: '99999999' }, 'accepted'),
  row('counts are words', { chatter: 'hello' }, 'OTA_REFUSED'),
  row('counts are OK', { chatter: 'OK' }, 'OTA_UNEXPECTED_ANSWER'),
  row('counts are noise', { chatter: '\u0000\u00fe' }, 'OTA_UNEXPECTED_ANSWER'),
  row('words without end', { endlessText: 'Guru Meditation Error ' }, 'OTA_REFUSED'),
  row('OK without end', { endlessText: 'OK' }, 'OTA_UNEXPECTED_ANSWER'),
  // Counted up by a device that read nothing: it never says OK, and that is what counts.
  row('digits without end', { endlessText: '1460' }, 'OTA_RESULT_LOST'),
];

const FLASH: readonly FaultRow[] = [
  row('an early sector cannot be written', { badByte: 1_000 }, 'OTA_FLASH_FAILED'),
  // An ESP32 closes with the rest of a large chunk unread, and the reset that follows overtakes its words.
  row('a later sector cannot be written', { badByte: 9_000 }, byChip('OTA_FLASH_FAILED', 'OTA_CONNECTION_LOST')),
  row('the last sector cannot be written', { badByte: SIZE_BYTES - 1 }, 'OTA_FLASH_FAILED'),
  row('the checksum is another', { wrongChecksum: true }, 'OTA_CHECKSUM_MISMATCH'),
  {
    fault: 'no space',
    device: { appSpaceBytes: SIZE_BYTES - 1 },
    // An ESP32 has said OK by then, and says no more.
    end: byChip('OTA_NO_SPACE', 'OTA_DIAL_BACK'),
  },
  row('refuses to begin: flash', { refusesToBegin: 'erase' }, byChip('OTA_FLASH_FAILED', 'OTA_DIAL_BACK')),
  row(
    'refuses to begin: reset it first',
    { refusesToBegin: 'bootstrap' },
    byChip('OTA_DEVICE_NOT_READY', 'OTA_DIAL_BACK'),
  ),
  row('refuses to begin: size', { refusesToBegin: 'size' }, byChip('OTA_BAD_SIZE', 'OTA_DIAL_BACK')),
  row('refuses to end: signature', { refusesToEnd: 'signature' }, 'OTA_SIGNATURE_REFUSED'),
  row('refuses to end: magic byte', { refusesToEnd: 'magic' }, 'OTA_BAD_MAGIC'),
  row('refuses to end: flash', { refusesToEnd: 'read' }, 'OTA_FLASH_FAILED'),
  row('refuses to end: no data', { refusesToEnd: 'no-data' }, byChip('OTA_CONNECTION_LOST', 'OTA_ABORTED_BY_DEVICE')),
  row('refuses to end: activation', { refusesToEnd: 'activate' }, byChip('OTA_CONNECTION_LOST', 'OTA_NOT_ACTIVATED')),
];

const LOGIN: readonly FaultRow[] = [
  { fault: 'the wrong password', device: {}, given: 'wrong', end: byPassword('accepted', 'OTA_AUTH_REFUSED') },
  { fault: 'no password given', device: {}, given: 'nothing', end: byPassword('accepted', 'OTA_AUTH_REQUIRED') },
  { fault: 'a password given', device: {}, given: 'right', end: () => 'accepted' },
];

const SLOW: readonly FaultRow[] = [
  { fault: 'a slow network', device: { link: { delayMs: 40, bytesPerSecond: 40_000 } }, end: () => 'accepted' },
  { fault: 'a slow flash', device: { timings: { sectorMs: 300 } }, end: () => 'accepted' },
  { fault: 'a sketch that blocks', device: { timings: { loopMs: 800 } }, end: () => 'accepted' },
];

/** What heals itself: the retry meets a healthy device. */
const HEALED: readonly FaultRow[] = [
  row('reset, then healthy', { transfer: { atByte: 20_000, how: 'reset' }, uploads: 1 }, 'accepted'),
  row('never connects, then healthy', { noDialBack: true, uploads: 1 }, 'accepted'),
  row('wrong checksum, then healthy', { wrongChecksum: true, uploads: 1 }, 'accepted'),
].map((healed) => ({ ...healed, retries: 1 }));

/** Every fault of the simulator that an update itself can meet; those of the return are the daemon's (../daemon/returns.test.ts). */
export const FAULT_ROWS: readonly FaultRow[] = [...NETWORK, ...TRANSFER, ...FLASH, ...LOGIN, ...SLOW, ...HEALED];
