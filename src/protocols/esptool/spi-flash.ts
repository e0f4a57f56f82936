import { FlashError } from '../../errors.ts';
import type { Chip } from '../../model/chip.ts';
import { encodeWords } from './codec.ts';
import { Op, ROM_FLASH_BLOCK_BYTES, SECTOR_BYTES } from './constants.ts';
import type { ChipIdentity } from './identify.ts';
import type { Loader } from './loader.ts';
import { ESP32_EFUSE, REGISTERS } from './registers.ts';

/** The flash chip beside the chip. */
export interface FlashChip {
  /** JEDEC id as RDID gives it, byte 0 the vendor. */
  readonly id: number;
  readonly vendor: string | null;
  /** Null: the id's capacity code is none that is known. */
  readonly sizeBytes: number | null;
}

/** JEDEC JEP106, the ones that are soldered to these chips. */
const VENDORS: Readonly<Record<number, string>> = {
  11: 'XTX',
  28: 'EON',
  31: 'Adesto',
  32: 'XMC',
  94: 'Zbit',
  104: 'Boya',
  133: 'Puya',
  157: 'ISSI',
  161: 'Fudan',
  194: 'Macronix',
  200: 'GigaDevice',
  205: 'TH',
  216: 'ESMT',
  239: 'Winbond',
};

const ADESTO = 0x1f;
const KILOBYTE = 1024;
/** Capacity codes are powers of two from 0x12 (256 KB); 0x20 and 0x30 begin new rows (esptool, DETECTED_FLASH_SIZES). */
const CAPACITY_ROWS: readonly (readonly [firstCode: number, lastCode: number, firstBytes: number])[] = [
  [0x12, 0x1c, 256 * KILOBYTE],
  [0x20, 0x22, 64 * KILOBYTE * KILOBYTE],
  [0x32, 0x3a, 256 * KILOBYTE],
];

/** What an id says. */
export function flashChipOf(id: number): FlashChip {
  const vendorId = id & 0xff;
  return { id, vendor: VENDORS[vendorId] ?? null, sizeBytes: vendorId === ADESTO ? adestoSize(id) : capacity(id) };
}

/** `ef4016`: vendor first, as RDID sends it. */
export function flashIdText(id: number): string {
  return [id, id >>> 8, id >>> 16].map((byte) => (byte & 0xff).toString(16).padStart(2, '0')).join('');
}

function capacity(id: number): number | null {
  const code = (id >>> 16) & 0xff;
  const row = CAPACITY_ROWS.find(([first, last]) => code >= first && code <= last);
  return row === undefined ? null : row[2] * 2 ** (code - row[0]);
}

/** Adesto puts the density into the second byte: 4 is 512 KB. */
function adestoSize(id: number): number | null {
  const code = (id >>> 8) & 0x1f;
  return code >= 4 && code <= 9 ? 512 * KILOBYTE * 2 ** (code - 4) : null;
}

const COMMAND_BIT = 2 ** 31;
const MISO_BIT = 2 ** 28;
const EXECUTE = 2 ** 18;
const RDID = 0x9f;
const ID_BITS = 24;
/** A command of eight bits: length minus one in the top nibble. */
const RDID_COMMAND = 0x70000000 + RDID;
const POLLS = 10;

/**
 * Sends RDID to the flash chip through the SPI controller's registers, and puts them back (technical reference manuals, "SPI User
 * Command").
 *
 * @throws FlashError SERIAL_NO_FLASH when nothing answers
 */
export async function readFlashId(loader: Loader, chip: Chip): Promise<number> {
  const { command, usr, usr1, usr2, misoLength, w0 } = REGISTERS[chip].spi;
  const before = { usr: await loader.readRegister(usr), usr2: await loader.readRegister(usr2) };
  if (misoLength === null) await loader.writeRegister(usr1, (ID_BITS - 1) << 8);
  else await loader.writeRegister(misoLength, ID_BITS - 1);
  await loader.writeRegister(usr, COMMAND_BIT + MISO_BIT);
  await loader.writeRegister(usr2, RDID_COMMAND);
  await loader.writeRegister(w0, 0);
  await loader.writeRegister(command, EXECUTE);
  await awaitCommand(loader, command);
  const id = (await loader.readRegister(w0)) & 0xffffff;
  await loader.writeRegister(usr, before.usr);
  await loader.writeRegister(usr2, before.usr2);
  if (id === 0 || id === 0xffffff) {
    throw new FlashError('SERIAL_NO_FLASH', `no flash chip answers (id ${id.toString(16).padStart(6, '0')})`);
  }
  return id;
}

async function awaitCommand(loader: Loader, command: number): Promise<void> {
  for (let poll = 0; poll < POLLS; poll++) {
    if (((await loader.readRegister(command)) & EXECUTE) === 0) return;
  }
  throw new FlashError('SERIAL_NO_FLASH', 'the SPI controller does not finish a command to the flash chip');
}

/**
 * Makes a ROM take hold of the flash chip, on the pads that its eFuses name. A stub has done so when it started (espressif/esp-stub-lib,
 * stub_lib_flash_init); told to attach to 0, it would go to the usual pads, where an ESP32 with flash in its package has none.
 */
export async function attachFlash(loader: Loader, { chip, security }: ChipIdentity): Promise<void> {
  if (loader.dialect === 'stub') return;
  if (chip === 'esp8266') {
    await loader.command({ op: Op.FLASH_BEGIN, data: encodeWords(0, 0, ROM_FLASH_BLOCK_BYTES, 0) });
    return;
  }
  const pads = chip === 'esp32' && !security.isSecureDownload ? await esp32FlashPads(loader) : 0;
  await loader.command({ op: Op.SPI_ATTACH, data: encodeWords(pads, 0) });
}

const PAD = 0x1f;

/**
 * SPI_PAD_CONFIG_CLK, _Q, _D, _CS and _HD (ESP-IDF, esp32/esp_efuse_table.csv), as SPI_ATTACH takes them; 0: the usual pads. ESP32-PICO-D4
 * and ESP32-U4WDH have their flash elsewhere.
 */
async function esp32FlashPads(loader: Loader): Promise<number> {
  const word3 = await loader.readRegister(ESP32_EFUSE + 0xc);
  const word5 = await loader.readRegister(ESP32_EFUSE + 0x14);
  const [clk, q, d, cs] = [0, 5, 10, 15].map((bit) => (word5 >>> bit) & PAD) as [number, number, number, number];
  const hd = (word3 >>> 4) & PAD;
  return ((hd << 24) | (cs << 18) | (d << 12) | (q << 6) | clk) >>> 0;
}

const ERASE_BLOCK_BYTES = 0x10000;
const PAGE_BYTES = 0x100;
const STATUS_MASK = 0xffff;

/** Tells the loader how large the flash chip really is: it refuses or wraps what goes beyond the size it believes in. */
export async function setFlashSize(loader: Loader, chip: Chip, sizeBytes: number): Promise<void> {
  if (chip === 'esp8266' && loader.dialect === 'rom') return;
  const data = encodeWords(0, sizeBytes, ERASE_BLOCK_BYTES, SECTOR_BYTES, PAGE_BYTES, STATUS_MASK);
  await loader.command({ op: Op.SPI_SET_PARAMS, data });
}
