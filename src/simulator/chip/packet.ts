/** Commands of the loaders (esptool documentation, "Serial Protocol", Commands). */
export const Op = {
  FLASH_BEGIN: 0x02,
  FLASH_DATA: 0x03,
  FLASH_END: 0x04,
  MEM_BEGIN: 0x05,
  MEM_END: 0x06,
  MEM_DATA: 0x07,
  SYNC: 0x08,
  WRITE_REG: 0x09,
  READ_REG: 0x0a,
  SPI_SET_PARAMS: 0x0b,
  SPI_ATTACH: 0x0d,
  READ_FLASH_SLOW: 0x0e,
  CHANGE_BAUDRATE: 0x0f,
  FLASH_DEFL_BEGIN: 0x10,
  FLASH_DEFL_DATA: 0x11,
  FLASH_DEFL_END: 0x12,
  SPI_FLASH_MD5: 0x13,
  GET_SECURITY_INFO: 0x14,
  ERASE_FLASH: 0xd0,
  ERASE_REGION: 0xd1,
  READ_FLASH: 0xd2,
  RUN_USER_CODE: 0xd3,
  FLASH_ENCRYPT_DATA: 0xd4,
} as const;

const FROM_HOST = 0x00;
const FROM_CHIP = 0x01;
const HEADER_BYTES = 8;
const CHECKSUM_SEED = 0xef;

/** A command as it came: direction 00, op, size, checksum, data. */
export interface Request {
  readonly op: number;
  readonly checksum: number;
  readonly data: DataView<ArrayBuffer>;
  /** False where the header announces another size than came. */
  readonly isWhole: boolean;
}

/** Null for what is no command: an answer, or less than a header. */
export function decodeRequest(frame: Uint8Array): Request | null {
  if (frame.length < HEADER_BYTES || frame[0] !== FROM_HOST) return null;
  const copy = frame.slice();
  const header = new DataView(copy.buffer, 0, HEADER_BYTES);
  return {
    op: header.getUint8(1),
    checksum: header.getUint32(4, true),
    data: new DataView(copy.buffer, HEADER_BYTES),
    isWhole: header.getUint16(2, true) === copy.length - HEADER_BYTES,
  };
}

/** Direction 01, op, size, value, then `data`, whose end is the status. */
export function encodeResponse(op: number, value: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + data.length);
  const header = new DataView(bytes.buffer);
  header.setUint8(0, FROM_CHIP);
  header.setUint8(1, op);
  header.setUint16(2, data.length, true);
  header.setUint32(4, value >>> 0, true);
  bytes.set(data, HEADER_BYTES);
  return bytes;
}

/** The data words of a command; missing ones are not there. */
export function words(data: DataView): number[] {
  return Array.from({ length: data.byteLength >> 2 }, (_, nth) => data.getUint32(nth * 4, true));
}

/** Length, sequence number and two words of 0, ahead of each block of data. */
export const BLOCK_HEADER_BYTES = 16;

/** FLASH_DATA, FLASH_DEFL_DATA, MEM_DATA: length, sequence number, two zero words, then the block. */
export interface Block {
  readonly announcedBytes: number;
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly hasGoodChecksum: boolean;
}

/** Null where the 16 bytes of the block's own header are not all there. */
export function decodeBlock({ data, checksum }: Request): Block | null {
  if (data.byteLength < BLOCK_HEADER_BYTES) return null;
  const bytes = new Uint8Array(data.buffer, data.byteOffset + BLOCK_HEADER_BYTES);
  return {
    announcedBytes: data.getUint32(0, true),
    sequence: data.getUint32(4, true),
    bytes,
    hasGoodChecksum: bytes.reduce((sum, byte) => sum ^ byte, CHECKSUM_SEED) === checksum,
  };
}
