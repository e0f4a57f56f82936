import { createHash } from 'node:crypto';
import { eraseMs, md5Ms } from './chip-timings.ts';
import { BLOCK_BYTES, SECTOR_BYTES } from './flash-array.ts';
import { FlashWriter, writePlan } from './flash-writer.ts';
import type { CommandSet } from './loader.ts';
import { DONE, type Machine, type Outcome } from './machine.ts';
import { type Block, decodeBlock, Op, type Request, words } from './packet.ts';
import { RamUploader } from './ram-upload.ts';
import { writeRegisters } from './register-commands.ts';
import { isSync } from './sync.ts';

/** Reasons of the mask ROM (esptool documentation, "Serial Protocol", "ROM loader errors"). */
const Reason = {
  MALFORMED: 0x05,
  WRONG_RESULT: 0x06,
  CHECKSUM: 0x07,
  FLASH_WRITE: 0x08,
  FLASH_READ: 0x09,
  READ_LENGTH: 0x0a,
  INFLATE: 0x0b,
} as const;

/** `value` of an answer until a register has been read, and of every answer to SYNC. */
const SYNC_VALUE = 0x20120707;
const SYNC_ANSWERS = 8;
const SLOW_READ_BYTES = 64;
const DEFAULT_FLASH_BYTES = 4 << 20;
const SECTORS_PER_BLOCK = BLOCK_BYTES / SECTOR_BYTES;

const FIRST_OPS: readonly number[] = [
  Op.FLASH_BEGIN,
  Op.FLASH_DATA,
  Op.FLASH_END,
  Op.MEM_BEGIN,
  Op.MEM_END,
  Op.MEM_DATA,
  Op.SYNC,
  Op.WRITE_REG,
  Op.READ_REG,
];
const ESP32_OPS: readonly number[] = [
  ...FIRST_OPS,
  Op.SPI_SET_PARAMS,
  Op.SPI_ATTACH,
  Op.READ_FLASH_SLOW,
  Op.CHANGE_BAUDRATE,
  Op.FLASH_DEFL_BEGIN,
  Op.FLASH_DEFL_DATA,
  Op.FLASH_DEFL_END,
  Op.SPI_FLASH_MD5,
];
const OPS = { esp8266: FIRST_OPS, esp32: ESP32_OPS, newer: [...ESP32_OPS, Op.GET_SECURITY_INFO] } as const;

/** What Secure Download Mode leaves (technical reference manuals, eFuse ENABLE_SECURITY_DOWNLOAD). */
const SECURE_DOWNLOAD_OPS: ReadonlySet<number> = new Set([
  Op.SYNC,
  Op.SPI_ATTACH,
  Op.SPI_SET_PARAMS,
  Op.CHANGE_BAUDRATE,
  Op.FLASH_BEGIN,
  Op.FLASH_DATA,
  Op.FLASH_END,
  Op.GET_SECURITY_INFO,
]);

type Handler = (request: Request) => Outcome;

/** The serial loader in mask ROM. It writes before it answers, and erases everything at the begin. */
export class RomLoader implements CommandSet {
  readonly #machine: Machine;
  readonly #handlers: ReadonlyMap<number, Handler>;
  readonly #ram = new RamUploader({
    badLength: Reason.MALFORMED,
    badChecksum: Reason.CHECKSUM,
    tooMuch: Reason.WRONG_RESULT,
    notBegun: Reason.WRONG_RESULT,
  });
  #writer: FlashWriter | null = null;
  #sequence = 0;
  #value = SYNC_VALUE;
  #previousOp = 0;
  #isSynced = false;
  #isAttached: boolean;
  #flashBytes = DEFAULT_FLASH_BYTES;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#isAttached = machine.facts.rom === 'esp8266' || machine.security.secureDownload === true;
    if (machine.facts.rom === 'esp8266') this.#flashBytes = machine.flash.sizeBytes;
    const known = this.#table();
    const ops = OPS[machine.facts.rom].filter(
      (op) => machine.security.secureDownload !== true || SECURE_DOWNLOAD_OPS.has(op),
    );
    this.#handlers = new Map(ops.flatMap((op) => (known[op] ? [[op, known[op]]] : [])));
  }

  intercept(): boolean {
    return false;
  }

  noteFailure(): void {
    // Nothing goes on behind an answer of the ROM.
  }

  /** Nothing but SYNC is heard while the rate is unknown. */
  execute(request: Request): Outcome | null {
    if (request.op === Op.SYNC ? !isSync(request.data) : !this.#isSynced) return null;
    const handler = request.isWhole ? this.#handlers.get(request.op) : undefined;
    if (handler === undefined) return { reason: Reason.MALFORMED };
    const outcome = handler(request);
    this.#previousOp = request.op;
    return outcome;
  }

  /** An unknown command is answered in the name of the one before it. */
  answer({ op }: Request, { reason, value, payload = new Uint8Array() }: Outcome) {
    const { rom, statusFiller } = this.#machine.facts;
    const status = [reason === 0 ? 0 : 1, reason, ...(rom === 'esp8266' ? [] : [statusFiller, statusFiller])];
    return {
      op: this.#handlers.has(op) ? op : this.#previousOp,
      value: value ?? this.#value,
      data: Uint8Array.from([...payload, ...status]),
    };
  }

  #table(): Readonly<Record<number, Handler>> {
    return {
      [Op.SYNC]: () => this.#sync(),
      [Op.READ_REG]: ({ data }) => this.#readRegister(data),
      [Op.WRITE_REG]: ({ data }) =>
        writeRegisters(this.#machine.registers, data) ? DONE : { reason: Reason.MALFORMED },
      [Op.MEM_BEGIN]: ({ data }) => ({ reason: this.#ram.begin(words(data)) }),
      [Op.MEM_DATA]: (request) => this.#withBlock(request, (block) => ({ reason: this.#ram.data(block) })),
      [Op.MEM_END]: ({ data }) => this.#memEnd(words(data)),
      [Op.SPI_ATTACH]: ({ data }) => this.#attach(data),
      [Op.SPI_SET_PARAMS]: ({ data }) => this.#setParams(words(data)),
      [Op.CHANGE_BAUDRATE]: ({ data }) => this.#changeBaudRate(words(data)),
      [Op.FLASH_BEGIN]: ({ data }) => this.#begin(words(data), false),
      [Op.FLASH_DEFL_BEGIN]: ({ data }) => this.#begin(words(data), true),
      [Op.FLASH_DATA]: (request) => this.#withBlock(request, (block) => this.#data(block, false)),
      [Op.FLASH_DEFL_DATA]: (request) => this.#withBlock(request, (block) => this.#data(block, true)),
      [Op.FLASH_END]: () => this.#end(),
      [Op.FLASH_DEFL_END]: () => this.#end(),
      [Op.SPI_FLASH_MD5]: ({ data }) => this.#md5(words(data)),
      [Op.READ_FLASH_SLOW]: ({ data }) => this.#readSlowly(words(data)),
      [Op.GET_SECURITY_INFO]: () => ({ reason: 0, payload: this.#machine.securityInfo }),
    };
  }

  #sync(): Outcome {
    this.#isSynced = true;
    this.#machine.counts.syncs += 1;
    this.#machine.emit('synced');
    return { reason: 0, value: SYNC_VALUE, answers: SYNC_ANSWERS };
  }

  #readRegister(data: DataView): Outcome {
    const [address] = words(data);
    if (address === undefined) return { reason: Reason.MALFORMED };
    this.#value = this.#machine.registers.read(address);
    return DONE;
  }

  #withBlock(request: Request, act: (block: Block) => Outcome): Outcome {
    const block = decodeBlock(request);
    return block === null ? { reason: Reason.MALFORMED } : act(block);
  }

  #memEnd([flag = 0, entry = 0]: readonly number[]): Outcome {
    const upload = this.#ram.finish(entry);
    if (flag !== 0) return DONE;
    const { chip } = this.#machine.facts;
    const isForbidden = chip === 'esp32s3' && this.#machine.security.secureBoot === true;
    if (upload === null || isForbidden || this.#machine.faults.stub === 'refused') {
      return { reason: Reason.WRONG_RESULT };
    }
    return this.#followedBy(() => this.#machine.jump(upload));
  }

  /** Eight bytes here, four for the stub (esptool documentation, "SPI Attach Command"). */
  #attach(data: DataView): Outcome {
    if (data.byteLength !== 8) return { reason: Reason.MALFORMED };
    this.#isAttached = true;
    this.#machine.attachFlash(data.getUint32(0, true));
    return DONE;
  }

  #setParams([, totalBytes]: readonly number[]): Outcome {
    if (totalBytes === undefined) return { reason: Reason.MALFORMED };
    this.#flashBytes = totalBytes;
    return DONE;
  }

  #changeBaudRate([baudRate = 0]: readonly number[]): Outcome {
    if (baudRate === 0) return { reason: Reason.MALFORMED };
    return this.#followedBy(() => this.#machine.setBaudRate(baudRate));
  }

  /** A fifth word, the encryption flag, is wanted by the ROMs that are newer than the ESP32's, and by those only. */
  #begin(args: readonly number[], isCompressed: boolean): Outcome {
    if (args.length !== (this.#machine.facts.rom === 'newer' ? 5 : 4)) return { reason: Reason.MALFORMED };
    const plan = writePlan(args, isCompressed);
    if (!this.#isAttached || plan.offset + plan.totalBytes > this.#flashBytes) return { reason: Reason.WRONG_RESULT };
    this.#writer = new FlashWriter(this.#machine, plan);
    this.#sequence = 0;
    return { reason: 0, workMs: this.#erase(plan.offset, plan.totalBytes) };
  }

  #erase(offset: number, announcedBytes: number): number {
    const { flash, timings, counts, facts, faults } = this.#machine;
    const length = facts.rom === 'esp8266' ? bytesErasedByEsp8266(offset, announcedBytes) : announcedBytes;
    if (length === 0) return 0;
    counts.sectorsErased += flash.erase(offset, length);
    this.#machine.emit('flash-erased');
    return eraseMs(timings, offset, length) * (faults.slowErase ?? 1);
  }

  #data(block: Block, isCompressed: boolean): Outcome {
    const writer = this.#writer;
    if (writer === null || writer.plan.isCompressed !== isCompressed) return { reason: Reason.WRONG_RESULT };
    if (block.announcedBytes !== block.bytes.length) return { reason: Reason.MALFORMED };
    if (!block.hasGoodChecksum) return { reason: Reason.CHECKSUM };
    if (block.sequence !== this.#sequence || block.sequence >= writer.plan.blocks) {
      return { reason: Reason.WRONG_RESULT };
    }
    this.#sequence += 1;
    const bytes = writer.inflater?.push(block.bytes) ?? block.bytes;
    const { isGood, workMs } = writer.program(bytes);
    if (writer.inflater?.state === 'broken') return { reason: Reason.INFLATE, workMs };
    return { reason: isGood ? 0 : Reason.FLASH_WRITE, workMs };
  }

  /** Either way, stay or reboot, the ROM leaves its loader. */
  #end(): Outcome {
    this.#writer = null;
    this.#machine.emit('flash-written');
    return this.#followedBy(() => this.#machine.leaveLoader());
  }

  #md5([offset = 0, length = 0]: readonly number[]): Outcome {
    const { flash, timings, faults } = this.#machine;
    if (!this.#isAttached || !flash.holds(offset, length)) return { reason: Reason.FLASH_READ };
    const hash = createHash('md5').update(flash.bytes.subarray(offset, offset + length));
    if (faults.wrongMd5) hash.update('?');
    return { reason: 0, payload: Buffer.from(hash.digest('hex'), 'latin1'), workMs: md5Ms(timings, length) };
  }

  /** Always a whole portion, however little was asked for. */
  #readSlowly([offset = 0, length = 0]: readonly number[]): Outcome {
    if (length > SLOW_READ_BYTES) return { reason: Reason.READ_LENGTH };
    const { flash } = this.#machine;
    if (!this.#isAttached || !flash.holds(offset, length)) return { reason: Reason.FLASH_READ };
    const payload = new Uint8Array(SLOW_READ_BYTES);
    payload.set(flash.read(offset, SLOW_READ_BYTES));
    return { reason: 0, payload };
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

/** SPIEraseArea of the ESP8266's ROM counts the sectors up to the first block's end twice. */
function bytesErasedByEsp8266(offset: number, announcedBytes: number): number {
  const sectors = Math.ceil(announcedBytes / SECTOR_BYTES);
  const first = Math.floor(offset / SECTOR_BYTES);
  const upToBlockEnd = SECTORS_PER_BLOCK - (first % SECTORS_PER_BLOCK);
  return (sectors + Math.min(sectors, upToBlockEnd)) * SECTOR_BYTES;
}
