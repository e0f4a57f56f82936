import type { CoreFacts } from './cores.ts';

/** Why an update fails, by the names of Updater.h (`UPDATE_ERROR_…`) of both cores. */
export type UpdateError =
  | 'ok'
  | 'write'
  | 'erase'
  | 'read'
  | 'space'
  | 'size'
  | 'md5'
  | 'magic'
  | 'bootstrap'
  | 'signature'
  | 'no-data'
  | 'activate'
  | 'abort';

/** esp8266/Arduino 3.1.2, Updater.cpp, `getErrorString()`. Errors that only the ESP32 has stand as `ok` there. */
const ESP8266_TEXTS: Readonly<Record<UpdateError, readonly [code: number, text: string]>> = {
  ok: [0, 'No Error'],
  write: [1, 'Flash Write Failed'],
  erase: [2, 'Flash Erase Failed'],
  read: [3, 'Flash Read Failed'],
  space: [4, 'Not Enough Space'],
  size: [5, 'Bad Size Given'],
  md5: [7, 'MD5 verification failed'],
  magic: [10, 'Magic byte is not 0xE9'],
  bootstrap: [11, 'Invalid bootstrapping state, reset ESP8266 before updating'],
  signature: [12, 'Signature verification failed'],
  'no-data': [13, 'No data supplied'],
  activate: [0, 'No Error'],
  abort: [0, 'No Error'],
};

/** arduino-esp32, Updater.cpp, `_err2str()`. */
const ESP32_TEXTS: Readonly<Record<UpdateError, string>> = {
  ok: 'No Error',
  write: 'Flash Write Failed',
  erase: 'Flash Erase Failed',
  read: 'Flash Read Failed',
  space: 'Not Enough Space',
  size: 'Bad Size Given',
  md5: 'MD5 Check Failed',
  magic: 'Wrong Magic Byte',
  bootstrap: 'UNKNOWN',
  signature: 'Signature Verification Failed',
  'no-data': 'Aborted',
  activate: 'Could Not Activate The Firmware',
  abort: 'Aborted',
};

/** `Update.printError()`: what goes over the wire, with its line end. */
export function errorText(
  chip: CoreFacts['chip'],
  error: UpdateError,
  md5: { readonly expected: string; readonly calculated: string },
): string {
  if (chip === 'esp32') return `${ESP32_TEXTS[error]}\r\n`;
  const [code, text] = ESP8266_TEXTS[error];
  const detail = error === 'md5' ? `: expected: ${md5.expected}, calculated: ${md5.calculated}` : '';
  return `ERROR[${code}]: ${text}${detail}\n`;
}
