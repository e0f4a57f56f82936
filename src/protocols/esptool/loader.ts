import { FlashError } from '../../errors.ts';
import { checksumOf, decodeReply, encodeBlock, encodeCommand, encodeWords, type Reply } from './codec.ts';
import { DEFAULT_TIMEOUT_MS, Op, type Opcode, QUIET_AFTER_UNSUPPORTED_MS } from './constants.ts';
import type { FrameLink } from './frames.ts';
import { type Dialect, refusal } from './status.ts';

/** One command to ROM or stub. */
export interface Command {
  readonly op: Opcode;
  readonly data: Uint8Array;
  readonly checksum?: number;
  readonly timeoutMs?: number;
  /** How many bytes come before the status; what is longer carries padding behind it. */
  readonly payloadBytes?: number;
}

/** The names of the commands, for messages. */
const NAMES = new Map<number, string>(Object.entries(Op).map(([name, op]) => [op, name]));

const STATUS_BYTES = 2;
const REFUSED = 0x01;
const BAD_MESSAGE = 0x05;

/** Questions and answers with the loader in ROM or the stub: one command at a time, each with its deadline. */
export class Loader {
  readonly frames: FrameLink;
  dialect: Dialect;

  constructor(frames: FrameLink, dialect: Dialect) {
    this.frames = frames;
    this.dialect = dialect;
  }

  /**
   * Sends a command and awaits its answer.
   *
   * @returns the reply, with `data` cut to the payload
   * @throws FlashError SERIAL_NO_ANSWER, or what the status byte means
   */
  async command(command: Command): Promise<Reply> {
    const { op, payloadBytes = 0 } = command;
    const reply = await this.exchange(command);
    // A refusal comes without the payload that success would bring.
    const statusAt = reply.data.length >= payloadBytes + STATUS_BYTES ? payloadBytes : 0;
    const [first, second] = reply.data.subarray(statusAt);
    if (first !== undefined && second !== undefined && first !== 0) {
      throw refusal(this.dialect, nameOf(op), { first, second });
    }
    if (second === undefined || statusAt !== payloadBytes) throw this.#tooShort(op, reply, payloadBytes);
    return { ...reply, data: reply.data.subarray(0, payloadBytes) };
  }

  /** The same with the answer as it came, status included: for the one command whose payload differs between chips. */
  async exchange({ op, data, checksum = 0, timeoutMs = DEFAULT_TIMEOUT_MS }: Command): Promise<Reply> {
    await this.frames.send(encodeCommand(op, data, checksum));
    const reply = await this.frames.find((frame) => this.#answerTo(op, frame), timeoutMs);
    if (reply === null) throw new FlashError('SERIAL_NO_ANSWER', `${nameOf(op)}: no answer within ${timeoutMs} ms`);
    if (reply.op === op) return reply;
    // The ROM may send several copies, and a late one would pass for the answer to the next READ_REG.
    await this.frames.drain(QUIET_AFTER_UNSUPPORTED_MS);
    throw new FlashError('SERIAL_UNSUPPORTED', `${nameOf(op)}: the ROM of this chip does not know the command`);
  }

  async readRegister(address: number, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<number> {
    return (await this.command({ op: Op.READ_REG, data: encodeWords(address), timeoutMs })).value;
  }

  async writeRegister(address: number, value: number): Promise<void> {
    await this.command({ op: Op.WRITE_REG, data: encodeWords(address, value, 0xffffffff, 0) });
  }

  /** One block of MEM_DATA, FLASH_DATA or FLASH_DEFL_DATA. */
  async block(op: Opcode, block: Uint8Array, sequence: number, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<void> {
    await this.command({ op, data: encodeBlock(block, sequence), checksum: checksumOf(block), timeoutMs });
  }

  #answerTo(op: Opcode, frame: Uint8Array): Reply | null {
    const reply = decodeReply(frame);
    return reply !== null && (reply.op === op || this.#isUnsupported(reply)) ? reply : null;
  }

  /** A ROM answers a command it does not know under the number of the one before. */
  #isUnsupported({ data }: Reply): boolean {
    return this.dialect === 'rom' && data[0] === REFUSED && data[1] === BAD_MESSAGE;
  }

  #tooShort(op: Opcode, { data }: Reply, payloadBytes: number): FlashError {
    const message = `${nameOf(op)}: the answer has ${data.length} bytes; ${payloadBytes + STATUS_BYTES} are expected`;
    return new FlashError('SERIAL_LINE_NOISE', message);
  }
}

/** For messages. */
export function nameOf(op: Opcode): string {
  return NAMES.get(op) ?? `command ${op}`;
}
