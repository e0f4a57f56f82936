import type { Chip } from '../model/chip.ts';

type Region = readonly [start: number, end: number, name: string];

/** Chips whose bus shows one internal RAM at the same address for code and data. */
function unified(ram: readonly [number, number], flash: readonly [number, number], rtc: readonly [number, number]) {
  return [
    [flash[0], flash[1], 'DROM/IROM'],
    [ram[0], ram[1], 'DRAM/IRAM'],
    [rtc[0], rtc[1], 'RTC'],
  ] satisfies Region[];
}

const LP_RAM = [0x50000000, 0x50004000] as const;

/** Where segments of an image may be loaded to. Names as in Espressif's linker scripts; the first entry that holds the address wins. */
const REGIONS: Readonly<Record<Chip, readonly Region[]>> = {
  esp8266: [
    [0x3ff00000, 0x3ff00010, 'DPORT'],
    [0x3ffe8000, 0x40000000, 'DRAM'],
    // To the end of the cache's half: eboot sits in its last 4 KB, behind what esptool calls instruction RAM.
    [0x40100000, 0x40110000, 'IRAM'],
    [0x40200000, 0x40300000, 'IROM'],
  ],
  esp32: [
    [0x3f400000, 0x3f800000, 'DROM'],
    [0x3f800000, 0x3fc00000, 'PSRAM'],
    [0x3ff80000, 0x3ff82000, 'RTC_FAST_DATA'],
    [0x3ffae000, 0x40000000, 'DRAM'],
    [0x40070000, 0x400c0000, 'IRAM'],
    [0x400c0000, 0x400c2000, 'RTC_FAST'],
    [0x400d0000, 0x40400000, 'IROM'],
    [0x50000000, 0x50002000, 'RTC_SLOW'],
  ],
  esp32s2: [
    [0x3f000000, 0x3f3f0000, 'DROM'],
    [0x3f500000, 0x3ff80000, 'PSRAM'],
    [0x3ff9e000, 0x3ffa0000, 'RTC_FAST_DATA'],
    [0x3ffb0000, 0x40000000, 'DRAM'],
    [0x40020000, 0x40070000, 'IRAM'],
    [0x40070000, 0x40072000, 'RTC_FAST'],
    [0x40080000, 0x40b80000, 'IROM'],
    [0x50000000, 0x50002000, 'RTC_SLOW'],
  ],
  esp32s3: [
    [0x3c000000, 0x3e000000, 'DROM'],
    [0x3fc88000, 0x3fd00000, 'DRAM'],
    [0x40370000, 0x403e0000, 'IRAM'],
    [0x42000000, 0x44000000, 'IROM'],
    [0x50000000, 0x50002000, 'RTC_SLOW'],
    [0x600fe000, 0x60100000, 'RTC_FAST'],
  ],
  esp32c2: [
    [0x3c000000, 0x3c400000, 'DROM'],
    [0x3fca0000, 0x3fce0000, 'DRAM'],
    [0x4037c000, 0x403c0000, 'IRAM'],
    [0x42000000, 0x42400000, 'IROM'],
  ],
  esp32c3: [
    [0x3c000000, 0x3c800000, 'DROM'],
    [0x3fc80000, 0x3fce0000, 'DRAM'],
    [0x4037c000, 0x403e0000, 'IRAM'],
    [0x42000000, 0x42800000, 'IROM'],
    [0x50000000, 0x50002000, 'RTC'],
  ],
  esp32c5: unified([0x40800000, 0x40860000], [0x42000000, 0x44000000], LP_RAM),
  esp32c6: unified([0x40800000, 0x40880000], [0x42000000, 0x43000000], LP_RAM),
  esp32c61: unified([0x40800000, 0x40860000], [0x42000000, 0x44000000], LP_RAM),
  esp32h2: unified([0x40800000, 0x40880000], [0x42000000, 0x43000000], LP_RAM),
  esp32h21: unified([0x40800000, 0x40880000], [0x42000000, 0x43000000], LP_RAM),
  esp32h4: unified([0x40810000, 0x40860000], [0x42000000, 0x44000000], LP_RAM),
  esp32p4: unified([0x4ff00000, 0x4ffa0000], [0x40000000, 0x4c000000], [0x50108000, 0x50110000]),
  esp32s31: unified([0x2f000000, 0x2f080000], [0x40000000, 0x54000000], [0x2e000000, 0x2e008000]),
  esp32e22: unified([0x30fe0000, 0x31200000], [0x3c000000, 0x40000000], [0xc0000000, 0xc0008000]),
};

/** The memory that a segment at this address is loaded into, or null where the chip has none there. */
export function regionOf(chip: Chip | null, loadAddress: number): string | null {
  // Segments at addresses below 64 KB load nowhere: they move the next one to a page boundary (esptool, elf2image).
  if (loadAddress < 0x10000) return 'PADDING';
  if (chip === null) return null;
  return REGIONS[chip].find(([start, end]) => loadAddress >= start && loadAddress < end)?.[2] ?? null;
}
