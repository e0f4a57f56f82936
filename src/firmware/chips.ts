import type { Chip } from '../model/chip.ts';

/** Start inclusive, end exclusive. */
export type AddressRange = readonly [start: number, end: number];

/** What Espressif's documents and tools say about a chip. Numbers from esptool (targets/) and ESP-IDF (linker scripts). */
export interface ChipFacts {
  /** As on the package: `ESP32-S3`. */
  readonly label: string;
  /** `chip_id` of the extended image header; null: the chip's images have no such header. */
  readonly imageChipId: number | null;
  /** Where in flash the ROM looks for the second-stage bootloader. */
  readonly bootloaderOffset: number;
  /** Addresses at which the cache shows flash: data and code. An image with a segment there is an application. */
  readonly flashMapped: readonly AddressRange[];
  /** MHz by the low nibble of header byte 3. */
  readonly flashFrequenciesMhz: Readonly<Record<number, number>>;
  /** `familyID` of UF2 files (uf2families.json); null: none assigned. */
  readonly uf2Family: number | null;
}

const MHZ_80: Readonly<Record<number, number>> = { 15: 80, 0: 40, 1: 26, 2: 20 };
/** No 26 MHz divider; on the C6 nibble 0 stands for 80 and 40 alike, and 80 is what ESP-IDF configures. */
const MHZ_80_NO_26: Readonly<Record<number, number>> = { 15: 80, 0: 40, 2: 20 };
const MHZ_C6: Readonly<Record<number, number>> = { 0: 80, 2: 20 };
const MHZ_60: Readonly<Record<number, number>> = { 15: 60, 0: 30, 1: 20, 2: 15 };
const MHZ_48: Readonly<Record<number, number>> = { 15: 48, 0: 24, 1: 16, 2: 12 };

const LOW_BUS: readonly AddressRange[] = [[0x42000000, 0x43000000]];

/** One entry for each chip; {@link ChipFacts} says what each field is. */
export const CHIP_FACTS: Readonly<Record<Chip, ChipFacts>> = {
  esp8266: {
    label: 'ESP8266',
    imageChipId: null,
    bootloaderOffset: 0x0,
    flashMapped: [[0x40200000, 0x40300000]],
    flashFrequenciesMhz: MHZ_80,
    uf2Family: 0x7eab61ed,
  },
  esp32: {
    label: 'ESP32',
    imageChipId: 0,
    bootloaderOffset: 0x1000,
    flashMapped: [
      [0x3f400000, 0x3f800000],
      [0x400d0000, 0x40400000],
    ],
    flashFrequenciesMhz: MHZ_80,
    uf2Family: 0x1c5f21b0,
  },
  esp32s2: {
    label: 'ESP32-S2',
    imageChipId: 2,
    bootloaderOffset: 0x1000,
    flashMapped: [
      [0x3f000000, 0x3f3f0000],
      [0x40080000, 0x40b80000],
    ],
    flashFrequenciesMhz: MHZ_80,
    uf2Family: 0xbfdd4eee,
  },
  esp32c3: {
    label: 'ESP32-C3',
    imageChipId: 5,
    bootloaderOffset: 0x0,
    flashMapped: [
      [0x3c000000, 0x3c800000],
      [0x42000000, 0x42800000],
    ],
    flashFrequenciesMhz: MHZ_80,
    uf2Family: 0xd42ba06c,
  },
  esp32s3: {
    label: 'ESP32-S3',
    imageChipId: 9,
    bootloaderOffset: 0x0,
    flashMapped: [
      [0x3c000000, 0x3e000000],
      [0x42000000, 0x44000000],
    ],
    flashFrequenciesMhz: MHZ_80,
    uf2Family: 0xc47e5767,
  },
  esp32c2: {
    label: 'ESP32-C2',
    imageChipId: 12,
    bootloaderOffset: 0x0,
    flashMapped: [
      [0x3c000000, 0x3c400000],
      [0x42000000, 0x42400000],
    ],
    flashFrequenciesMhz: MHZ_60,
    uf2Family: 0x2b88d29c,
  },
  esp32c6: {
    label: 'ESP32-C6',
    imageChipId: 13,
    bootloaderOffset: 0x0,
    flashMapped: LOW_BUS,
    flashFrequenciesMhz: MHZ_C6,
    uf2Family: 0x540ddf62,
  },
  esp32h2: {
    label: 'ESP32-H2',
    imageChipId: 16,
    bootloaderOffset: 0x0,
    flashMapped: LOW_BUS,
    flashFrequenciesMhz: MHZ_48,
    uf2Family: 0x332726f6,
  },
  esp32p4: {
    label: 'ESP32-P4',
    imageChipId: 18,
    bootloaderOffset: 0x2000,
    flashMapped: [[0x40000000, 0x4c000000]],
    flashFrequenciesMhz: MHZ_80,
    uf2Family: 0x3d308e94,
  },
  esp32c61: {
    label: 'ESP32-C61',
    imageChipId: 20,
    bootloaderOffset: 0x0,
    flashMapped: [[0x42000000, 0x44000000]],
    flashFrequenciesMhz: MHZ_80_NO_26,
    uf2Family: 0x77d850c4,
  },
  esp32c5: {
    label: 'ESP32-C5',
    imageChipId: 23,
    bootloaderOffset: 0x2000,
    flashMapped: [[0x42000000, 0x44000000]],
    flashFrequenciesMhz: MHZ_80_NO_26,
    uf2Family: 0xf71c0343,
  },
  esp32h21: {
    label: 'ESP32-H21',
    imageChipId: 25,
    bootloaderOffset: 0x0,
    flashMapped: LOW_BUS,
    flashFrequenciesMhz: MHZ_48,
    uf2Family: 0xb6dd00af,
  },
  esp32h4: {
    label: 'ESP32-H4',
    imageChipId: 28,
    bootloaderOffset: 0x2000,
    flashMapped: [[0x42000000, 0x44000000]],
    flashFrequenciesMhz: MHZ_48,
    uf2Family: 0x9e0baa8a,
  },
  esp32e22: {
    label: 'ESP32-E22',
    imageChipId: 31,
    bootloaderOffset: 0x0,
    flashMapped: [[0x3c000000, 0x40000000]],
    flashFrequenciesMhz: MHZ_80,
    uf2Family: null,
  },
  esp32s31: {
    label: 'ESP32-S31',
    imageChipId: 32,
    bootloaderOffset: 0x2000,
    flashMapped: [[0x40000000, 0x54000000]],
    flashFrequenciesMhz: MHZ_80_NO_26,
    uf2Family: 0x3101f7c1,
  },
};

/** Chip ids of silicon that was never sold; their images boot on no retail chip (ESP-IDF and esptool history). */
export const WITHDRAWN_CHIP_IDS: Readonly<Record<number, string>> = {
  4: 'ESP32-S3 beta 2',
  6: 'ESP32-S3 beta 3',
  7: 'ESP32-C5 beta 1',
  10: 'ESP32-H2 beta 1',
  14: 'ESP32-H2 beta 2',
  17: 'ESP32-C5 beta 3',
};

const BY_IMAGE_ID = new Map(
  (Object.entries(CHIP_FACTS) as [Chip, ChipFacts][]).map(([chip, { imageChipId }]) => [imageChipId, chip]),
);

/** The chip with this `chip_id`, or null where no retail chip has it. */
export function chipOfImageId(imageChipId: number): Chip | null {
  return BY_IMAGE_ID.get(imageChipId) ?? null;
}

/** By the high nibble of header byte 3, ESP32 family. */
export const ESP32_FLASH_SIZES: Readonly<Record<number, number>> = {
  0: 0x100000,
  1: 0x200000,
  2: 0x400000,
  3: 0x800000,
  4: 0x1000000,
  5: 0x2000000,
  6: 0x4000000,
  7: 0x8000000,
};

/** By the high nibble of header byte 3, ESP8266. 5 and 6 are the `-c1` maps (one application slot of 1 MB + 1 MB) of 2 and 4 MB. */
export const ESP8266_FLASH_SIZES: Readonly<Record<number, number>> = {
  0: 0x80000,
  1: 0x40000,
  2: 0x100000,
  3: 0x200000,
  4: 0x400000,
  5: 0x200000,
  6: 0x400000,
  8: 0x800000,
  9: 0x1000000,
};

/** By header byte 2. */
export const FLASH_MODES: Readonly<Record<number, string>> = { 0: 'QIO', 1: 'QOUT', 2: 'DIO', 3: 'DOUT' };

/** Ranges are half open: from start up to, and without, end. */
export function isWithin(address: number, ranges: readonly AddressRange[]): boolean {
  return ranges.some(([start, end]) => address >= start && address < end);
}
