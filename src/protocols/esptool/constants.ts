/** Commands (esptool documentation, "Serial Protocol", "Commands"). */
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
  /** ROM only. */
  READ_FLASH_SLOW: 0x0e,
  CHANGE_BAUDRATE: 0x0f,
  FLASH_DEFL_BEGIN: 0x10,
  FLASH_DEFL_DATA: 0x11,
  FLASH_DEFL_END: 0x12,
  SPI_FLASH_MD5: 0x13,
  GET_SECURITY_INFO: 0x14,
  /** From here on: stub only. */
  ERASE_FLASH: 0xd0,
  ERASE_REGION: 0xd1,
  READ_FLASH: 0xd2,
} as const;

/** The second byte of a command. */
export type Opcode = (typeof Op)[keyof typeof Op];

/** The rate that every loader starts at; ROMs find the rate of the first SYNC themselves. */
export const ROM_BAUD_RATE = 115_200;

/** What flash is erased by, at the least. */
export const SECTOR_BYTES = 0x1000;
export const MEGABYTE = 0x100000;

/** RAM and flash blocks. A chip that is itself the USB device takes less at a time (esptool, "USB_RAM_BLOCK"). */
export const RAM_BLOCK_BYTES = 0x1800;
export const STUB_FLASH_BLOCK_BYTES = 0x4000;
export const ROM_FLASH_BLOCK_BYTES = 0x400;
export const USB_OTG_BLOCK_BYTES = 0x800;

/** Of the replies to READ_FLASH: bytes per frame, and frames that may be under way unacknowledged. */
export const READ_FRAME_BYTES = 0x1000;
export const READ_FRAMES_IN_FLIGHT = 64;
/** READ_FLASH_SLOW always returns that many. */
export const SLOW_READ_BYTES = 64;

/** Longest waits and shortest pauses of the conversation, milliseconds. */
export const DEFAULT_TIMEOUT_MS = 3_000;
export const SYNC_TIMEOUT_MS = 100;
export const SYNC_PAUSE_MS = 50;
export const SYNCS_PER_RESET = 5;
export const RESETS = 7;
/** A ROM repeats some answers; what comes this long after the last byte belongs to the next command. */
export const QUIET_MS = 50;
/** "Unsupported" is repeated for longer. */
export const QUIET_AFTER_UNSUPPORTED_MS = 200;
export const STUB_HELLO_TIMEOUT_MS = 3_000;
export const BAUD_SETTLE_MS = 50;
/** Erasing, writing and hashing take as long as the flash chip needs (esptool, loader timeouts). */
export const ERASE_MS_PER_MB = 30_000;
export const WRITE_MS_PER_MB = 40_000;
export const MD5_MS_PER_MB = 8_000;
export const CHIP_ERASE_TIMEOUT_MS = 120_000;

/** For something that takes `msPerMb` for a megabyte, and never less than any command. */
export function timeoutForSize(msPerMb: number, sizeBytes: number): number {
  return Math.max(DEFAULT_TIMEOUT_MS, Math.ceil((msPerMb * sizeBytes) / MEGABYTE));
}
