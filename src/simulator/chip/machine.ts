import type { ChipFacts } from './chip-facts.ts';
import type { ChipFaults } from './chip-faults.ts';
import type { ChipCounts, ChipEvent, RamUpload, Security } from './chip-spec.ts';
import type { ChipTimings } from './chip-timings.ts';
import type { FlashArray } from './flash-array.ts';
import type { FlashCipher } from './flash-cipher.ts';
import type { Registers } from './registers.ts';

/** The hardware, as the loader that runs on it sees it. */
export interface Machine {
  readonly facts: ChipFacts;
  readonly flash: FlashArray;
  readonly registers: Registers;
  readonly cipher: FlashCipher;
  readonly security: Security;
  readonly securityInfo: Uint8Array;
  readonly timings: ChipTimings;
  readonly counts: ChipCounts;
  /** Those of this start. */
  readonly faults: ChipFaults;
  /** How many packets of READ_FLASH this stub lets be under way at most. */
  readonly stubWindow: number;
  emit(event: ChipEvent): void;
  /** From now on both directions run at this rate. */
  setBaudRate(baudRate: number): void;
  /** The loader takes hold of flash on these pads, as SPI_ATTACH has them. */
  attachFlash(pads: number): void;
  /** A program has been loaded into RAM and the loader jumps to it. */
  jump(upload: RamUpload): void;
  /** The loader ends; the chip starts from flash. */
  leaveLoader(): void;
}

/** What a command leads to. */
export interface Outcome {
  /** 0: done; anything else is the loader's reason why not. */
  readonly reason: number;
  readonly value?: number;
  readonly payload?: Uint8Array;
  /** Answers in a row; none where 0. */
  readonly answers?: number;
  /** How long the loader works before it answers. */
  readonly workMs?: number;
  /** Goes on after the answer is out: a further time of work, and the reason why it failed. */
  readonly afterwards?: () => { readonly workMs: number; readonly reason: number };
}

/** Success, with nothing to say. */
export const DONE: Outcome = { reason: 0 };
