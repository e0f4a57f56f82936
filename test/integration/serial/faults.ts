import type { ErrorCode } from '../../../src/errors.ts';
import type { ChipSpec } from '../../../src/simulator/chip/chip-spec.ts';

/** What is wrong with a board, and what has to come of it. */
export interface FaultyBoard {
  readonly name: string;
  readonly spec: Pick<ChipSpec, 'faults' | 'timings' | 'security'>;
  /** `written`: dropflash gets over it by itself. */
  readonly outcome: 'written' | ErrorCode;
}

/** A byte well within the image, and within its bytes on the line, whatever the chip: after the stub, before the end. */
const IN_FLASH = 0x5000;
const ON_THE_LINE = 30_000;

const NOISE = Uint8Array.from({ length: 300 }, (_, at) => (at * 73 + 19) % 256);

/** Every fault that the simulator has. */
export const FAULTY_BOARDS: readonly FaultyBoard[] = [
  { name: 'no power', spec: { faults: { isSilent: true } }, outcome: 'SERIAL_NO_REPLY' },
  { name: 'cut wire to the chip', spec: { faults: { isDeaf: true } }, outcome: 'SERIAL_NO_SYNC' },
  { name: 'BOOT not pulled low', spec: { faults: { wrongBootMode: true } }, outcome: 'SERIAL_WRONG_BOOT_MODE' },
  { name: 'noise before the first answer', spec: { faults: { garbageBeforeSync: NOISE } }, outcome: 'written' },
  { name: 'a byte lost to the chip', spec: { faults: { loseIncoming: [ON_THE_LINE] } }, outcome: 'written' },
  { name: 'a byte lost from the chip', spec: { faults: { loseOutgoing: [700] } }, outcome: 'written' },
  { name: 'wrong MD5', spec: { faults: { wrongMd5: true } }, outcome: 'SERIAL_VERIFY_FAILED' },
  { name: 'worn flash', spec: { faults: { badByte: IN_FLASH } }, outcome: 'SERIAL_FLASH_FAILED' },
  { name: 'brown-out', spec: { faults: { brownOutAtByte: ON_THE_LINE } }, outcome: 'written' },
  { name: 'hanging chip', spec: { faults: { hangAtByte: ON_THE_LINE } }, outcome: 'written' },
  { name: 'port gone', spec: { faults: { vanish: { atByte: ON_THE_LINE } } }, outcome: 'LINK_CLOSED' },
  {
    name: 'port gone for a moment',
    spec: { faults: { vanish: { atByte: ON_THE_LINE, forMs: 200 } } },
    outcome: 'LINK_CLOSED',
  },
  {
    name: 'slow erase',
    spec: { faults: { slowErase: 40 }, timings: { sectorEraseMs: 5, blockEraseMs: 20 } },
    outcome: 'written',
  },
  { name: 'stub refused', spec: { faults: { stub: 'refused' } }, outcome: 'SERIAL_CHIP_REFUSED' },
  { name: 'stub mute', spec: { faults: { stub: 'mute' } }, outcome: 'SERIAL_STUB_FAILED' },
  { name: 'no flash chip (0)', spec: { faults: { flashId: 0 } }, outcome: 'SERIAL_NO_FLASH' },
  { name: 'no flash chip (F)', spec: { faults: { flashId: 0xffffff } }, outcome: 'SERIAL_NO_FLASH' },
  { name: 'slow bridge', spec: { faults: { maxBaudRate: 230_400 } }, outcome: 'written' },
];
