import { programMs } from './chip-timings.ts';
import { SECTOR_BYTES } from './flash-array.ts';
import { Inflater } from './inflate.ts';
import type { Machine } from './machine.ts';

/** The words of FLASH_BEGIN and FLASH_DEFL_BEGIN. */
export interface WritePlan {
  /** To erase; what the image comes to, as far as the stub is concerned. */
  readonly totalBytes: number;
  readonly blocks: number;
  readonly blockBytes: number;
  readonly offset: number;
  readonly isEncrypted: boolean;
  readonly isCompressed: boolean;
}

/** From the words of FLASH_BEGIN or FLASH_DEFL_BEGIN; chips before the ESP32-S2 have no fifth. */
export function writePlan(args: readonly number[], isCompressed: boolean): WritePlan {
  const [totalBytes = 0, blocks = 0, blockBytes = 0, offset = 0, encrypted = 0] = args;
  return { totalBytes, blocks, blockBytes, offset, isEncrypted: encrypted !== 0, isCompressed };
}

/** What became of a block, and how long the chip was busy with it. */
export interface Written {
  readonly isGood: boolean;
  readonly workMs: number;
}

/** One image on its way into the flash. */
export class FlashWriter {
  readonly plan: WritePlan;
  readonly inflater: Inflater | null;
  readonly #machine: Machine;
  #position: number;

  constructor(machine: Machine, plan: WritePlan) {
    this.plan = plan;
    this.inflater = plan.isCompressed ? new Inflater() : null;
    this.#machine = machine;
    this.#position = plan.offset;
  }

  /** Where the next byte goes. */
  get position(): number {
    return this.#position;
  }

  /** Of the announced total; below zero when more came. */
  get remainingBytes(): number {
    return this.plan.totalBytes - (this.#position - this.plan.offset);
  }

  get endSector(): number {
    return Math.ceil((this.plan.offset + this.plan.totalBytes) / SECTOR_BYTES) * SECTOR_BYTES;
  }

  /** Programs the next bytes; the sectors below must be erased. */
  program(bytes: Uint8Array): Written {
    const { flash, cipher, timings, counts } = this.#machine;
    const cells = this.plan.isEncrypted ? cipher.apply(this.#position, bytes) : bytes;
    const isGood = flash.program(this.#position, cells);
    this.#position += bytes.length;
    counts.bytesWritten += bytes.length;
    return { isGood, workMs: programMs(timings, bytes.length) };
  }
}
