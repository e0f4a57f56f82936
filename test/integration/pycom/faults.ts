import type { PycomSpec } from '../../../src/simulator/pycom/pycom-spec.ts';
import { buildMerged, buildPycomApp } from '../../fixtures/images.ts';
import type { Module } from './modules.ts';

/** What is done to each module, and how `flash` has to end: with a code, or with a proof. */
export interface FaultRow {
  readonly fault: string;
  readonly device?: Partial<PycomSpec>;
  /** Instead of the image that is right for the module. */
  readonly image?: (module: Module) => Uint8Array;
  readonly set?: readonly string[];
  readonly end: (module: Module) => string;
  /** The device has marked something for its next start, and was not reset. */
  readonly leavesMark?: boolean;
  /** For modules with an ESP32 only. */
  readonly onlyEsp32?: boolean;
}

const HALF = 15_000;
const orPowerCycle = (code: string) => (module: Module) => (module.keepsLength ? 'PYCOM_POWER_CYCLE' : code);
const always = (end: string) => () => end;

export const FAULT_ROWS: readonly FaultRow[] = [
  { fault: 'none', end: always('verified') },
  { fault: 'a script that runs in a loop', device: { script: true }, end: always('verified') },
  {
    fault: 'a connection that is dead after the reset',
    device: { faults: { reset: 'dead' }, timings: { bootMs: 4_000 } },
    end: always('verified'),
  },
  {
    fault: 'a restart faster than anybody looks',
    device: { faults: { reset: 'dead' }, timings: { bootMs: 200 } },
    end: always('verified'),
  },
  { fault: 'wrong PASV address', device: { faults: { passiveAddress: '10.255.255.1' } }, end: always('verified') },
  {
    fault: 'a login of its own',
    device: { user: 'field', password: 'dusty' },
    set: ['user=field', 'password=dusty'],
    end: always('verified'),
  },
  { fault: 'wrong login', device: { password: 'dusty' }, end: always('PYCOM_LOGIN_REFUSED') },
  { fault: 'busy FTP session', device: { faults: { busy: 'ftp' } }, end: always('PYCOM_BUSY') },
  { fault: 'busy telnet session', device: { faults: { busy: 'telnet' } }, end: always('PYCOM_BUSY') },
  { fault: 'telnet off', device: { faults: { telnet: 'off' } }, end: always('PYCOM_NO_TELNET') },
  {
    fault: 'telnet off, without a reset',
    device: { faults: { telnet: 'off' } },
    set: ['reset=none'],
    end: always('sent'),
    leavesMark: true,
  },
  { fault: 'no reset asked for', set: ['reset=none'], end: always('sent'), leavesMark: true },
  { fault: 'PASV without a port', device: { faults: { passive: 'garbage' } }, end: always('PYCOM_NO_DATA_CONNECTION') },
  {
    fault: 'PASV with a closed port',
    device: { faults: { passive: 'closed' } },
    end: always('PYCOM_NO_DATA_CONNECTION'),
  },
  { fault: 'slot not erased', device: { faults: { erase: 'fails' } }, end: orPowerCycle('PYCOM_SLOT_NOT_ERASED') },
  {
    fault: 'stall, and 426',
    device: { faults: { upload: { atByte: HALF, how: 'stalls' } }, timings: { dataTimeoutMs: 600 } },
    end: orPowerCycle('PYCOM_STALLED'),
    leavesMark: true,
  },
  {
    fault: 'stall without a word',
    device: { faults: { upload: { atByte: HALF, how: 'mute' } } },
    end: always('PYCOM_RESULT_LOST'),
    leavesMark: true,
  },
  {
    fault: 'cut at half, and 226',
    device: { faults: { upload: { atByte: HALF, how: 'ends' } } },
    end: orPowerCycle('PYCOM_UPLOAD_BROKEN'),
    leavesMark: true,
  },
  {
    fault: 'cut by a slow module when all has left, and 226',
    // More than the module's side takes off the wire by itself.
    image: ({ image }) => image(170_000),
    device: { faults: { upload: { atByte: HALF, how: 'ends' } }, timings: { turnMs: 40 } },
    end: orPowerCycle('PYCOM_UPLOAD_BROKEN'),
    leavesMark: true,
  },
  {
    fault: 'cut at the first byte, and 226',
    device: { faults: { upload: { atByte: 1, how: 'ends' } } },
    end: orPowerCycle('PYCOM_UPLOAD_BROKEN'),
    leavesMark: true,
  },
  {
    fault: 'cut by a reset, and 226',
    device: { faults: { upload: { atByte: HALF, how: 'resets' } } },
    end: orPowerCycle('PYCOM_UPLOAD_BROKEN'),
    leavesMark: true,
  },
  {
    fault: 'flash write fails',
    device: { faults: { upload: { atByte: HALF, how: 'fails' } } },
    end: orPowerCycle('PYCOM_FLASH_FAILED'),
    leavesMark: true,
  },
  {
    fault: 'power gone in the middle',
    device: { faults: { upload: { atByte: HALF, how: 'dies' } } },
    end: orPowerCycle('PYCOM_UPLOAD_BROKEN'),
  },
  {
    fault: '226 does not come',
    device: { faults: { result: 'silent' } },
    end: always('PYCOM_RESULT_LOST'),
    leavesMark: true,
  },
  {
    fault: 'session gone before 226',
    device: { faults: { result: 'lost' } },
    end: always('PYCOM_RESULT_LOST'),
    leavesMark: true,
  },
  {
    fault: 'no reset: it is ignored',
    device: { faults: { reset: 'ignored' } },
    end: always('PYCOM_NOT_RESET'),
    leavesMark: true,
  },
  {
    fault: 'no reset: telnet is gone',
    device: { faults: { reset: 'telnet-gone' } },
    end: always('PYCOM_NOT_RESET'),
    leavesMark: true,
  },
  {
    fault: 'no reset: deaf to Ctrl-C',
    device: { faults: { reset: 'no-prompt' } },
    end: always('PYCOM_NOT_RESET'),
    leavesMark: true,
  },
  { fault: 'comes back old', device: { faults: { comeback: 'old' } }, end: always('JOB_ROLLED_BACK') },
  {
    fault: 'rolled back by its boot loader',
    device: { faults: { comeback: 'rejected' } },
    end: always('JOB_ROLLED_BACK'),
  },
  { fault: 'not seen again', device: { faults: { comeback: 'never' } }, end: always('JOB_NOT_RETURNED') },
  { fault: 'factory image', image: () => buildMerged(), end: always('IMAGE_NOT_OTA') },
  {
    fault: 'image without MD5 and SHA-256',
    image: ({ spec }) => buildPycomApp({ board: spec.board, signed: 'none' }),
    end: always('IMAGE_NOT_OTA'),
  },
  {
    fault: 'image of the other generation',
    image: ({ spec }) =>
      buildPycomApp({ board: spec.board, signed: spec.bootLoader === 'sha256' ? 'md5-tail' : 'sha256' }),
    end: ({ spec }) => (spec.mcu === 'CC3200' ? 'PYCOM_WRONG_MODEL' : 'PYCOM_WRONG_GENERATION'),
  },
  {
    fault: 'image for another board',
    image: ({ spec }) => buildPycomApp({ board: 'SiPy', signed: spec.bootLoader }),
    end: always('PYCOM_WRONG_MODEL'),
  },
  {
    fault: 'image for another board, by intent',
    image: ({ spec }) => buildPycomApp({ board: 'OwnBoard', signed: spec.bootLoader }),
    set: ['check-board=false'],
    end: always('verified'),
    onlyEsp32: true,
  },
  {
    fault: 'image without a banner',
    image: ({ spec }) => buildPycomApp({ banner: null, signed: spec.bootLoader }),
    end: always('returned'),
    onlyEsp32: true,
  },
  {
    fault: 'slot too small',
    image: ({ image, spec }) => image(spec.slotBytes + 2_000),
    end: ({ spec, title }) => (spec.mcu === 'CC3200' || title.startsWith('FiPy') ? 'IMAGE_NOT_OTA' : 'PYCOM_NO_SPACE'),
  },
];
