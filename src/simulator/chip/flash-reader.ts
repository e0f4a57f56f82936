import { createHash } from 'node:crypto';
import type { Machine } from './machine.ts';

/** The words of READ_FLASH. */
export interface ReadPlan {
  readonly offset: number;
  readonly length: number;
  readonly packetBytes: number;
  /** How many packets may be under way. */
  readonly window: number;
}

/** How a READ_FLASH stands after an acknowledgement. */
export type Reading = 'going-on' | 'done' | 'failed';

const LARGEST_PACKET = 4096;
const ACKNOWLEDGEMENT_BYTES = 4;

/** READ_FLASH of the stub: bare frames of data, each acknowledged by the total so far; at the end a frame with the MD5 of all. */
export class FlashReader {
  readonly #machine: Machine;
  readonly #plan: ReadPlan;
  readonly #sendFrame: (frame: Uint8Array) => void;
  #sentBytes = 0;
  #underWay = 0;

  constructor(machine: Machine, plan: ReadPlan, sendFrame: (frame: Uint8Array) => void) {
    this.#machine = machine;
    this.#plan = plan;
    this.#sendFrame = sendFrame;
  }

  /** Null where the stub has room for packets of this size. */
  static refusalOf({ packetBytes }: ReadPlan): 'too-large' | null {
    return packetBytes > LARGEST_PACKET || packetBytes === 0 ? 'too-large' : null;
  }

  start(): Reading {
    return this.#plan.length === 0 ? this.#finish() : this.#fill();
  }

  /** The last acknowledgement ends the reading, as does a frame that is none. */
  acknowledge(frame: Uint8Array): Reading {
    if (frame.length !== ACKNOWLEDGEMENT_BYTES) return this.#finish();
    this.#underWay -= 1;
    const totalBytes = new DataView(frame.buffer, frame.byteOffset).getUint32(0, true);
    return totalBytes >= this.#plan.length ? this.#finish() : this.#fill();
  }

  /** As many packets as may be under way. What lies beyond the end of the flash never comes. */
  #fill(): Reading {
    const { offset, length, packetBytes } = this.#plan;
    while (this.#underWay < this.#window && this.#sentBytes < length) {
      const bytes = Math.min(packetBytes, length - this.#sentBytes);
      const start = offset + this.#sentBytes;
      if (!this.#machine.flash.holds(start, bytes)) return 'failed';
      this.#sendFrame(this.#machine.flash.read(start, bytes));
      this.#sentBytes += bytes;
      this.#underWay += 1;
    }
    return 'going-on';
  }

  get #window(): number {
    return Math.min(this.#plan.window, this.#machine.stubWindow);
  }

  #finish(): Reading {
    const { offset } = this.#plan;
    const sent = this.#machine.flash.bytes.subarray(offset, offset + this.#sentBytes);
    const md5 = createHash('md5').update(sent).digest();
    if (this.#machine.faults.wrongMd5) md5[0] = (md5[0] ?? 0) ^ 0xff;
    this.#sendFrame(md5);
    return 'done';
  }
}
