import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ErrorReport } from '../../errors.ts';
import { alignUp, byteAt, hexOf, isFilledWith, u32At } from '../bytes.ts';
import { count, problem, truncated } from '../findings.ts';

/** The signature block stands alone in a sector, behind the image padded to one (ESP-IDF, "Secure Boot v2", signature block format). */
export const SIGNATURE_SECTOR = 4096;
const SIGNATURE_MAGIC = 0xe7;
/** Version 3 is ECDSA, whose byte 2 tells the hash: 0 SHA-256, 1 SHA-384 (with curve P-384). */
const ECDSA_VERSION = 3;
const ECDSA_SHA384 = 1;
const IMAGE_DIGEST_OFFSET = 4;
/** The CRC covers all before it. */
const CRC_OFFSET = 1196;

/** Three signature blocks at most; what is left of the sector is always padding. */
const SECTOR_PADDING_BYTES = SIGNATURE_SECTOR - 3 * 1216;

/** The sector of signature blocks behind an image (ESP-IDF, "Secure Boot v2"). */
export interface SignatureSector {
  readonly endsAt: number | null;
  /** False where the padding at its end is missing: a copy into reserved space has not come so far, and more blocks may. */
  readonly isFilled: boolean;
  readonly problem: ErrorReport | null;
}

/**
 * The secure boot v2 sector that follows an image ending at `imageEnd`, or null where none does. That the signature was made
 * with the right key is not checked: that takes the public key.
 */
export function readSignatureSector(bytes: Uint8Array, imageEnd: number): SignatureSector | null {
  const start = alignUp(imageEnd, SIGNATURE_SECTOR);
  if (byteAt(bytes, start) !== SIGNATURE_MAGIC || !isFilledWith(bytes.subarray(imageEnd, start), 0xff)) return null;
  const endsAt = start + SIGNATURE_SECTOR;
  if (endsAt > bytes.length) {
    return { endsAt: null, isFilled: false, problem: truncated('inside its signature sector', bytes.length, endsAt) };
  }
  const isFilled = isFilledWith(bytes.subarray(endsAt - SECTOR_PADDING_BYTES, endsAt), 0xff);
  const stored = u32At(bytes, start + CRC_OFFSET);
  const computed = crc32(bytes.subarray(start, start + CRC_OFFSET));
  if (stored !== computed) {
    const message = `the CRC of the signature block at ${count(start)} is wrong`;
    return { endsAt, isFilled, problem: problem('IMAGE_CORRUPT', message, { stored, computed }) };
  }
  const hash =
    byteAt(bytes, start + 1) === ECDSA_VERSION && byteAt(bytes, start + 2) === ECDSA_SHA384 ? 'sha384' : 'sha256';
  const actual = createHash(hash).update(bytes.subarray(0, start)).digest('hex');
  const signedAt = start + IMAGE_DIGEST_OFFSET;
  const signed = hexOf(bytes.subarray(signedAt, signedAt + actual.length / 2));
  if (signed === actual) return { endsAt, isFilled, problem: null };
  const message = `its signature is for an image with ${hash} ${signed}; this one has ${actual}`;
  return { endsAt, isFilled, problem: problem('IMAGE_CORRUPT', message) };
}

/** RSA up to 4096 bits, ECDSA: nothing shorter or longer is made. */
const ARDUINO_SIGNATURE_BYTES = { min: 48, max: 1024 };

/**
 * Arduino for ESP8266 appends signature and length (u32) to an image ending at `imageEnd` (esp8266/Arduino, signing.py,
 * Updater.cpp). The length has to account for every byte behind the image, or it is no signature.
 */
export function hasArduinoSignature(bytes: Uint8Array, imageEnd: number): boolean {
  const signatureBytes = bytes.length - imageEnd - 4;
  return (
    signatureBytes >= ARDUINO_SIGNATURE_BYTES.min &&
    signatureBytes <= ARDUINO_SIGNATURE_BYTES.max &&
    u32At(bytes, bytes.length - 4) === signatureBytes
  );
}
