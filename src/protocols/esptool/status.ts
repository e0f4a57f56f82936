import { type ErrorCode, FlashError } from '../../errors.ts';

/** Which program answers: the loader in ROM, or the flasher stub in RAM. They share commands, and hardly a status byte. */
export type Dialect = 'rom' | 'stub';

interface Meaning {
  readonly code: ErrorCode;
  readonly words: string;
}

/** esptool documentation, "Serial Protocol", "ROM Loader Errors". */
const ROM_ERRORS: Readonly<Record<number, Meaning>> = {
  0: { code: 'SERIAL_CHIP_REFUSED', words: 'undefined error' },
  1: { code: 'SERIAL_CHIP_REFUSED', words: 'a parameter is invalid' },
  2: { code: 'SERIAL_CHIP_REFUSED', words: 'out of memory' },
  3: { code: 'SERIAL_LINE_NOISE', words: 'it failed to send' },
  4: { code: 'SERIAL_LINE_NOISE', words: 'it failed to receive' },
  5: { code: 'SERIAL_LINE_NOISE', words: 'the message is malformed, or not supported' },
  6: { code: 'SERIAL_CHIP_REFUSED', words: 'the message was right, the result is wrong' },
  7: { code: 'SERIAL_LINE_NOISE', words: 'the checksum is wrong' },
  8: { code: 'SERIAL_FLASH_FAILED', words: 'what was written to flash reads back differently' },
  9: { code: 'SERIAL_FLASH_FAILED', words: 'reading flash failed' },
  10: { code: 'SERIAL_CHIP_REFUSED', words: 'the length to read is wrong' },
  11: { code: 'SERIAL_LINE_NOISE', words: 'inflating failed' },
  12: { code: 'SERIAL_LINE_NOISE', words: 'the Adler-32 of the inflated data is wrong' },
  13: { code: 'SERIAL_CHIP_REFUSED', words: 'a parameter for inflating is invalid' },
  14: { code: 'SERIAL_CHIP_REFUSED', words: 'invalid size for RAM' },
  15: { code: 'SERIAL_CHIP_REFUSED', words: 'invalid address for RAM' },
  100: { code: 'SERIAL_CHIP_REFUSED', words: 'invalid parameter' },
  101: { code: 'SERIAL_CHIP_REFUSED', words: 'invalid format' },
  102: { code: 'SERIAL_CHIP_REFUSED', words: 'the description is too long' },
  103: { code: 'SERIAL_CHIP_REFUSED', words: 'bad encoding' },
  105: { code: 'SERIAL_CHIP_REFUSED', words: 'not enough storage' },
};

/** espressif/esp-flasher-stub, src/commands.h. */
const STUB_ERRORS: Readonly<Record<number, Meaning>> = {
  192: { code: 'SERIAL_CHIP_REFUSED', words: 'wrong length or alignment' },
  193: { code: 'SERIAL_LINE_NOISE', words: 'the checksum is wrong' },
  194: { code: 'SERIAL_CHIP_REFUSED', words: 'wrong block size' },
  195: { code: 'SERIAL_UNSUPPORTED', words: 'unknown command' },
  196: { code: 'SERIAL_FLASH_FAILED', words: 'the flash chip did not do what it was told' },
  197: { code: 'SERIAL_FLASH_FAILED', words: 'the flash chip cannot be unlocked' },
  198: { code: 'SERIAL_CHIP_REFUSED', words: 'data before the begin of a write' },
  199: { code: 'SERIAL_LINE_NOISE', words: 'inflating failed' },
  200: { code: 'SERIAL_LINE_NOISE', words: 'too little data' },
  201: { code: 'SERIAL_LINE_NOISE', words: 'too much data' },
  202: { code: 'SERIAL_CHIP_REFUSED', words: 'the NAND chip refused' },
  203: { code: 'SERIAL_CHIP_REFUSED', words: 'the NAND chip refused' },
  255: { code: 'SERIAL_UNSUPPORTED', words: 'this stub cannot do that' },
};

/** The two bytes that count; ROM and stub have them in another order. */
export interface Status {
  readonly first: number;
  readonly second: number;
}

/** A ROM says "failed" in the first byte and why in the second; a stub says why in the first. */
export function refusal(dialect: Dialect, command: string, { first, second }: Status): FlashError {
  const byte = dialect === 'rom' ? second : first;
  const meaning = (dialect === 'rom' ? ROM_ERRORS : STUB_ERRORS)[byte];
  const { code, words } = meaning ?? { code: 'SERIAL_CHIP_REFUSED', words: 'a status that is not known here' };
  const status = `status ${hexByte(first)} ${hexByte(second)}`;
  return new FlashError(code, `${command}: the ${dialect === 'rom' ? 'ROM' : 'stub'} refuses: ${words} (${status})`, {
    details: { command, dialect, status: [first, second] },
  });
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
