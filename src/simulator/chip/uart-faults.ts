import type { ChipFaults } from './chip-faults.ts';

/** What strikes at a byte. */
export type Mishap = 'brown-out' | 'hang' | 'vanish';

/** What a line loses, and what happens at a certain byte: counted since the chip was made. */
export class UartFaults {
  readonly #loseIncoming: ReadonlySet<number>;
  readonly #loseOutgoing: ReadonlySet<number>;
  readonly #mishaps: { readonly atByte: number; readonly mishap: Mishap }[];
  #incoming = 0;
  #outgoing = 0;

  constructor({ loseIncoming = [], loseOutgoing = [], brownOutAtByte, hangAtByte, vanish }: ChipFaults) {
    this.#loseIncoming = new Set(loseIncoming);
    this.#loseOutgoing = new Set(loseOutgoing);
    this.#mishaps = [
      ...mishapAt(brownOutAtByte, 'brown-out'),
      ...mishapAt(hangAtByte, 'hang'),
      ...mishapAt(vanish?.atByte, 'vanish'),
    ];
  }

  /** What arrives of these bytes, and the mishap that the last of it brings about; what comes behind is lost. */
  receive(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly mishap: Mishap | null } {
    const from = this.#incoming;
    const due = this.#mishaps.findIndex(({ atByte }) => atByte <= from + bytes.length);
    const [struck] = due < 0 ? [] : this.#mishaps.splice(due, 1);
    const kept = struck === undefined ? bytes : bytes.subarray(0, Math.max(0, struck.atByte - from));
    this.#incoming += bytes.length;
    return { bytes: without(kept, from, this.#loseIncoming), mishap: struck?.mishap ?? null };
  }

  send(bytes: Uint8Array): Uint8Array {
    const from = this.#outgoing;
    this.#outgoing += bytes.length;
    return without(bytes, from, this.#loseOutgoing);
  }
}

function mishapAt(atByte: number | undefined, mishap: Mishap): { atByte: number; mishap: Mishap }[] {
  return atByte === undefined ? [] : [{ atByte, mishap }];
}

function without(bytes: Uint8Array, before: number, lost: ReadonlySet<number>): Uint8Array {
  return lost.size === 0 ? bytes : bytes.filter((_, nth) => !lost.has(before + nth + 1));
}
