import { createHash } from 'node:crypto';
import { eraseMs, md5Ms } from './chip-timings.ts';
import { BLOCK_BYTES, SECTOR_BYTES } from './flash-array.ts';
import { FlashReader, type ReadPlan } from './flash-reader.ts';
import { FlashWriter, writePlan } from './flash-writer.ts';
import type { CommandSet } from './loader.ts';
import { DONE, type Machine, type Outcome } from './machine.ts';
import { type Block, decodeBlock, Op, type Request, words } from './packet.ts';
import { RamUploader } from './ram-upload.ts';
import { writeRegisters } from './register-commands.ts';
import { isSync } from './sync.ts';

/** Reasons of the flasher stub (espressif/esp-flasher-stub, src/commands.h). */
const Reason = {
  BAD_LENGTH: 0xc0,
  BAD_CHECKSUM: 0xc1,
  UNKNOWN_COMMAND: 0xc3,
  SPI_OPERATION: 0xc4,
  NOT_IN_FLASH_MODE: 0xc6,
  INFLATE: 0xc7,
  NOT_ENOUGH_DATA: 0xc8,
  TOO_MUCH_DATA: 0xc9,
  NOT_IMPLEMENTED: 0xff,
} as const;

const SYNC_ANSWERS = 8;
const MD5_BYTES = 16;
const DEFAULT_FLASH_BYTES = 4 << 20;

type Handler = (request: Request) => Outcome;

/**
 * The flasher stub, version 2: it answers a block before it has written it, and erases as it goes. What goes wrong behind an
 * answer is told in place of carrying out the next command, whichever that is.
 */
export class StubLoader implements CommandSet {
  readonly #machine: Machine;
  readonly #sendFrame: (frame: Uint8Array) => void;
  readonly #handlers: Readonly<Record<number, Handler>>;
  readonly #ram = new RamUploader({
    badLength: Reason.TOO_MUCH_DATA,
    badChecksum: Reason.BAD_CHECKSUM,
    tooMuch: Reason.TOO_MUCH_DATA,
    notBegun: Reason.NOT_IN_FLASH_MODE,
  });
  #writer: FlashWriter | null = null;
  #erasedTo = 0;
  #isDirty = false;
  #reader: FlashReader | null = null;
  #flashBytes = DEFAULT_FLASH_BYTES;
  #pendingReason = 0;

  constructor(machine: Machine, sendFrame: (frame: Uint8Array) => void) {
    this.#machine = machine;
    this.#sendFrame = sendFrame;
    this.#handlers = this.#table();
  }

  noteFailure(reason: number): void {
    this.#pendingReason = reason;
  }

  /** While it reads, every frame is an acknowledgement; one of another length ends the reading. */
  intercept(frame: Uint8Array): boolean {
    if (this.#reader === null) return false;
    const reading = this.#reader.acknowledge(frame);
    if (reading !== 'going-on') this.#reader = null;
    if (reading === 'failed') this.#pendingReason = Reason.SPI_OPERATION;
    return true;
  }

  execute(request: Request): Outcome {
    if (!request.isWhole) return { reason: Reason.BAD_LENGTH };
    const reason = this.#pendingReason;
    this.#pendingReason = 0;
    if (reason !== 0) return { reason };
    return this.#handlers[request.op]?.(request) ?? { reason: Reason.UNKNOWN_COMMAND };
  }

  answer({ op }: Request, { reason, value = 0, payload = new Uint8Array() }: Outcome) {
    return { op, value, data: Uint8Array.from([...payload, reason, 0]) };
  }

  #table(): Readonly<Record<number, Handler>> {
    return {
      [Op.SYNC]: ({ data }) => this.#sync(data),
      [Op.READ_REG]: ({ data }) => this.#readRegister(words(data)),
      [Op.WRITE_REG]: ({ data }) =>
        writeRegisters(this.#machine.registers, data) ? DONE : { reason: Reason.NOT_ENOUGH_DATA },
      [Op.MEM_BEGIN]: ({ data }) =>
        data.byteLength === 16 ? { reason: this.#ram.begin(words(data)) } : { reason: Reason.BAD_LENGTH },
      [Op.MEM_DATA]: (request) => this.#memData(request),
      [Op.MEM_END]: ({ data }) => this.#memEnd(words(data)),
      [Op.SPI_ATTACH]: ({ data }) => this.#attach(data),
      [Op.SPI_SET_PARAMS]: ({ data }) => this.#setParams(words(data)),
      [Op.CHANGE_BAUDRATE]: ({ data }) => this.#changeBaudRate(words(data)),
      [Op.FLASH_BEGIN]: ({ data }) => this.#begin(words(data), false),
      [Op.FLASH_DEFL_BEGIN]: ({ data }) => this.#begin(words(data), true),
      [Op.FLASH_DATA]: (request) => this.#data(request),
      [Op.FLASH_DEFL_DATA]: (request) => this.#data(request),
      [Op.FLASH_END]: ({ data }) => this.#end(words(data)),
      [Op.FLASH_DEFL_END]: ({ data }) => this.#end(words(data)),
      [Op.SPI_FLASH_MD5]: ({ data }) => this.#md5(words(data)),
      [Op.GET_SECURITY_INFO]: () => this.#securityInfo(),
      [Op.ERASE_FLASH]: () => this.#erase(0, this.#machine.flash.sizeBytes),
      [Op.ERASE_REGION]: ({ data }) => this.#eraseRegion(words(data)),
      [Op.READ_FLASH]: ({ data }) => this.#readFlash(words(data)),
      // Nor does it do anything, as yet.
      [Op.RUN_USER_CODE]: () => ({ reason: 0, answers: 0 }),
      [Op.FLASH_ENCRYPT_DATA]: () => ({ reason: Reason.NOT_IMPLEMENTED }),
    };
  }

  /** Value 0, by which a host knows the stub from the ROM. */
  #sync(data: DataView): Outcome {
    if (!isSync(data)) return { reason: Reason.BAD_LENGTH };
    this.#machine.counts.syncs += 1;
    this.#machine.emit('synced');
    return { reason: 0, answers: SYNC_ANSWERS };
  }

  #readRegister([address]: readonly number[]): Outcome {
    if (address === undefined) return { reason: Reason.BAD_LENGTH };
    return { reason: 0, value: this.#machine.registers.read(address) };
  }

  #memData(request: Request): Outcome {
    const block = decodeBlock(request);
    return { reason: block === null ? Reason.NOT_ENOUGH_DATA : this.#ram.data(block) };
  }

  #memEnd([flag = 0, entry]: readonly number[]): Outcome {
    if (entry === undefined) return { reason: Reason.BAD_LENGTH };
    const upload = this.#ram.finish(entry);
    if (flag !== 0 || upload === null) return DONE;
    return this.#followedBy(() => this.#machine.jump(upload));
  }

  /** Four bytes here, eight for the ROM. */
  #attach(data: DataView): Outcome {
    if (data.byteLength !== 4) return { reason: Reason.BAD_LENGTH };
    this.#machine.attachFlash(data.getUint32(0, true));
    return DONE;
  }

  #setParams(args: readonly number[]): Outcome {
    if (args.length !== 6) return { reason: Reason.BAD_LENGTH };
    this.#flashBytes = args[1] ?? this.#flashBytes;
    return DONE;
  }

  #changeBaudRate(args: readonly number[]): Outcome {
    const [baudRate = 0] = args;
    if (args.length !== 2 || baudRate === 0) return { reason: Reason.BAD_LENGTH };
    return this.#followedBy(() => this.#machine.setBaudRate(baudRate));
  }

  #begin(args: readonly number[], isCompressed: boolean): Outcome {
    if (args.length !== 4 && args.length !== 5) return { reason: Reason.BAD_LENGTH };
    const plan = writePlan(args, isCompressed);
    this.#writer = new FlashWriter(this.#machine, plan);
    this.#erasedTo = Math.floor(plan.offset / SECTOR_BYTES) * SECTOR_BYTES;
    this.#isDirty = false;
    return plan.offset + plan.totalBytes > this.#flashBytes ? { reason: Reason.SPI_OPERATION } : DONE;
  }

  #data(request: Request): Outcome {
    const block = decodeBlock(request);
    if (block === null) return { reason: Reason.NOT_ENOUGH_DATA };
    if (this.#writer === null) return { reason: Reason.NOT_IN_FLASH_MODE };
    if (block.announcedBytes !== block.bytes.length) return { reason: Reason.TOO_MUCH_DATA };
    if (!block.hasGoodChecksum) return { reason: Reason.BAD_CHECKSUM };
    const writer = this.#writer;
    return { reason: 0, afterwards: () => this.#write(writer, block) };
  }

  #write(writer: FlashWriter, block: Block): { workMs: number; reason: number } {
    const bytes = writer.inflater?.push(block.bytes) ?? block.bytes.subarray(0, Math.max(0, writer.remainingBytes));
    const erasingMs = this.#eraseUpTo(writer, writer.position + bytes.length);
    const isInside = writer.position + bytes.length <= this.#flashBytes;
    const { isGood, workMs } = writer.program(bytes);
    if (writer.inflater?.state === 'broken') return { workMs: erasingMs + workMs, reason: Reason.INFLATE };
    return { workMs: erasingMs + workMs, reason: isGood && isInside ? 0 : Reason.SPI_OPERATION };
  }

  /** Skips what is blank until the first sector that is not; from there on it erases, a whole block where one is due. */
  #eraseUpTo(writer: FlashWriter, target: number): number {
    const { flash, timings, counts, faults } = this.#machine;
    let workMs = 0;
    while (this.#erasedTo < Math.min(target, writer.endSector)) {
      const start = this.#erasedTo;
      const isBlockDue = start % BLOCK_BYTES === 0 && writer.endSector - start >= BLOCK_BYTES;
      this.#isDirty ||= !flash.isBlank(start, SECTOR_BYTES);
      const length = this.#isDirty && isBlockDue ? BLOCK_BYTES : SECTOR_BYTES;
      this.#erasedTo += length;
      if (!this.#isDirty) continue;
      counts.sectorsErased += flash.erase(start, length);
      workMs += eraseMs(timings, start, length);
    }
    return workMs * (faults.slowErase ?? 1);
  }

  #end(args: readonly number[]): Outcome {
    if (args.length !== 1) return { reason: Reason.BAD_LENGTH };
    if (this.#writer === null) return { reason: Reason.NOT_IN_FLASH_MODE };
    if (this.#writer.remainingBytes !== 0) return { reason: Reason.BAD_LENGTH };
    this.#writer = null;
    this.#machine.emit('flash-written');
    return DONE;
  }

  #md5(args: readonly number[]): Outcome {
    const [offset = 0, length = 0] = args;
    const { flash, timings, faults } = this.#machine;
    if (args.length !== 4) return { reason: Reason.BAD_LENGTH };
    if (!flash.holds(offset, length)) return { reason: Reason.SPI_OPERATION };
    const payload = createHash('md5')
      .update(flash.bytes.subarray(offset, offset + length))
      .digest();
    if (faults.wrongMd5) payload[0] = (payload[0] ?? 0) ^ 0xff;
    return { reason: 0, payload: payload.subarray(0, MD5_BYTES), workMs: md5Ms(timings, length) };
  }

  #securityInfo(): Outcome {
    const { securityInfo } = this.#machine;
    return securityInfo.length === 0 ? { reason: Reason.NOT_IMPLEMENTED } : { reason: 0, payload: securityInfo };
  }

  #eraseRegion(args: readonly number[]): Outcome {
    const [offset = 0, length = 0] = args;
    if (args.length !== 2 || offset % SECTOR_BYTES !== 0 || length % SECTOR_BYTES !== 0) {
      return { reason: Reason.BAD_LENGTH };
    }
    return this.#erase(offset, length);
  }

  #erase(offset: number, length: number): Outcome {
    const { flash, timings, counts, faults } = this.#machine;
    counts.sectorsErased += flash.erase(offset, length);
    this.#machine.emit('flash-erased');
    return { reason: 0, workMs: eraseMs(timings, offset, length) * (faults.slowErase ?? 1) };
  }

  #readFlash(args: readonly number[]): Outcome {
    if (args.length !== 4) return { reason: Reason.BAD_LENGTH };
    const [offset = 0, length = 0, packetBytes = 0, window = 0] = args;
    return { reason: 0, afterwards: () => this.#startReading({ offset, length, packetBytes, window }) };
  }

  #startReading(plan: ReadPlan): { workMs: number; reason: number } {
    if (FlashReader.refusalOf(plan) !== null) return { workMs: 0, reason: Reason.BAD_LENGTH };
    const reader = new FlashReader(this.#machine, plan, this.#sendFrame);
    const reading = reader.start();
    if (reading === 'going-on') this.#reader = reader;
    return { workMs: 0, reason: reading === 'failed' ? Reason.SPI_OPERATION : 0 };
  }

  #followedBy(act: () => void): Outcome {
    return {
      reason: 0,
      afterwards: () => {
        act();
        return { workMs: 0, reason: 0 };
      },
    };
  }
}
