import { SimulatedChip } from '../../../../src/simulator/chip/chip.ts';
import type { ChipEvent, ChipSpec } from '../../../../src/simulator/chip/chip-spec.ts';
import { BRISK_BOARD } from '../../../../src/simulator/chip/chip-timings.ts';
import { encodeSlip, SlipDecoder } from '../../../../src/simulator/chip/slip.ts';
import { manualClock } from '../../service/manual-clock.ts';

/** An answer, cut up as the protocol's description says. */
export interface Answer {
  readonly op: number;
  readonly value: number;
  readonly data: Uint8Array;
}

/** A chip on a desk with a clock that is turned by hand, and the bytes of each command written out. */
export class LoaderHost {
  readonly chip: SimulatedChip;
  readonly events: ChipEvent[] = [];
  readonly #clock = manualClock();
  #heard: Buffer[] = [];
  #rates: number[] = [];

  constructor(spec: Partial<ChipSpec> & Pick<ChipSpec, 'chip'>) {
    this.chip = new SimulatedChip(
      { name: 'desk', flashBytes: 1 << 20, ...spec, timings: { ...BRISK_BOARD, ...spec.timings } },
      {
        clock: this.#clock,
        send: (bytes, baudRate) => {
          this.#heard.push(Buffer.from(bytes));
          this.#rates.push(baudRate);
        },
        emit: (event) => this.events.push(event),
      },
    );
    this.chip.powerOn();
    this.wait(5);
  }

  /** All that was heard since the last call. */
  heard(): Buffer {
    const all = Buffer.concat(this.#heard);
    this.#heard = [];
    return all;
  }

  text(): string {
    return this.heard().toString('latin1');
  }

  lastRate(): number | undefined {
    return this.#rates.at(-1);
  }

  wait(ms: number): void {
    for (let turned = 0; turned < ms; turned += 1) this.#clock.advance(1);
  }

  /** Classic reset into the loader: esptool documentation, "Boot Mode Selection". */
  enterDownloadMode(): string {
    this.chip.setLines({ dtr: false, rts: true });
    this.wait(2);
    this.heard();
    this.chip.setLines({ dtr: true, rts: false });
    this.wait(5);
    this.chip.setLines({ dtr: false, rts: false });
    return this.text();
  }

  hardReset(): string {
    this.chip.setLines({ dtr: false, rts: true });
    this.wait(2);
    this.heard();
    this.chip.setLines({ dtr: false, rts: false });
    this.wait(5);
    return this.text();
  }

  /** In the loader, past SYNC. */
  connect(): this {
    this.enterDownloadMode();
    this.sync();
    return this;
  }

  sync(baudRate: number | null = 115_200): Answer[] {
    return this.send(0x08, [...[0x07, 0x07, 0x12, 0x20], ...Array<number>(32).fill(0x55)], { baudRate });
  }

  command(op: number, ...args: readonly number[]): Answer {
    const [answer] = this.send(op, wordsOf(args));
    if (answer === undefined) throw new Error(`no answer to 0x${op.toString(16)}`);
    return answer;
  }

  /** FLASH_DATA, FLASH_DEFL_DATA or MEM_DATA with its checksum. */
  block(op: number, sequence: number, bytes: Uint8Array): Answer {
    const checksum = bytes.reduce((sum, byte) => sum ^ byte, 0xef);
    const [answer] = this.send(op, [...wordsOf([bytes.length, sequence, 0, 0]), ...bytes], { checksum });
    if (answer === undefined) throw new Error(`no answer to block ${sequence}`);
    return answer;
  }

  send(
    op: number,
    data: readonly number[],
    { checksum = 0, baudRate = 115_200 }: { checksum?: number; baudRate?: number | null } = {},
  ): Answer[] {
    const size = data.length;
    this.raw(Uint8Array.from([0, op, size & 0xff, size >> 8, ...wordsOf([checksum]), ...data]), baudRate);
    return this.frames().map((frame) => {
      const view = new DataView(frame.buffer, frame.byteOffset);
      if (view.getUint16(2, true) !== frame.length - 8) throw new Error('the answer announces another size');
      return { op: view.getUint8(1), value: view.getUint32(4, true), data: frame.subarray(8) };
    });
  }

  raw(frame: Uint8Array, baudRate: number | null = 115_200): void {
    this.heard();
    this.chip.receive(encodeSlip(frame), baudRate);
  }

  frames(): Uint8Array[] {
    return new SlipDecoder().push(this.heard());
  }

  /** Loads 64 bytes into RAM and starts them. */
  startStub(): this {
    const program = Uint8Array.from({ length: 64 }, (_, nth) => nth);
    this.command(0x05, program.length, 1, 0x1800, 0x40380000);
    this.block(0x07, 0, program);
    this.raw(Uint8Array.from([0, 0x06, 8, 0, 0, 0, 0, 0, ...wordsOf([0, 0x40380010])]));
    return this;
  }
}

export function wordsOf(values: readonly number[]): number[] {
  const bytes = new DataView(new ArrayBuffer(values.length * 4));
  for (const [nth, value] of values.entries()) bytes.setUint32(nth * 4, value, true);
  return [...new Uint8Array(bytes.buffer)];
}

/** Bytes without a pattern, the same each time. */
export function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}
