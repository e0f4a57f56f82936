import { FlashError } from '../../errors.ts';
import { u32At } from '../../firmware/bytes.ts';
import { CHIP_FACTS, chipOfImageId } from '../../firmware/chips.ts';
import { hex } from '../../firmware/findings.ts';
import type { Chip } from '../../model/chip.ts';
import { Op } from './constants.ts';
import type { Loader } from './loader.ts';
import {
  CHIP_MAGIC_REGISTER,
  CHIP_MAGICS,
  type EfuseBits,
  ESP32_APB_CTL_DATE,
  ESP32_EFUSE,
  ESP32S3_BLOCK1,
  ESP32S3_BLOCK2,
  ESP8266_EFUSE,
  REGISTERS,
} from './registers.ts';

/** What the eFuses allow. */
export interface Security {
  readonly hasSecureBoot: boolean;
  readonly hasFlashEncryption: boolean;
  /** The loader only takes images: no stub, no registers, no reading back. */
  readonly isSecureDownload: boolean;
}

/** The chip that answers on a port. */
export interface ChipIdentity {
  readonly chip: Chip;
  /** Major * 100 + minor; null where it cannot be read or the chip has none (ESP8266). */
  readonly revision: number | null;
  /** Lower case, colons; null in secure download mode. */
  readonly mac: string | null;
  readonly security: Security;
}

const OPEN: Security = { hasSecureBoot: false, hasFlashEncryption: false, isSecureDownload: false };

/**
 * Which chip this is, by a word of its ROM for the three oldest, by its own statement for the others (esptool documentation,
 * "GET_SECURITY_INFO").
 *
 * @throws FlashError SERIAL_CHIP_UNKNOWN
 */
export async function identify(loader: Loader): Promise<ChipIdentity> {
  const magic = await ifAnswered(() => loader.readRegister(CHIP_MAGIC_REGISTER));
  const known = magic === null ? undefined : CHIP_MAGICS[magic];
  if (known === 'esp8266') return identityOf(loader, known, OPEN);
  if (known === 'esp32') return identityOf(loader, known, await esp32Security(loader));
  const info = await ifAnswered(() => readSecurityInfo(loader));
  const chip = known ?? chipOf(info, magic);
  return identityOf(loader, chip, info?.security ?? { ...OPEN, isSecureDownload: magic === null });
}

function chipOf(info: SecurityInfo | null, magic: number | null): Chip {
  const chipId = info?.chipId ?? null;
  // Only an ESP32-S2 in secure download mode says neither, whether it answers GET_SECURITY_INFO (without a chip id) or not.
  if (chipId === null && magic === null) return 'esp32s2';
  const chip = chipId === null ? null : chipOfImageId(chipId);
  if (chip !== null) return chip;
  const what = chipId === null ? `ROM word ${hex(magic ?? 0)}` : `chip id ${chipId}`;
  throw new FlashError('SERIAL_CHIP_UNKNOWN', `the chip on the port has ${what}, which belongs to none that is known`);
}

/** Null where the loader refuses: in secure download mode, or a command it does not have. */
async function ifAnswered<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof FlashError && REFUSALS.has(error.code)) return null;
    throw error;
  }
}

const REFUSALS = new Set(['SERIAL_UNSUPPORTED', 'SERIAL_CHIP_REFUSED', 'SERIAL_LINE_NOISE']);

async function identityOf(loader: Loader, chip: Chip, security: Security): Promise<ChipIdentity> {
  if (security.isSecureDownload) return { chip, revision: null, mac: null, security };
  return { chip, revision: await readRevision(loader, chip), mac: await readMac(loader, chip), security };
}

interface SecurityInfo {
  readonly security: Security;
  /** Null on an ESP32-S2, whose answer is shorter. */
  readonly chipId: number | null;
}

const SECURITY_INFO_BYTES = 20;
const SECURITY_INFO_BYTES_S2 = 12;
const SECURE_BOOT = 1 << 0;
const SECURE_DOWNLOAD = 1 << 2;

async function readSecurityInfo(loader: Loader): Promise<SecurityInfo> {
  const { data } = await loader.exchange({ op: Op.GET_SECURITY_INFO, data: new Uint8Array() });
  const isLong = data.length >= SECURITY_INFO_BYTES + 2;
  if (!isLong && data.length < SECURITY_INFO_BYTES_S2 + 2) {
    throw new FlashError('SERIAL_UNSUPPORTED', 'GET_SECURITY_INFO: the loader refuses');
  }
  const flags = u32At(data, 0);
  return {
    security: {
      hasSecureBoot: (flags & SECURE_BOOT) !== 0,
      // flash_crypt_cnt: each burnt bit turns encryption on or off.
      hasFlashEncryption: isOdd(data[4] ?? 0),
      isSecureDownload: (flags & SECURE_DOWNLOAD) !== 0,
    },
    chipId: isLong ? u32At(data, 12) : null,
  };
}

/** ESP32: FLASH_CRYPT_CNT in word 0, ABS_DONE_0 and _1 (secure boot 1 and 2) in word 6 (ESP-IDF, esp32/esp_efuse_table.csv). */
async function esp32Security(loader: Loader): Promise<Security> {
  const word0 = await loader.readRegister(ESP32_EFUSE);
  const word6 = await loader.readRegister(ESP32_EFUSE + 0x18);
  return { ...OPEN, hasSecureBoot: (word6 & 0b11_0000) !== 0, hasFlashEncryption: isOdd((word0 >>> 20) & 0x7f) };
}

function isOdd(bits: number): boolean {
  let count = 0;
  for (let rest = bits; rest > 0; rest >>>= 1) count += rest & 1;
  return count % 2 === 1;
}

async function readRevision(loader: Loader, chip: Chip): Promise<number | null> {
  if (chip === 'esp32') return readEsp32Revision(loader);
  const { macBlock, revision } = REGISTERS[chip];
  if (revision === null || macBlock === null) return null;
  const major = await readBits(loader, macBlock, revision.major);
  const minor = await readBits(loader, macBlock, revision.minor);
  if (chip === 'esp32s3' && (await isFirstEsp32S3(loader, minor))) return 0;
  return major * 100 + minor;
}

async function readBits(loader: Loader, block: number, fields: readonly EfuseBits[]): Promise<number> {
  let value = 0;
  for (const { word, bit, width } of fields) {
    const bits = ((await loader.readRegister(block + word * 4)) >>> bit) & (2 ** width - 1);
    value = value * 2 ** width + bits;
  }
  return value;
}

/** A v0.0 had other bits burnt where later ones have the revision; its block versions are 1.1 (ESP-IDF, esp32s3/efuse_hal.c). */
async function isFirstEsp32S3(loader: Loader, minor: number): Promise<boolean> {
  const blockMajor = (await loader.readRegister(ESP32S3_BLOCK2 + 16)) & 0b11;
  const blockMinor = ((await loader.readRegister(ESP32S3_BLOCK1 + 12)) >>> 24) & 0b111;
  return (minor & 0b111) === 0 && blockMajor === 1 && blockMinor === 1;
}

/** Three bits from three places, of which only four combinations exist (ESP-IDF, esp32/efuse_hal.c). */
async function readEsp32Revision(loader: Loader): Promise<number> {
  const word3 = await loader.readRegister(ESP32_EFUSE + 0xc);
  const word5 = await loader.readRegister(ESP32_EFUSE + 0x14);
  const date = await loader.readRegister(ESP32_APB_CTL_DATE);
  const bits = ((date >>> 31) << 2) | (((word5 >>> 20) & 1) << 1) | ((word3 >>> 15) & 1);
  const major = { 1: 1, 3: 2, 7: 3 }[bits] ?? 0;
  return major * 100 + ((word5 >>> 24) & 0b11);
}

async function readMac(loader: Loader, chip: Chip): Promise<string> {
  if (chip === 'esp8266') return readEsp8266Mac(loader);
  const block = REGISTERS[chip].macBlock;
  const low = block ?? ESP32_EFUSE + 0x4;
  const word0 = await loader.readRegister(low);
  const word1 = await loader.readRegister(low + 4);
  return macText([word1 >>> 8, word1, word0 >>> 24, word0 >>> 16, word0 >>> 8, word0]);
}

/** The maker's half is in eFuse for newer chips, and implied for older ones (esptool, targets/esp8266.py). */
async function readEsp8266Mac(loader: Loader): Promise<string> {
  const word0 = await loader.readRegister(ESP8266_EFUSE);
  const word1 = await loader.readRegister(ESP8266_EFUSE + 4);
  const word3 = await loader.readRegister(ESP8266_EFUSE + 12);
  const own = [word1 >>> 8, word1, word0 >>> 24];
  if (word3 !== 0) return macText([word3 >>> 16, word3 >>> 8, word3, ...own]);
  return macText([...(((word1 >>> 16) & 0xff) === 1 ? [0xac, 0xd0, 0x74] : [0x18, 0xfe, 0x34]), ...own]);
}

function macText(bytes: readonly number[]): string {
  return bytes.map((byte) => (byte & 0xff).toString(16).padStart(2, '0')).join(':');
}

/** `ESP32-C3 revision 0.4`. */
export function describeChip({ chip, revision }: Pick<ChipIdentity, 'chip' | 'revision'>): string {
  const { label } = CHIP_FACTS[chip];
  return revision === null ? label : `${label} revision ${revisionText(revision)}`;
}

/** 100 times the major number plus the minor one, as images have it: `301` is `3.1`. */
export function revisionText(revision: number): string {
  return `${Math.floor(revision / 100)}.${revision % 100}`;
}
