import type { SpiLayout } from './chip-facts.ts';

/** Commands a flash chip answers here (JEDEC JESD216; any vendor's data sheet). */
const READ_ID = 0x9f;
const READ_STATUS_1 = 0x05;
const READ_STATUS_2 = 0x35;
const READ_STATUS_3 = 0x15;
const WRITE_STATUS_1 = 0x01;
const WRITE_STATUS_2 = 0x31;
const WRITE_STATUS_3 = 0x11;

const CMD_OFFSET = 0x00;
const CMD_USER = 1 << 18;
const USR_MISO = 1 << 28;
const USR_MOSI = 1 << 27;
const USR_COMMAND = 1 << 31;
const WORD_BITS = 32;
/** What an ESP8266's ROM leaves in USR1: its own reads fill all sixteen words. Not every host sets the length again. */
const LONGEST_READ = 0x1ff << 8;

const STATUS_READERS: readonly number[] = [READ_STATUS_1, READ_STATUS_2, READ_STATUS_3];
const STATUS_WRITERS: readonly number[] = [WRITE_STATUS_1, WRITE_STATUS_2, WRITE_STATUS_3];

/**
 * The part of an SPI controller through which a loader's client asks the flash chip itself: one user command with its reply
 * in W0 (technical reference manuals, "SPI Controller", user-defined operations).
 */
export class SpiController {
  readonly #layout: SpiLayout;
  /** As RDID returns it: vendor in the lowest byte. */
  readonly #flashId: () => number;
  readonly #status: number[] = [0, 0, 0];
  readonly #registers = new Map<number, number>();

  constructor(layout: SpiLayout, flashId: () => number) {
    this.#layout = layout;
    this.#flashId = flashId;
    if (layout.misoLength === null) this.#registers.set(layout.usr1, LONGEST_READ);
  }

  owns(address: number): boolean {
    return address >= this.#layout.base && address < this.#layout.base + 0x100;
  }

  read(address: number): number {
    return this.#registers.get(address - this.#layout.base) ?? 0;
  }

  write(address: number, value: number): void {
    const offset = address - this.#layout.base;
    if (offset !== CMD_OFFSET) this.#registers.set(offset, value >>> 0);
    else if ((value & CMD_USER) !== 0) this.#runUserCommand();
  }

  #register(offset: number): number {
    return this.#registers.get(offset) ?? 0;
  }

  #runUserCommand(): void {
    const usr = this.#register(this.#layout.usr);
    if ((usr & USR_COMMAND) === 0) return;
    const command = this.#register(this.#layout.usr2) & 0xff;
    if ((usr & USR_MOSI) !== 0) this.#accept(command, this.#register(this.#layout.w0));
    if ((usr & USR_MISO) !== 0) this.#registers.set(this.#layout.w0, this.#answer(command) & mask(this.#misoBits()));
  }

  #misoBits(): number {
    const { misoLength, usr1 } = this.#layout;
    const bits = misoLength === null ? (this.#register(usr1) >>> 8) & 0x1ff : this.#register(misoLength) & 0x3ff;
    return Math.min(bits + 1, WORD_BITS);
  }

  #accept(command: number, value: number): void {
    const nth = STATUS_WRITERS.indexOf(command);
    if (nth >= 0) this.#status[nth] = value & 0xff;
  }

  #answer(command: number): number {
    if (command === READ_ID) return this.#flashId();
    return this.#status[STATUS_READERS.indexOf(command)] ?? 0;
  }
}

function mask(bits: number): number {
  return bits >= WORD_BITS ? ~0 : (1 << bits) - 1;
}
