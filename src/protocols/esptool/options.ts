import { FlashError } from '../../errors.ts';
import type { Fields, OptionValue, OptionValues } from '../../model/fields.ts';
import { parseResetSequence, RESET_SEQUENCES, type ResetSequence } from '../../transports/reset-lines.ts';
import type { ResetChoice } from './connect.ts';
import type { FlashSettings } from './flash-settings.ts';

const MEGABYTE = 1024 * 1024;
const FLASH_SIZES: Readonly<Record<string, number>> = {
  '256KB': MEGABYTE / 4,
  '512KB': MEGABYTE / 2,
  '1MB': MEGABYTE,
  '2MB': 2 * MEGABYTE,
  '4MB': 4 * MEGABYTE,
  '8MB': 8 * MEGABYTE,
  '16MB': 16 * MEGABYTE,
  '32MB': 32 * MEGABYTE,
  '64MB': 64 * MEGABYTE,
  '128MB': 128 * MEGABYTE,
};

const FREQUENCIES_MHZ = [80, 60, 48, 40, 30, 26, 24, 20, 16, 15, 12];

const NAMED_RESETS: Readonly<Record<string, ResetSequence>> = {
  classic: RESET_SEQUENCES.classic,
  tight: RESET_SEQUENCES.tight,
  'usb-jtag': RESET_SEQUENCES['usb-jtag'],
};

/** What a rule may set under `update:` for `protocol: serial`. */
export const SERIAL_FIELDS = {
  baud: {
    kind: 'integer',
    min: 9_600,
    max: 4_000_000,
    default: 921_600,
    unit: 'baud',
    doc: 'The fastest rate to use. Where it does not work, 460800, 230400 and 115200 are tried by themselves.',
  },
  reset: {
    kind: 'text',
    default: 'auto',
    check: (text) =>
      problemOf(() => readReset(text), 'auto, none, classic, tight, usb-jtag or steps such as "dtr=0 rts=1 wait=100"'),
    doc: 'How to get the chip into download mode: auto, none (it is there already), classic, tight, usb-jtag, or steps such as "dtr=0 rts=1 wait=100 dtr=1 rts=0 wait=50 dtr=0".',
  },
  offset: {
    kind: 'text',
    default: 'auto',
    check: (text) => problemOf(() => readOffset(text), 'auto or a flash address such as "0x10000"'),
    doc: 'Where in flash the image goes: auto (by its kind, and by the partition table on the chip), or an address such as "0x10000".',
  },
  erase: {
    kind: 'choice',
    values: ['sectors', 'all'],
    default: 'sectors',
    doc: 'What is erased before writing: the sectors of the image, or all of the flash.',
  },
  'skip-identical': {
    kind: 'boolean',
    default: true,
    doc: 'Leave an image alone that the flash already holds, by its MD5 on the chip.',
  },
  verify: { kind: 'boolean', default: true, doc: 'Compare the MD5 that the chip computes over what was written.' },
  stub: {
    kind: 'boolean',
    default: true,
    doc: "Load Espressif's flasher stub into the chip's RAM; without it the loader in ROM does the work, slowly.",
  },
  'allow-secure': {
    kind: 'boolean',
    default: false,
    doc: 'Write to chips with secure boot, flash encryption or secure download mode: the images have to be made for that.',
  },
  'flash-mode': {
    kind: 'choice',
    values: ['keep', 'qio', 'qout', 'dio', 'dout'],
    default: 'keep',
    doc: 'Flash mode to put into the header of the image that the ROM starts; its digest is made right again.',
  },
  'flash-frequency': {
    kind: 'choice',
    values: ['keep', ...FREQUENCIES_MHZ.map((megahertz) => `${megahertz}MHz`)],
    default: 'keep',
    doc: 'Flash frequency to put into that header, as far as the chip has it.',
  },
  'flash-size': {
    kind: 'choice',
    values: ['keep', 'detect', ...Object.keys(FLASH_SIZES)],
    default: 'keep',
    doc: 'Flash size to put into that header; detect: the one that the flash chip reports.',
  },
} as const satisfies Fields;

/** The same, typed. */
export interface SerialOptions {
  readonly baudRate: number;
  readonly reset: ResetChoice;
  readonly offset: number | 'auto';
  readonly eraseAll: boolean;
  readonly skipIdentical: boolean;
  readonly verify: boolean;
  readonly useStub: boolean;
  readonly allowSecure: boolean;
  readonly settings: Omit<FlashSettings, 'sizeBytes'> & { readonly sizeBytes: number | 'detect' | null };
}

/** What a rule gets that sets nothing. */
export const DEFAULT_SERIAL_OPTIONS: SerialOptions = readOptions(
  Object.fromEntries(Object.entries(SERIAL_FIELDS).map(([name, field]) => [name, field.default])),
);

/** Reads values that were checked against {@link SERIAL_FIELDS}. */
export function readOptions(values: OptionValues): SerialOptions {
  const text = (name: keyof typeof SERIAL_FIELDS) => String(values[name] ?? SERIAL_FIELDS[name].default);
  const flag = (name: keyof typeof SERIAL_FIELDS): OptionValue => values[name] ?? SERIAL_FIELDS[name].default;
  const [mode, frequency, size] = [text('flash-mode'), text('flash-frequency'), text('flash-size')];
  return {
    baudRate: Number(text('baud')),
    reset: readReset(text('reset')),
    offset: readOffset(text('offset')),
    eraseAll: text('erase') === 'all',
    skipIdentical: flag('skip-identical') === true,
    verify: flag('verify') === true,
    useStub: flag('stub') === true,
    allowSecure: flag('allow-secure') === true,
    settings: {
      mode: mode === 'keep' ? null : mode.toUpperCase(),
      frequencyMhz: frequency === 'keep' ? null : Number.parseInt(frequency, 10),
      sizeBytes: size === 'detect' ? size : (FLASH_SIZES[size] ?? null),
    },
  };
}

/** @throws FlashError CONFIG_BAD_VALUE */
export function readReset(text: string): ResetChoice {
  if (text === 'auto' || text === 'none') return text;
  return NAMED_RESETS[text] ?? parseResetSequence(text);
}

/** @throws FlashError CONFIG_BAD_VALUE */
export function readOffset(text: string): number | 'auto' {
  if (text === 'auto') return text;
  if (!/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text)) {
    throw new FlashError('CONFIG_BAD_VALUE', `"${text}" is no flash address`);
  }
  return Number(text);
}

function problemOf(read: () => unknown, expected: string): string | null {
  try {
    read();
    return null;
  } catch {
    return expected;
  }
}
