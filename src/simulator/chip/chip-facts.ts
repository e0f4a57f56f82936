import type { Chip } from '../../model/chip.ts';
import type { WatchdogLayout } from './watchdogs.ts';

/** Offsets of an SPI controller's registers from its base; null: the lengths stand in USR1 (ESP8266). */
export interface SpiLayout {
  readonly base: number;
  readonly usr: number;
  readonly usr1: number;
  readonly usr2: number;
  readonly mosiLength: number | null;
  readonly misoLength: number | null;
  readonly w0: number;
}

/** Some bits of an eFuse word that hold some bits of a number. */
export interface FuseField {
  readonly address: number;
  readonly bit: number;
  readonly width: number;
  /** Which bits of the number: from this one up. */
  readonly from?: number;
}

/** Where in its eFuses a chip has its revision. */
export interface RevisionFields {
  readonly major: readonly FuseField[];
  readonly minor: readonly FuseField[];
  /** The major number is the count of the bits that are set, from the lowest up. */
  readonly isCounted?: boolean;
}

/** What one chip does differently. */
export interface ChipFacts {
  readonly chip: Chip;
  /** As in GET_SECURITY_INFO and in an image header; the first two chips answer neither. */
  readonly chipId: number;
  /** The word at 0x40001000, by which older chips are told apart. */
  readonly magic: number;
  /** Which commands the mask ROM knows. */
  readonly rom: 'esp8266' | 'esp32' | 'newer';
  /** The two bytes behind the status of an ESP32-class ROM. */
  readonly statusFiller: number;
  readonly securityInfoBytes: 0 | 12 | 20;
  readonly spi: SpiLayout;
  /** UART clock divider, from which a client works out the crystal, with clock cycles a bit and second. */
  readonly uartDivider: { readonly address: number; readonly clockHz: number } | null;
  /** First of the two words with the MAC; null for the two chips with an order of their own. */
  readonly macAddress: number | null;
  readonly revision: RevisionFields;
  /** SPI_BOOT_CRYPT_CNT and SECURE_BOOT_EN. */
  readonly security: { readonly cryptCount: FuseField; readonly secureBoot: FuseField } | null;
  readonly bootloaderOffset: number;
  readonly bootText: BootText;
  /** Of chips that can be the USB device themselves. */
  readonly watchdogs: WatchdogLayout | null;
}

/** What a mask ROM prints at a start. */
export interface BootText {
  readonly baudRate: number;
  readonly banner: string;
  readonly straps: { readonly download: string; readonly flash: string };
  readonly powerOn: string;
}

const ROM_BAUD_RATE = 115_200;

function laterSpi(base: number): SpiLayout {
  return { base, usr: 0x18, usr1: 0x1c, usr2: 0x20, mosiLength: 0x24, misoLength: 0x28, w0: 0x58 };
}

function laterText(banner: string, download: string, flash: string): BootText {
  return { baudRate: ROM_BAUD_RATE, banner, straps: { download, flash }, powerOn: '0x1 (POWERON)' };
}

interface Later {
  readonly chip: Chip;
  readonly chipId: number;
  readonly magic?: number;
  readonly statusFiller?: number;
  readonly securityInfoBytes?: 12 | 20;
  readonly spiBase: number;
  readonly macAddress: number;
  readonly revision?: ChipFacts['revision'];
  readonly security?: ChipFacts['security'];
  readonly bootloaderOffset?: number;
  readonly bootText: BootText;
  readonly watchdogs?: WatchdogLayout;
}

const NO_REVISION: RevisionFields = { major: [], minor: [] };

/** What all chips from the ESP32-S2 on have in common. */
function later(own: Later): ChipFacts {
  const { spiBase, ...rest } = own;
  return {
    magic: 0,
    statusFiller: 0,
    securityInfoBytes: 20,
    uartDivider: null,
    revision: NO_REVISION,
    security: null,
    bootloaderOffset: 0,
    watchdogs: null,
    ...rest,
    rom: 'newer',
    spi: laterSpi(spiBase),
  };
}

/** Fields of ESP32-C3 and ESP32-S3, whose eFuse blocks are laid out alike; `macAddress` is the start of block 1. */
function sharedFuses(macAddress: number): Pick<ChipFacts, 'revision' | 'security'> {
  return {
    revision: {
      minor: [
        { address: macAddress + 12, bit: 18, width: 3 },
        { address: macAddress + 20, bit: 23, width: 1, from: 3 },
      ],
      major: [{ address: macAddress + 20, bit: 24, width: 2 }],
    },
    security: {
      cryptCount: { address: macAddress - 0x10, bit: 18, width: 3 },
      secureBoot: { address: macAddress - 0x0c, bit: 20, width: 1 },
    },
  };
}

/** ESP32-S3 and ESP32-C3: registers in the same order, from another address on. */
function earlierWatchdogs(config: number, protect: number, forceDownload: number | null): WatchdogLayout {
  const autoFeedBit = 31;
  const key = 0x8f1d312a;
  return { config, protect, super: { config: protect + 4, autoFeedBit, protect: protect + 8, key }, forceDownload };
}

/** Chips with a low-power part of their own. */
function laterWatchdogs(config: number, protect: number): WatchdogLayout {
  const autoFeedBit = 18;
  const key = 0x50d83aa1;
  return {
    config,
    protect,
    super: { config: protect + 4, autoFeedBit, protect: protect + 8, key },
    forceDownload: null,
  };
}

function field(address: number, bit: number, width: number): readonly FuseField[] {
  return [{ address, bit, width }];
}

/**
 * Sources: the technical reference manuals (SPI controller, eFuse controller, chip boot control) and esptool's documentation
 * ("Boot Mode Selection", "Serial Protocol").
 */
const FACTS: readonly ChipFacts[] = [
  {
    chip: 'esp8266',
    chipId: 0,
    magic: 0xfff0c101,
    rom: 'esp8266',
    statusFiller: 0,
    securityInfoBytes: 0,
    spi: { base: 0x60000200, usr: 0x1c, usr1: 0x20, usr2: 0x24, mosiLength: null, misoLength: null, w0: 0x40 },
    uartDivider: { address: 0x60000014, clockHz: 52_000_000 },
    macAddress: null,
    revision: NO_REVISION,
    security: null,
    watchdogs: null,
    bootloaderOffset: 0,
    bootText: {
      baudRate: 74_880,
      banner: '\r\n ets Jan  8 2013,',
      straps: { download: '(1,6)', flash: '(3,6)' },
      powerOn: '2',
    },
  },
  {
    chip: 'esp32',
    chipId: 0,
    magic: 0x00f01d83,
    rom: 'esp32',
    statusFiller: 0,
    securityInfoBytes: 0,
    spi: { base: 0x3ff42000, usr: 0x1c, usr1: 0x20, usr2: 0x24, mosiLength: 0x28, misoLength: 0x2c, w0: 0x80 },
    uartDivider: { address: 0x3ff40014, clockHz: 40_000_000 },
    macAddress: null,
    revision: {
      isCounted: true,
      major: [
        { address: 0x3ff5a00c, bit: 15, width: 1 },
        { address: 0x3ff5a014, bit: 20, width: 1, from: 1 },
        { address: 0x3ff6607c, bit: 31, width: 1, from: 2 },
      ],
      minor: field(0x3ff5a014, 24, 2),
    },
    security: {
      cryptCount: { address: 0x3ff5a000, bit: 20, width: 7 },
      secureBoot: { address: 0x3ff5a018, bit: 5, width: 1 },
    },
    watchdogs: null,
    bootloaderOffset: 0x1000,
    bootText: {
      baudRate: ROM_BAUD_RATE,
      banner: 'ets Jul 29 2019 12:21:46\r\n\r\n',
      straps: { download: '0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))', flash: '0x13 (SPI_FAST_FLASH_BOOT)' },
      powerOn: '0x1 (POWERON_RESET)',
    },
  },
  later({
    chip: 'esp32s2',
    chipId: 2,
    magic: 0x000007c6,
    securityInfoBytes: 12,
    spiBase: 0x3f402000,
    macAddress: 0x3f41a044,
    bootloaderOffset: 0x1000,
    revision: { major: field(0x3f41a050, 18, 2), minor: [{ address: 0x3f41a050, bit: 20, width: 1, from: 3 }] },
    watchdogs: { config: 0x3f408094, protect: 0x3f4080ac, super: null, forceDownload: 0x3f408128 },
    bootText: laterText(
      'ESP-ROM:esp32s2-rc4-20191025\r\nBuild:Oct 25 2019\r\n',
      '0x0 (DOWNLOAD(USB/UART0/1))',
      '0x8 (SPI_FAST_FLASH_BOOT)',
    ),
  }),
  later({
    chip: 'esp32s3',
    chipId: 9,
    magic: 0x00000009,
    spiBase: 0x60002000,
    macAddress: 0x60007044,
    ...sharedFuses(0x60007044),
    watchdogs: earlierWatchdogs(0x60008098, 0x600080b0, 0x6000812c),
    bootText: laterText(
      'ESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021\r\n',
      '0x0 (DOWNLOAD(USB/UART0))',
      '0x8 (SPI_FAST_FLASH_BOOT)',
    ),
  }),
  later({
    chip: 'esp32c2',
    chipId: 12,
    magic: 0x6f51306f,
    spiBase: 0x60002000,
    macAddress: 0x60008840,
    revision: { major: field(0x60008844, 20, 2), minor: field(0x60008844, 16, 4) },
    bootText: laterText(
      'ESP-ROM:esp8684-api2-20220127\r\nBuild:Jan 27 2022\r\n',
      '0x4 (DOWNLOAD(UART0))',
      '0xc (SPI_FAST_FLASH_BOOT)',
    ),
  }),
  later({
    chip: 'esp32c3',
    chipId: 5,
    magic: 0x1b31506f,
    statusFiller: 0xff,
    spiBase: 0x60002000,
    macAddress: 0x60008844,
    ...sharedFuses(0x60008844),
    watchdogs: earlierWatchdogs(0x60008090, 0x600080a8, null),
    bootText: laterText(
      'ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\n',
      '0x4 (DOWNLOAD(USB/UART0/1))',
      '0xc (SPI_FAST_FLASH_BOOT)',
    ),
  }),
  later({
    chip: 'esp32c5',
    chipId: 23,
    spiBase: 0x60003000,
    macAddress: 0x600b4844,
    bootloaderOffset: 0x2000,
    revision: { major: field(0x600b484c, 4, 2), minor: field(0x600b484c, 0, 4) },
    watchdogs: laterWatchdogs(0x600b1c00, 0x600b1c18),
    bootText: laterText(
      'ESP-ROM:esp32c5-eco2-20250121\r\nBuild:Jan 21 2025\r\n',
      '0x10 (DOWNLOAD(USB/UART0))',
      '0x18 (SPI_FAST_FLASH_BOOT)',
    ),
  }),
  later({
    chip: 'esp32c6',
    chipId: 13,
    magic: 0x2ce0806f,
    spiBase: 0x60003000,
    macAddress: 0x600b0844,
    revision: { major: field(0x600b0850, 22, 2), minor: field(0x600b0850, 18, 4) },
    watchdogs: laterWatchdogs(0x600b1c00, 0x600b1c18),
    bootText: laterText(
      'ESP-ROM:esp32c6-20220919\r\nBuild:Sep 19 2022\r\n',
      '0x4 (DOWNLOAD(UART0/SDIO_FEI_FEO))',
      '0xc (SPI_FAST_FLASH_BOOT)',
    ),
  }),
  later({
    chip: 'esp32c61',
    chipId: 20,
    spiBase: 0x60003000,
    macAddress: 0x600b4844,
    revision: { major: field(0x600b484c, 4, 2), minor: field(0x600b484c, 0, 4) },
    watchdogs: laterWatchdogs(0x600b1c00, 0x600b1c18),
    bootText: laterText(
      'ESP-ROM:esp32c61-20240917\r\nBuild:Sep 17 2024\r\n',
      '0x4 (DOWNLOAD(USB/UART0))',
      '0xc (SPI_FAST_FLASH_BOOT)',
    ),
  }),
  later({
    chip: 'esp32h2',
    chipId: 16,
    magic: 0xd7b73e80,
    spiBase: 0x60003000,
    macAddress: 0x600b0844,
    revision: { major: field(0x600b0850, 21, 2), minor: field(0x600b0850, 18, 3) },
    watchdogs: laterWatchdogs(0x600b1c00, 0x600b1c1c),
    bootText: laterText(
      'ESP-ROM:esp32h2-20221101\r\nBuild:Nov  1 2022\r\n',
      '0x4 (DOWNLOAD(USB/UART0))',
      '0xc (SPI_FAST_FLASH_BOOT)',
    ),
  }),
  later({
    chip: 'esp32p4',
    chipId: 18,
    spiBase: 0x5008d000,
    macAddress: 0x5012d044,
    bootloaderOffset: 0x2000,
    revision: {
      major: [
        { address: 0x5012d04c, bit: 4, width: 2 },
        { address: 0x5012d04c, bit: 23, width: 1, from: 2 },
      ],
      minor: field(0x5012d04c, 0, 4),
    },
    watchdogs: laterWatchdogs(0x50116000, 0x50116018),
    bootText: laterText(
      'ESP-ROM:esp32p4-20240219\r\nBuild:Feb 19 2024\r\n',
      '0x20 (DOWNLOAD(USB/UART0/SPI))',
      '0x30c (SPI_FAST_FLASH_BOOT)',
    ),
  }),
];

const BY_CHIP = new Map(FACTS.map((facts) => [facts.chip, facts]));

/** The chips there is a simulation of. */
export const SIMULATED_CHIPS: readonly Chip[] = FACTS.map(({ chip }) => chip);

/** Throws a RangeError for a chip that is not simulated. */
export function factsOf(chip: Chip): ChipFacts {
  const facts = BY_CHIP.get(chip);
  if (facts === undefined)
    throw new RangeError(`there is no simulated ${chip}; there are ${SIMULATED_CHIPS.join(', ')}`);
  return facts;
}
