import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { type Clock, systemClock } from '../../src/clock.ts';
import { FlashError } from '../../src/errors.ts';
import { Arrivals } from '../../src/transports/arrivals.ts';
import type { ControlLines, Links, SerialLink, SerialTarget } from '../../src/transports/links.ts';

export type ScriptedKind = 'esp8266' | 'esp32' | 'esp32s2' | 'esp32c3';

const MAGICS: Record<ScriptedKind, number> = {
  esp8266: 0xfff0c101,
  esp32: 0x00f01d83,
  esp32s2: 0x000007c6,
  esp32c3: 0x1b31506f,
};
const CHIP_IDS: Record<ScriptedKind, number | null> = { esp8266: null, esp32: null, esp32s2: null, esp32c3: 5 };
/** Where RDID's answer is read: W0 of the SPI controller. */
const W0: Record<ScriptedKind, number> = {
  esp8266: 0x60000240,
  esp32: 0x3ff42080,
  esp32s2: 0x3f402058,
  esp32c3: 0x60002058,
};
const DOWNLOAD_TEXT: Record<ScriptedKind, string> = {
  esp8266: '\r\n ets Jan  8 2013,rst cause:2, boot mode:(1,7)\r\n\r\n',
  esp32:
    '\r\nrst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))\r\nwaiting for download\r\n',
  esp32s2: '\r\nrst:0x1 (POWERON),boot:0x0 (DOWNLOAD(USB/UART0))\r\nwaiting for download\r\n',
  esp32c3: '\r\nrst:0x1 (POWERON),boot:0x4 (DOWNLOAD(USB/UART0/1))\r\nwaiting for download\r\n',
};
const FLASH_TEXT = '\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\nconfigsip: 0\r\n';

const SPEED = 20;

/** Time that passes twenty times as fast: this chip answers at once, and what is waited for in vain costs less. */
export const quickClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * SPEED,
  setTimer: (delayMs, callback) => systemClock.setTimer(delayMs / SPEED, callback),
};

/** What a test lets go wrong. Each may be set and reset while the chip works. */
export interface ScriptedFaults {
  /** The boot pin is not wired: every reset starts the application. */
  ignoresBoot: boolean;
  /** What is written to the chip does not arrive. */
  isDeaf: boolean;
  /** Not even boot text comes back. */
  isMute: boolean;
  /** Rates that the wire does not carry: nothing but noise comes back. */
  badRates: number[];
  /** Called with each command; the result is sent instead of what the chip would say. `null` says nothing. */
  reply: ((op: number, data: Buffer) => Buffer | null | undefined) | null;
  /** Flips a bit of what is written to flash, as often as it counts. */
  spoiledWrites: number;
  /** The port goes away with so many resets, as that of a chip which is itself the USB device. */
  vanishes: number;
  /** Loses the last byte of a frame of flash that is read, as often as it counts. */
  lostReads: number;
}

export interface ScriptedChipOptions {
  readonly kind?: ScriptedKind;
  readonly flashBytes?: number;
  readonly registers?: Readonly<Record<number, number>>;
  /** Answer to GET_SECURITY_INFO: flags and the count of encryption. */
  readonly security?: { readonly flags: number; readonly cryptCount: number };
  readonly hasLines?: boolean;
}

/** The smallest chip that a session can work with: ROM loader, stub, and a flash array. Written from esptool's documentation. */
export class ScriptedChip {
  readonly kind: ScriptedKind;
  readonly flash: Buffer;
  readonly faults: ScriptedFaults = {
    ignoresBoot: false,
    isDeaf: false,
    isMute: false,
    badRates: [],
    reply: null,
    spoiledWrites: 0,
    vanishes: 0,
    lostReads: 0,
  };
  /** Every command in order. */
  readonly commands: { readonly op: number; readonly data: Buffer }[] = [];
  readonly baudRates: number[] = [];
  readonly registers = new Map<number, number>();
  state: 'off' | 'application' | 'download' | 'stub' = 'off';
  resets = 0;
  readonly #options: ScriptedChipOptions;
  #link: ScriptedLink | null = null;
  #lines: ControlLines = { dtr: false, rts: false };
  #lastOp = 0;
  #write: ScriptedWrite | null = null;
  #reading: ScriptedRead | null = null;
  #checksum = 0;
  #baudChange: number | null = null;

  constructor(options: ScriptedChipOptions = {}) {
    this.#options = options;
    this.kind = options.kind ?? 'esp32';
    this.flash = Buffer.alloc(options.flashBytes ?? 0x400000, 0xff);
    this.registers.set(0x40001000, MAGICS[this.kind]);
    for (const [address, value] of Object.entries(options.registers ?? {})) this.registers.set(Number(address), value);
  }

  /** Ports of this one chip. */
  get links(): Pick<Links, 'openSerial'> {
    return {
      openSerial: async (target: SerialTarget) => {
        this.#link = new ScriptedLink(this, target);
        return this.#link;
      },
    };
  }

  get hasLines(): boolean {
    return this.#options.hasLines ?? true;
  }

  /** RTS alone holds it in reset; what DTR says when that ends chooses the boot mode. */
  setLines(lines: ControlLines): void {
    const wasHeld = this.#lines.rts && !this.#lines.dtr;
    const isHeld = lines.rts && !lines.dtr;
    this.#lines = lines;
    if (!wasHeld || isHeld) return;
    this.resets++;
    const isDownload = lines.dtr && !lines.rts && !this.faults.ignoresBoot;
    this.state = isDownload ? 'download' : 'application';
    this.#write = null;
    if (this.#link !== null) this.#link.chipBaudRate = 115_200;
    if (this.faults.vanishes > 0) {
      this.faults.vanishes--;
      void this.#link?.close();
    }
    this.#say(Buffer.from(isDownload ? DOWNLOAD_TEXT[this.kind] : FLASH_TEXT));
  }

  /** A frame from the host, without SLIP. */
  take(frame: Buffer): void {
    if (this.faults.isDeaf || (this.state !== 'download' && this.state !== 'stub')) return;
    const answers = this.#reading === null ? this.#command(frame) : this.#acknowledged(this.#reading, frame);
    for (const answer of answers) this.#say(slip(answer));
    // The answer still goes out at the old rate.
    if (this.#baudChange !== null && this.#link !== null) this.#link.chipBaudRate = this.#baudChange;
    this.#baudChange = null;
  }

  #say(bytes: Buffer): void {
    if (!this.faults.isMute) this.#link?.arrive(bytes);
  }

  #command(frame: Buffer): Buffer[] {
    if (frame.length < 8 || frame[0] !== 0 || frame.readUInt16LE(2) !== frame.length - 8) return [];
    const op = frame[1] ?? 0;
    const data = frame.subarray(8);
    this.#checksum = frame.readUInt32LE(4);
    this.commands.push({ op, data: Buffer.from(data) });
    const scripted = this.faults.reply?.(op, data);
    if (scripted !== undefined) return scripted === null ? [] : [scripted];
    const answers = this.#handlers[op]?.(op, data) ?? null;
    if (answers !== null) this.#lastOp = op;
    return answers ?? this.#unsupported(op);
  }

  /** ESP8266 and stubs put two status bytes, other ROMs four. */
  reply(op: number, value = 0, payload: Uint8Array = Buffer.of(), status: readonly [number, number] = [0, 0]): Buffer {
    const statusBytes = this.state === 'stub' || this.kind === 'esp8266' ? 2 : 4;
    const header = Buffer.alloc(8);
    header[0] = 1;
    header[1] = op;
    header.writeUInt16LE(payload.length + statusBytes, 2);
    header.writeUInt32LE(value >>> 0, 4);
    const tail = Buffer.alloc(statusBytes, 0xff);
    tail.set(status);
    return Buffer.concat([header, payload, tail]);
  }

  /** A ROM says it under the number of the command before, several times. */
  #unsupported(op: number): Buffer[] {
    if (this.state === 'stub') return [this.reply(op, 0, Buffer.of(), [0xc3, 0])];
    const answer = this.reply(this.#lastOp, 0, Buffer.of(), [1, 5]);
    return [answer, answer, answer];
  }

  get #isStub(): boolean {
    return this.state === 'stub';
  }

  /** By command; null: this loader does not know it. */
  readonly #handlers: Readonly<Record<number, (op: number, data: Buffer) => Buffer[] | null>> = {
    2: (op, data) => this.#begin(op, data),
    3: (op, data) => this.#data(op, data),
    4: (op) => this.#end(op),
    5: (op) => [this.reply(op)],
    6: (op) => {
      const answer = this.reply(op);
      this.state = 'stub';
      return [answer, Buffer.from('OHAI')];
    },
    7: (op) => [this.reply(op)],
    8: (op) => Array.from({ length: 8 }, () => this.reply(op, this.#isStub ? 0 : 0x20120707)),
    9: (op, data) => {
      const [address, value] = [word(data, 0), word(data, 1)];
      this.registers.set(address, value);
      // RDID is done as soon as it is ordered.
      if (address === W0[this.kind]) this.registers.set(address, this.#flashId);
      if (value === 0x40000) this.registers.set(address, 0);
      return [this.reply(op)];
    },
    10: (op, data) => [this.reply(op, this.registers.get(word(data, 0)) ?? 0)],
    11: (op) => (this.kind === 'esp8266' && !this.#isStub ? null : [this.reply(op)]),
    13: (op, data) => (data.length === (this.#isStub ? 4 : 8) ? [this.reply(op)] : null),
    14: (op, data) => {
      if (this.#isStub || this.kind === 'esp8266') return null;
      return [this.reply(op, 0, this.flash.subarray(word(data, 0), word(data, 0) + 64))];
    },
    15: (op, data) => {
      const answer = this.reply(op);
      this.#baudChange = word(data, 0);
      return [answer];
    },
    16: (op, data) => (this.kind === 'esp8266' && !this.#isStub ? null : this.#begin(op, data)),
    17: (op, data) => this.#data(op, data),
    18: (op) => this.#end(op),
    19: (op, data) => {
      if (this.kind === 'esp8266' && !this.#isStub) return null;
      const [offset, size] = [word(data, 0), word(data, 1)];
      const md5 = createHash('md5')
        .update(this.flash.subarray(offset, offset + size))
        .digest();
      return [this.reply(op, 0, this.#isStub ? md5 : Buffer.from(md5.toString('hex')))];
    },
    20: (op) => this.#securityInfo(op),
    208: (op) => {
      this.flash.fill(0xff);
      return [this.reply(op)];
    },
    209: (op, data) => {
      this.flash.fill(0xff, word(data, 0), word(data, 0) + word(data, 1));
      return [this.reply(op)];
    },
    210: (op, data) => {
      const start = word(data, 0);
      this.#reading = { start, offset: start, end: start + word(data, 1) };
      return [this.reply(op), this.#nextRead(this.#reading)];
    },
  };

  get #flashId(): number {
    return (Math.log2(this.flash.length) << 16) | 0x4068;
  }

  #begin(op: number, data: Buffer): Buffer[] {
    const [size, , , offset] = [0, 1, 2, 3].map((index) => word(data, index)) as [number, number, number, number];
    this.#write = { offset, size, deflated: op === 16 ? [] : null };
    this.flash.fill(0xff, offset - (offset % 4096), Math.ceil((offset + size) / 4096) * 4096);
    return [this.reply(op)];
  }

  #data(op: number, data: Buffer): Buffer[] {
    const write = this.#write;
    const block = data.subarray(16);
    if (write === null) return [this.reply(op, 0, Buffer.of(), [0xc6, 0])];
    const sum = block.reduce((value, byte) => value ^ byte, 0xef);
    if (block.length !== word(data, 0) || sum !== this.#checksum) return [this.reply(op, 0, Buffer.of(), [0xc1, 0])];
    if (write.deflated === null) {
      this.#program(write.offset, block);
      write.offset += block.length;
    } else {
      write.deflated.push(Buffer.from(block));
      // A ROM is told of no end.
      if (!this.#isStub) this.#inflate(write);
    }
    return [this.reply(op)];
  }

  #end(op: number): Buffer[] {
    const write = this.#write;
    this.#write = null;
    if (write === null) return [this.reply(op, 0, Buffer.of(), [0xc6, 0])];
    return [this.reply(op, 0, Buffer.of(), [this.#inflate(write) ? 0 : 0xc7, 0])];
  }

  #inflate({ deflated, offset, size }: ScriptedWrite): boolean {
    if (deflated === null) return true;
    try {
      const bytes = inflateSync(Buffer.concat(deflated));
      this.#program(offset, bytes);
      return bytes.length === size;
    } catch {
      return false;
    }
  }

  #program(offset: number, bytes: Buffer): void {
    bytes.copy(this.flash, offset);
    if (this.faults.spoiledWrites === 0) return;
    this.faults.spoiledWrites--;
    this.flash[offset] = (this.flash[offset] ?? 0) ^ 1;
  }

  #nextRead(reading: ScriptedRead): Buffer {
    const end = Math.min(reading.offset + 4096, reading.end);
    const frame = this.flash.subarray(reading.offset, end);
    reading.offset = end;
    if (this.faults.lostReads === 0) return frame;
    this.faults.lostReads--;
    return frame.subarray(0, -1);
  }

  #acknowledged(reading: ScriptedRead, frame: Buffer): Buffer[] {
    if (frame.length === 4 && reading.offset < reading.end) return [this.#nextRead(reading)];
    this.#reading = null;
    if (frame.length !== 4) return [];
    return [createHash('md5').update(this.flash.subarray(reading.start, reading.end)).digest()];
  }

  #securityInfo(op: number): Buffer[] | null {
    const chipId = CHIP_IDS[this.kind];
    if (this.kind === 'esp8266' || this.kind === 'esp32') return null;
    const { flags, cryptCount } = this.#options.security ?? { flags: 0, cryptCount: 0 };
    const info = Buffer.alloc(chipId === null ? 12 : 20);
    info.writeUInt32LE(flags, 0);
    info[4] = cryptCount;
    if (chipId !== null) info.writeUInt32LE(chipId, 12);
    return [this.reply(op, 0, info)];
  }
}

interface ScriptedWrite {
  offset: number;
  readonly size: number;
  readonly deflated: Buffer[] | null;
}

interface ScriptedRead {
  readonly start: number;
  readonly end: number;
  offset: number;
}

function word(data: Buffer, index: number): number {
  return data.length >= index * 4 + 4 ? data.readUInt32LE(index * 4) : 0;
}

function slip(content: Buffer): Buffer {
  const escaped: number[] = [];
  for (const byte of content) {
    if (byte === 0xc0) escaped.push(0xdb, 0xdc);
    else if (byte === 0xdb) escaped.push(0xdb, 0xdd);
    else escaped.push(byte);
  }
  return Buffer.from([0xc0, ...escaped, 0xc0]);
}

class ScriptedLink implements SerialLink {
  readonly path: string;
  readonly hasBaudRate = true;
  chipBaudRate = 115_200;
  #baudRate: number;
  readonly #chip: ScriptedChip;
  readonly #arrivals = new Arrivals(quickClock);
  #frame: number[] | null = null;
  #isEscaped = false;

  constructor(chip: ScriptedChip, target: SerialTarget) {
    this.#chip = chip;
    this.path = target.path;
    this.#baudRate = target.baudRate;
  }

  arrive(bytes: Buffer): void {
    const isNoise = this.chipBaudRate !== this.#baudRate || this.#chip.faults.badRates.includes(this.#baudRate);
    this.#arrivals.push(isNoise ? Buffer.alloc(bytes.length, 0xe5) : Buffer.from(bytes));
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#arrivals.error !== null) throw this.#arrivals.error;
    if (this.chipBaudRate !== this.#baudRate || this.#chip.faults.badRates.includes(this.#baudRate)) return;
    for (const byte of bytes) this.#takeByte(byte);
  }

  #takeByte(byte: number): void {
    if (byte === 0xc0) {
      const frame = this.#frame;
      this.#frame = frame === null || frame.length === 0 ? [] : null;
      if (frame !== null && frame.length > 0) this.#chip.take(Buffer.from(frame));
      return;
    }
    if (this.#frame === null) return;
    if (byte === 0xdb) this.#isEscaped = true;
    else if (this.#isEscaped) {
      this.#isEscaped = false;
      this.#frame.push(byte === 0xdc ? 0xc0 : 0xdb);
    } else this.#frame.push(byte);
  }

  read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null> {
    return this.#arrivals.read(timeoutMs, signal);
  }

  async setLines(lines: ControlLines): Promise<boolean> {
    if (!this.#chip.hasLines) return false;
    this.#chip.setLines(lines);
    return true;
  }

  async setBaudRate(baudRate: number): Promise<void> {
    this.#baudRate = baudRate;
    this.#chip.baudRates.push(baudRate);
  }

  discardInput(): void {
    this.#arrivals.discard();
  }

  async close(): Promise<void> {
    this.#arrivals.end(new FlashError('SERIAL_PORT_LOST', 'closed'));
  }
}
