import type { AppDescription, BootloaderDescription } from '../../model/image.ts';
import { hexOf, startsWith, textAt, u32At } from '../bytes.ts';

/** ABCD5432, little-endian (ESP-IDF, esp_app_desc.h: ESP_APP_DESC_MAGIC_WORD). */
const APP_MAGIC = [0x32, 0x54, 0xcd, 0xab];
const APP_DESCRIPTION_BYTES = 256;

/** `esp_app_desc_t` at `offset`, or null where none stands there. */
export function readAppDescription(bytes: Uint8Array, offset: number): AppDescription | null {
  if (offset + APP_DESCRIPTION_BYTES > bytes.length || !startsWith(bytes, offset, APP_MAGIC)) return null;
  return {
    secureVersion: u32At(bytes, offset + 4),
    version: textAt(bytes, offset + 16, 32),
    project: textAt(bytes, offset + 48, 32),
    compiledAt: `${textAt(bytes, offset + 96, 16)} ${textAt(bytes, offset + 80, 16)}`.trim(),
    idfVersion: textAt(bytes, offset + 112, 32),
    elfSha256: hexOf(bytes.subarray(offset + 144, offset + 176)),
  };
}

/** ESP-IDF, esp_bootloader_desc.h: ESP_BOOTLOADER_DESC_MAGIC_BYTE; the three bytes behind it are reserved or flags. */
const BOOTLOADER_MAGIC = 0x50;
const BOOTLOADER_DESCRIPTION_BYTES = 80;

/**
 * `esp_bootloader_desc_t` at `offset`, or null. One byte of magic proves little, so the version string has to look like one:
 * ESP-IDF builds it with `git describe`.
 */
export function readBootloaderDescription(bytes: Uint8Array, offset: number): BootloaderDescription | null {
  if (offset + BOOTLOADER_DESCRIPTION_BYTES > bytes.length || bytes[offset] !== BOOTLOADER_MAGIC) return null;
  const idfVersion = textAt(bytes, offset + 8, 32);
  if (!/^[\w.+-]+$/.test(idfVersion)) return null;
  return { version: u32At(bytes, offset + 4), idfVersion, compiledAt: textAt(bytes, offset + 40, 24) };
}
