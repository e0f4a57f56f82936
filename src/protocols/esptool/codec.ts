import type { Opcode } from './constants.ts';

/** esptool documentation, "Serial Protocol", "Command Packet" and "Response Packet". All values are little-endian. */
const REQUEST = 0x00;
const RESPONSE = 0x01;
const HEADER_BYTES = 8;
const CHECKSUM_SEED = 0xef;
/** Length, sequence number and two zero words before the bytes of a data block. */
const BLOCK_HEADER_BYTES = 16;

/** A frame that answers a command. */
export interface Reply {
  readonly op: number;
  /** Of READ_REG the register, of SYNC non-zero for a ROM; stale or 0 otherwise. */
  readonly value: number;
  /** The answer's payload, then its status bytes. */
  readonly data: Uint8Array;
}

/** Without the SLIP frame. The checksum counts for the three commands that carry blocks. */
export function encodeCommand(op: Opcode, data: Uint8Array, checksum = 0): Uint8Array {
  const packet = Buffer.alloc(HEADER_BYTES + data.length);
  packet.writeUInt8(REQUEST, 0);
  packet.writeUInt8(op, 1);
  packet.writeUInt16LE(data.length, 2);
  packet.writeUInt32LE(checksum, 4);
  packet.set(data, HEADER_BYTES);
  return packet;
}

/** Null for a frame that is no reply: noise, or raw flash data. */
export function decodeReply(frame: Uint8Array): Reply | null {
  if (frame.length < HEADER_BYTES || frame[0] !== RESPONSE) return null;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint16(2, true) !== frame.length - HEADER_BYTES) return null;
  return { op: view.getUint8(1), value: view.getUint32(4, true), data: frame.subarray(HEADER_BYTES) };
}

/** 32 bits each, little-endian. */
export function encodeWords(...words: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, index) => {
    bytes.writeUInt32LE(word >>> 0, index * 4);
  });
  return bytes;
}

/** SYNC's data: a pattern by which the ROM measures the rate. */
export function encodeSync(): Uint8Array {
  const data = new Uint8Array(36).fill(0x55);
  data.set([0x07, 0x07, 0x12, 0x20]);
  return data;
}

/** The data of MEM_DATA, FLASH_DATA and FLASH_DEFL_DATA. */
export function encodeBlock(block: Uint8Array, sequence: number): Uint8Array {
  const data = new Uint8Array(BLOCK_HEADER_BYTES + block.length);
  data.set(encodeWords(block.length, sequence));
  data.set(block, BLOCK_HEADER_BYTES);
  return data;
}

/** Over the bytes of a block, without its header. */
export function checksumOf(block: Uint8Array): number {
  let sum = CHECKSUM_SEED;
  for (let at = 0; at < block.length; at++) sum ^= block[at] ?? 0;
  return sum;
}
