import { type BootImage, isIntact, readBootImage } from './boot-image.ts';
import type { ChipFacts } from './chip-facts.ts';
import { bootOrder, type Partition, readPartitionTable } from './partitions.ts';

const FLASH_MODES = ['QIO', 'QOUT', 'DIO', 'DOUT'];
const APP_DESCRIPTION_MAGIC = 0xabcd5432;
const INVALID_HEADER_LINES = 6;

/** Why a chip starts: as its ROM prints it, for an ESP32-class chip and for an ESP8266. */
export interface StartCause {
  readonly later: string;
  readonly esp32: string;
  readonly esp8266: string;
}

/** Why a chip starts, as its boot text says it (`rst:`). */
export const StartCause = {
  POWER_ON: { later: '0x1 (POWERON)', esp32: '0x1 (POWERON_RESET)', esp8266: '2' },
  BROWN_OUT: { later: '0xf (BROWNOUT_RST)', esp32: '0xf (RTCWDT_BROWN_OUT_RESET)', esp8266: '2' },
  WATCHDOG: { later: '0x10 (RTCWDT_RTC_RST)', esp32: '0x10 (RTCWDT_RTC_RESET)', esp8266: '4' },
} as const satisfies Record<string, StartCause>;

/** What a start prints, and whether something runs in the end. */
export interface StartText {
  readonly text: string;
  readonly outcome: 'app-runs' | 'starts-again' | 'halts';
}

/** What the ROM prints when it waits for a host. */
export function downloadText(facts: ChipFacts, cause: StartCause): string {
  return `${firstLine(facts, cause, 'download')}${facts.rom === 'esp8266' ? '\r\n' : 'waiting for download\r\n'}`;
}

/** What the ROM and the boot loader make of the bytes in `flash`, as they run: decrypted where the chip encrypts. */
export function flashStartText(facts: ChipFacts, cause: StartCause, flash: Uint8Array): StartText {
  const head = firstLine(facts, cause, 'flash');
  const rest = facts.rom === 'esp8266' ? esp8266Start(flash) : esp32Start(facts, flash);
  return { ...rest, text: head + rest.text };
}

function firstLine({ rom, bootText }: ChipFacts, cause: StartCause, mode: 'download' | 'flash'): string {
  const strap = bootText.straps[mode];
  if (rom === 'esp8266') return `${bootText.banner}rst cause:${cause.esp8266}, boot mode:${strap}\r\n\r\n`;
  return `${bootText.banner}rst:${rom === 'esp32' ? cause.esp32 : cause.later},boot:${strap}\r\n`;
}

function esp8266Start(flash: Uint8Array): StartText {
  const image = readBootImage(flash, 0, true);
  if (image === null) return { text: 'ets_main.c 181 \r\n', outcome: 'starts-again' };
  const { stored, calculated } = image.checksum;
  const loads = image.segments.map(
    ({ address, length }) => `load 0x${hex(address)}, len ${length}, room 16 \r\ntail ${length % 16}\r\n`,
  );
  if (stored !== calculated)
    return { text: `${loads.join('')}csum err\r\nets_main.c 181 \r\n`, outcome: 'starts-again' };
  return {
    text: `${loads.join('')}chksum 0x${hex(stored, 2)}\r\ncsum 0x${hex(stored, 2)}\r\n~ld\r\n`,
    outcome: 'app-runs',
  };
}

function esp32Start(facts: ChipFacts, flash: Uint8Array): StartText {
  const offset = facts.bootloaderOffset;
  const image = readBootImage(flash, offset, false);
  if (image === null) {
    const word = new DataView(flash.buffer, flash.byteOffset).getUint32(offset, true);
    return { text: `invalid header: 0x${hex(word)}\r\n`.repeat(INVALID_HEADER_LINES), outcome: 'starts-again' };
  }
  const { stored, calculated } = image.checksum;
  const loading = loadText(image);
  if (stored !== calculated) {
    return { text: `${loading}csum err:0x${hex(calculated, 2)}!=0x${hex(stored, 2)}\r\n`, outcome: 'starts-again' };
  }
  const second = secondStage(flash);
  return { ...second, text: `${loading}${digestText(facts, image)}entry 0x${hex(image.entry)}\r\n${second.text}` };
}

function loadText({ flashMode, segments }: BootImage): string {
  const loads = segments.map(({ address, length }) => `load:0x${hex(address)},len:${length}\r\n`);
  return `SPIWP:0xee\r\nmode:${FLASH_MODES[flashMode] ?? 'SLOW_RD'}, clock div:2\r\n${loads.join('')}`;
}

/** The ESP32's ROM does not look; later ones tell and go on (unless secure boot is on). */
function digestText({ rom }: ChipFacts, { digest }: BootImage): string {
  if (rom === 'esp32' || digest === null || digest.stored === digest.calculated) return '';
  const { stored, calculated } = digest;
  return `SHA-256 comparison failed:\r\nCalculated: ${calculated}\r\nExpected: ${stored}\r\nAttempting to boot anyway...\r\n`;
}

/** ESP-IDF's boot loader: the partition table, then the first application that is whole. */
function secondStage(flash: Uint8Array): StartText {
  const lines = ['I (27) boot: ESP-IDF v5.3 2nd stage bootloader'];
  const table = readPartitionTable(flash);
  if (table === null) {
    const word = new DataView(flash.buffer, flash.byteOffset).getUint16(0x8000, true);
    lines.push(`E (51) flash_parts: partition 0 invalid magic number 0x${hex(word, 4)}`);
    lines.push('E (58) boot: Failed to verify partition table', 'E (63) boot: load partition table error!');
    return { text: inLines(lines), outcome: 'starts-again' };
  }
  lines.push('I (45) boot: Partition Table:', ...table.map(rowText), 'I (98) boot: End of partition table');
  for (const partition of bootOrder(flash, table)) {
    const image = readBootImage(flash, partition.offset, false);
    if (image !== null && isIntact(image)) {
      lines.push(`I (312) boot: Loaded app from partition at offset 0x${partition.offset.toString(16)}`);
      lines.push('I (313) boot: Disabling RNG early entropy source...', ...appLines(flash, partition));
      return { text: inLines(lines), outcome: 'app-runs' };
    }
    lines.push(refusal(flash, partition, image));
  }
  lines.push('E (140) boot: No bootable app partitions in the partition table');
  return { text: inLines(lines), outcome: 'halts' };
}

function rowText({ label, type, subtype, offset, sizeBytes }: Partition, nth: number): string {
  const fields = [hex(type, 2), hex(subtype, 2), hex(offset), hex(sizeBytes)].join(' ');
  return `I (${52 + nth * 7}) boot: ${String(nth).padStart(2)} ${label.padEnd(16)} ${fields}`;
}

function refusal(flash: Uint8Array, { offset, label }: Partition, image: BootImage | null): string {
  if (image === null) {
    return `E (120) esp_image: image at 0x${offset.toString(16)} has invalid magic byte (nothing flashed here?) 0x${hex(flash[offset] ?? 0xff, 2)}`;
  }
  const { stored, calculated } = image.checksum;
  return stored === calculated
    ? `E (131) esp_image: Image hash failed - image is corrupt (${label})`
    : `E (131) esp_image: Checksum failed. Calculated 0x${hex(calculated, 2)} read 0x${hex(stored, 2)}`;
}

/** What an application built with ESP-IDF says of itself (ESP-IDF, "App Image Format", esp_app_desc_t). */
function appLines(flash: Uint8Array, { offset }: Partition): string[] {
  const start = offset + 0x20;
  const view = new DataView(flash.buffer, flash.byteOffset);
  if (view.getUint32(start, true) !== APP_DESCRIPTION_MAGIC) return [];
  const text = (at: number) =>
    Buffer.from(flash.subarray(start + at, start + at + 32))
      .toString('latin1')
      .split('\0')[0];
  return [
    'I (320) app_init: Application information:',
    `I (325) app_init: Project name:     ${text(48)}`,
    `I (330) app_init: App version:      ${text(16)}`,
  ];
}

function inLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\r\n`).join('');
}

function hex(value: number, digits = 8): string {
  return value.toString(16).padStart(digits, '0');
}
