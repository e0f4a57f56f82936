import type { Chip } from '../../model/chip.ts';
import { byteAt, u32At } from '../bytes.ts';
import { CHIP_FACTS, ESP32_FLASH_SIZES, ESP8266_FLASH_SIZES, FLASH_MODES } from '../chips.ts';
import { hex } from '../findings.ts';

/** First byte of every image that an ESP's ROM loads. */
export const IMAGE_MAGIC = 0xe9;
export const HEADER_BYTES = 8;

/** The common header of all ESP images (esptool documentation, "Firmware Image Format"); null where a setting is none that the chip has. */
export interface ImageHeader {
  readonly segmentCount: number;
  readonly entryPoint: number;
  readonly flashMode: string | null;
  readonly flashSizeBytes: number | null;
  readonly flashFrequencyMhz: number | null;
  /** Settings outside the chip's tables. */
  readonly remarks: readonly string[];
}

/** The eight bytes that all formats begin with: magic, segment count, flash settings, entry point (esptool, "File Header"). */
export function readHeader(bytes: Uint8Array, offset: number, chip: Chip | null): ImageHeader {
  const modeByte = byteAt(bytes, offset + 2);
  const sizeNibble = byteAt(bytes, offset + 3) >> 4;
  const frequencyNibble = byteAt(bytes, offset + 3) & 0xf;
  const sizes = chip === 'esp8266' ? ESP8266_FLASH_SIZES : ESP32_FLASH_SIZES;
  const frequencies: Readonly<Record<number, number>> = chip === null ? {} : CHIP_FACTS[chip].flashFrequenciesMhz;
  const flashMode = FLASH_MODES[modeByte] ?? null;
  const flashSizeBytes = sizes[sizeNibble] ?? null;
  const flashFrequencyMhz = frequencies[frequencyNibble] ?? null;
  return {
    segmentCount: byteAt(bytes, offset + 1),
    entryPoint: u32At(bytes, offset + 4),
    flashMode,
    flashSizeBytes,
    flashFrequencyMhz,
    remarks: [
      flashMode === null ? `flash mode ${hex(modeByte)} is none that is known` : null,
      flashSizeBytes === null ? `flash size ${hex(sizeNibble)} is none of this chip's` : null,
      flashFrequencyMhz === null && chip !== null
        ? `flash frequency ${hex(frequencyNibble)} is none of this chip's`
        : null,
    ].filter((remark) => remark !== null),
  };
}
