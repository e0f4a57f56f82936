import type { ErrorCode } from '../../errors.ts';

/** `UPDATE_ERROR_*` of esp8266/Arduino, Updater.h; all cores print the number, whatever the wording. 15 and 16 came after 3.1.2. */
const BY_NUMBER: ReadonlyMap<number, ErrorCode> = new Map([
  // "No Error": the updater was ended before it had the whole image.
  [0, 'OTA_CONNECTION_LOST'],
  [1, 'OTA_FLASH_FAILED'],
  [2, 'OTA_FLASH_FAILED'],
  [3, 'OTA_FLASH_FAILED'],
  [4, 'OTA_NO_SPACE'],
  [5, 'OTA_BAD_SIZE'],
  [6, 'OTA_STALLED'],
  [7, 'OTA_CHECKSUM_MISMATCH'],
  [8, 'OTA_FLASH_CONFIG'],
  [9, 'OTA_FLASH_CONFIG'],
  [10, 'OTA_BAD_MAGIC'],
  [11, 'OTA_DEVICE_NOT_READY'],
  [12, 'OTA_SIGNATURE_REFUSED'],
  [13, 'OTA_CONNECTION_LOST'],
  [14, 'OTA_DEVICE_BUSY'],
  [15, 'OTA_DEVICE_BUSY'],
]);

/**
 * `_err2str` of arduino-esp32, Updater.cpp, prints bare text; so did early esp8266 cores in front of their numbers. Lower case; the
 * first that occurs in the words decides.
 */
const BY_TEXT: readonly (readonly [string, ErrorCode])[] = [
  ['not enough space', 'OTA_NO_SPACE'],
  ['bad size given', 'OTA_BAD_SIZE'],
  ['invalid bootstrapping state', 'OTA_DEVICE_NOT_READY'],
  ['md5 check failed', 'OTA_CHECKSUM_MISMATCH'],
  ['md5 verification failed', 'OTA_CHECKSUM_MISMATCH'],
  ['md5 failed', 'OTA_CHECKSUM_MISMATCH'],
  ['sha256 check failed', 'OTA_CHECKSUM_MISMATCH'],
  ['magic byte', 'OTA_BAD_MAGIC'],
  ['flash write failed', 'OTA_FLASH_FAILED'],
  ['flash erase failed', 'OTA_FLASH_FAILED'],
  ['flash read failed', 'OTA_FLASH_FAILED'],
  ['flash config wrong', 'OTA_FLASH_CONFIG'],
  ['signature verification failed', 'OTA_SIGNATURE_REFUSED'],
  ['decryption error', 'OTA_SIGNATURE_REFUSED'],
  ['could not activate', 'OTA_NOT_ACTIVATED'],
  ['partition could not be found', 'OTA_NO_PARTITION'],
  ['stream read timeout', 'OTA_STALLED'],
  ['no data supplied', 'OTA_CONNECTION_LOST'],
  ['out of memory', 'OTA_DEVICE_BUSY'],
  ['already running', 'OTA_DEVICE_BUSY'],
  ['aborted', 'OTA_ABORTED_BY_DEVICE'],
  ['no error', 'OTA_CONNECTION_LOST'],
];

/** What a device's words mean; null for words that neither core is known to say. */
export function refusalCode(words: string): ErrorCode | null {
  const number = /ERROR\[(\d{1,3})\]/.exec(words)?.[1];
  if (number !== undefined) return BY_NUMBER.get(Number(number)) ?? 'OTA_REFUSED';
  const lowerCase = words.toLowerCase();
  return BY_TEXT.find(([text]) => lowerCase.includes(text))?.[1] ?? null;
}
