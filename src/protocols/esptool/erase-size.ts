import { SECTOR_BYTES } from './constants.ts';

const SECTORS_PER_BLOCK = 16;

/**
 * What FLASH_BEGIN has to be told for the ROM of an ESP8266 to erase `sizeBytes` from `offset`: it counts the sectors up to the next 64 KB
 * boundary twice (esptool, targets/esp8266.py, get_erase_size).
 */
export function esp8266RomEraseSize(offset: number, sizeBytes: number): number {
  const sectors = Math.ceil(sizeBytes / SECTOR_BYTES);
  const firstSector = Math.floor(offset / SECTOR_BYTES);
  const head = Math.min(sectors, SECTORS_PER_BLOCK - (firstSector % SECTORS_PER_BLOCK));
  const told = sectors < 2 * head ? Math.ceil(sectors / 2) : sectors - head;
  return told * SECTOR_BYTES;
}
