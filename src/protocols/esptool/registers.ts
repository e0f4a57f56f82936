import type { Chip } from '../../model/chip.ts';

/** The SPI controller that the flash chip hangs on: addresses. `null` lengths: they stand in USR1 (ESP8266). */
export interface SpiRegisters {
  readonly command: number;
  readonly usr: number;
  readonly usr1: number;
  readonly usr2: number;
  readonly misoLength: number | null;
  readonly w0: number;
}

/** Bits of an eFuse word: `width` bits from `bit` up. */
export interface EfuseBits {
  readonly word: number;
  readonly bit: number;
  readonly width: number;
}

/** Watchdogs that reset a chip which is itself the USB device, in the middle of a long write. */
export interface WatchdogRegisters {
  readonly protect: number;
  readonly config0: number;
  readonly swdConfig: number;
  readonly swdAutoFeed: number;
  readonly swdProtect: number;
  readonly swdKey: number;
}

/** Addresses of one chip, from its technical reference manual. */
export interface ChipRegisters {
  readonly spi: SpiRegisters;
  /** The first word of the eFuse block with the MAC; null: ESP8266 and ESP32, which have ways of their own. */
  readonly macBlock: number | null;
  /** Most significant bits first, words counted from `macBlock`; null: not known. */
  readonly revision: { readonly major: readonly EfuseBits[]; readonly minor: readonly EfuseBits[] } | null;
  readonly watchdog: WatchdogRegisters | null;
}

/** RTC_CNTL_WDT_WKEY: writing it unlocks the watchdog's registers. */
export const WATCHDOG_KEY = 0x50d83aa1;
const S3_SWD_KEY = 0x8f1d312a;

/** From the ESP32-S2 on. Offsets from Espressif's technical reference manuals, "SPI Controller". */
function spi1(base: number): SpiRegisters {
  return {
    command: base,
    usr: base + 0x18,
    usr1: base + 0x1c,
    usr2: base + 0x20,
    misoLength: base + 0x28,
    w0: base + 0x58,
  };
}

function bits(word: number, bit: number, width: number): EfuseBits {
  return { word, bit, width };
}

/** WAFER_VERSION_MAJOR and _MINOR (ESP-IDF, components/efuse/<chip>/esp_efuse_table.csv). */
const REVISION_C3 = { major: [bits(5, 24, 2)], minor: [bits(5, 23, 1), bits(3, 18, 3)] };
const REVISION_C5 = { major: [bits(2, 4, 2)], minor: [bits(2, 0, 4)] };
const REVISION_C6 = { major: [bits(3, 22, 2)], minor: [bits(3, 18, 4)] };

const WATCHDOG_C6: WatchdogRegisters = {
  protect: 0x600b1c18,
  config0: 0x600b1c00,
  swdConfig: 0x600b1c1c,
  swdAutoFeed: 2 ** 18,
  swdProtect: 0x600b1c20,
  swdKey: WATCHDOG_KEY,
};

const WATCHDOG_H2: WatchdogRegisters = {
  protect: 0x600b1c1c,
  config0: 0x600b1c00,
  swdConfig: 0x600b1c20,
  swdAutoFeed: 2 ** 18,
  swdProtect: 0x600b1c24,
  swdKey: WATCHDOG_KEY,
};

/** Addresses of registers, by chip (Espressif's technical reference manuals; esptool, targets/). */
export const REGISTERS: Readonly<Record<Chip, ChipRegisters>> = {
  esp8266: {
    spi: {
      command: 0x60000200,
      usr: 0x6000021c,
      usr1: 0x60000220,
      usr2: 0x60000224,
      misoLength: null,
      w0: 0x60000240,
    },
    macBlock: null,
    revision: null,
    watchdog: null,
  },
  esp32: {
    spi: {
      command: 0x3ff42000,
      usr: 0x3ff4201c,
      usr1: 0x3ff42020,
      usr2: 0x3ff42024,
      misoLength: 0x3ff4202c,
      w0: 0x3ff42080,
    },
    macBlock: null,
    revision: null,
    watchdog: null,
  },
  esp32s2: {
    spi: spi1(0x3f402000),
    macBlock: 0x3f41a044,
    revision: { major: [bits(3, 18, 2)], minor: [bits(3, 20, 1), bits(4, 4, 3)] },
    watchdog: null,
  },
  esp32s3: {
    spi: spi1(0x60002000),
    macBlock: 0x60007044,
    revision: REVISION_C3,
    watchdog: {
      protect: 0x600080b0,
      config0: 0x60008098,
      swdConfig: 0x600080b4,
      swdAutoFeed: 2 ** 31,
      swdProtect: 0x600080b8,
      swdKey: S3_SWD_KEY,
    },
  },
  esp32c2: {
    spi: spi1(0x60002000),
    macBlock: 0x60008840,
    revision: { major: [bits(1, 20, 2)], minor: [bits(1, 16, 4)] },
    watchdog: null,
  },
  esp32c3: {
    spi: spi1(0x60002000),
    macBlock: 0x60008844,
    revision: REVISION_C3,
    watchdog: {
      protect: 0x600080a8,
      config0: 0x60008090,
      swdConfig: 0x600080ac,
      swdAutoFeed: 2 ** 31,
      swdProtect: 0x600080b0,
      swdKey: S3_SWD_KEY,
    },
  },
  esp32c5: { spi: spi1(0x60003000), macBlock: 0x600b4844, revision: REVISION_C5, watchdog: WATCHDOG_C6 },
  esp32c6: { spi: spi1(0x60003000), macBlock: 0x600b0844, revision: REVISION_C6, watchdog: WATCHDOG_C6 },
  esp32c61: { spi: spi1(0x60003000), macBlock: 0x600b4844, revision: REVISION_C5, watchdog: WATCHDOG_C6 },
  esp32h2: {
    spi: spi1(0x60003000),
    macBlock: 0x600b0844,
    revision: { major: [bits(3, 21, 2)], minor: [bits(3, 18, 3)] },
    watchdog: WATCHDOG_H2,
  },
  esp32h21: {
    spi: spi1(0x60003000),
    macBlock: 0x600b4044,
    revision: { major: [bits(5, 8, 2)], minor: [bits(5, 4, 4)] },
    watchdog: WATCHDOG_H2,
  },
  esp32h4: { spi: spi1(0x60099000), macBlock: 0x600b1844, revision: REVISION_C6, watchdog: null },
  esp32p4: {
    spi: spi1(0x5008d000),
    macBlock: 0x5012d044,
    revision: { major: [bits(2, 23, 1), bits(2, 4, 2)], minor: [bits(2, 0, 4)] },
    watchdog: {
      protect: 0x50116018,
      config0: 0x50116000,
      swdConfig: 0x5011601c,
      swdAutoFeed: 2 ** 18,
      swdProtect: 0x50116020,
      swdKey: WATCHDOG_KEY,
    },
  },
  esp32e22: { spi: spi1(0xc3003000), macBlock: 0xc4008044, revision: null, watchdog: null },
  esp32s31: { spi: spi1(0x20501000), macBlock: 0x20715050, revision: REVISION_C6, watchdog: null },
};

/** UART_DATE_REG_ADDR as esptool calls it: a word of ROM whose value tells the three oldest chips apart. */
export const CHIP_MAGIC_REGISTER = 0x40001000;
export const CHIP_MAGICS: Readonly<Record<number, Chip>> = {
  4293968129: 'esp8266',
  15736195: 'esp32',
  1990: 'esp32s2',
};

/** First words of the eFuse blocks that hold the MAC address of the two oldest chips. */
export const ESP8266_EFUSE = 0x3ff00050;
export const ESP32_EFUSE = 0x3ff5a000;
/** Its highest bit is part of the revision (ESP-IDF, efuse_hal.c). */
export const ESP32_APB_CTL_DATE = 0x3ff6607c;

/** The block version tells a first ESP32-S3 (v0.0) from what its revision bits say (ESP-IDF, esp32s3/efuse_hal.c). */
export const ESP32S3_BLOCK1 = 0x60007044;
export const ESP32S3_BLOCK2 = 0x6000705c;

/** For a reset by the RTC watchdog, where a chip has no line for it (USB-OTG of S2 and S3). */
export const WATCHDOG_RESET: Partial<Record<Chip, { config0: number; config1: number; protect: number }>> = {
  esp32s2: { config0: 0x3f408094, config1: 0x3f408098, protect: 0x3f4080ac },
  esp32s3: { config0: 0x60008098, config1: 0x6000809c, protect: 0x600080b0 },
};

/** RTC_CNTL_OPTION1_REG: bit 0 keeps an ESP32-S3 or S2 in download mode over a reset. */
export const FORCE_DOWNLOAD: Partial<Record<Chip, number>> = { esp32s2: 0x3f408128, esp32s3: 0x6000812c };
