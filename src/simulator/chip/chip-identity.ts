import { createHash } from 'node:crypto';
import type { ChipFacts } from './chip-facts.ts';
import type { ChipSpec, Security } from './chip-spec.ts';

const ESPRESSIF_PREFIX = [0x24, 0x0a, 0xc4];
const DEFAULT_FLASH_BYTES = 4 << 20;
/** Winbond, SPI NOR. */
const FLASH_VENDOR_AND_TYPE = 0x40ef;

/** Throws a RangeError for what is no MAC address. */
export function macOf({ name, mac }: ChipSpec): readonly number[] {
  if (mac === undefined) return [...ESPRESSIF_PREFIX, ...createHash('sha256').update(name).digest().subarray(0, 3)];
  const bytes = mac.split(':').map((part) => (/^[0-9a-f]{2}$/i.test(part) ? Number.parseInt(part, 16) : Number.NaN));
  if (bytes.length !== 6 || bytes.some(Number.isNaN)) throw new RangeError(`"${mac}" is no MAC address`);
  return bytes;
}

/** The flash as the board comes with it. Throws a RangeError for contents that do not fit, or a size no chip has. */
export function flashOf({ flash = new Uint8Array(), flashBytes = DEFAULT_FLASH_BYTES }: ChipSpec): Uint8Array {
  if (!Number.isInteger(Math.log2(flashBytes))) throw new RangeError(`${flashBytes} bytes is no size of a flash chip`);
  if (flash.length > flashBytes) throw new RangeError(`${flash.length} bytes do not fit a flash of ${flashBytes}`);
  const cells = new Uint8Array(flashBytes).fill(0xff);
  cells.set(flash);
  return cells;
}

/** What RDID answers: vendor, type, and the capacity as a power of two. */
export function flashIdOf(flashBytes: number): number {
  const exponent = Math.log2(flashBytes);
  // From 64 MiB on, the codes go on at 0x20 (JEDEC JESD251).
  const capacity = exponent < 26 ? exponent : exponent - 26 + 0x20;
  return (capacity << 16) | FLASH_VENDOR_AND_TYPE;
}

/** The answer to GET_SECURITY_INFO: flags, SPI_BOOT_CRYPT_CNT, key purposes, then chip id and API version where it has 20 bytes. */
export function securityInfoOf(facts: ChipFacts, security: Security): Uint8Array {
  const info = new DataView(new ArrayBuffer(20));
  info.setUint32(0, (security.secureBoot ? 1 : 0) | (security.secureDownload ? 4 : 0), true);
  info.setUint8(4, security.flashEncryption ? 1 : 0);
  info.setUint32(12, facts.chipId, true);
  return new Uint8Array(info.buffer, 0, facts.securityInfoBytes);
}
