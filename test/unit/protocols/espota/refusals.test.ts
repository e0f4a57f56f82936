import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../../../src/errors.ts';
import { refusalCode } from '../../../../src/protocols/espota/refusals.ts';

const MD5 = 'd41d8cd98f00b204e9800998ecf8427e';

describe("a device's words", () => {
  it.each([
    ['ERROR[0]: No Error\n', 'OTA_CONNECTION_LOST'],
    ['ERROR[1]: Flash Write Failed\n', 'OTA_FLASH_FAILED'],
    ['ERROR[2]: Flash Erase Failed\n', 'OTA_FLASH_FAILED'],
    ['ERROR[3]: Flash Read Failed\n', 'OTA_FLASH_FAILED'],
    ['ERROR[4]: Not Enough Space\r\n', 'OTA_NO_SPACE'],
    ['ERROR[5]: Bad Size Given\n', 'OTA_BAD_SIZE'],
    ['ERROR[6]: Stream Read Timeout\n', 'OTA_STALLED'],
    [`ERROR[7]: MD5 verification failed: expected: ${MD5}, calculated: ${MD5}\n`, 'OTA_CHECKSUM_MISMATCH'],
    [`ERROR[7]: MD5 Failed: expected:${MD5}, calculated:${MD5}\n`, 'OTA_CHECKSUM_MISMATCH'],
    ['ERROR[8]: Flash config wrong: real: 4194304, SDK: 1048576\n', 'OTA_FLASH_CONFIG'],
    ['ERROR[9]: new Flash config wrong, real size: 1048576\n', 'OTA_FLASH_CONFIG'],
    ['ERROR[10]: Magic byte is not 0xE9\n', 'OTA_BAD_MAGIC'],
    ['ERROR[11]: Invalid bootstrapping state, reset ESP8266 before updating\n', 'OTA_DEVICE_NOT_READY'],
    ['ERROR[12]: Signature verification failed\n', 'OTA_SIGNATURE_REFUSED'],
    ['ERROR[13]: No data supplied\n', 'OTA_CONNECTION_LOST'],
    ['ERROR[14]: Out of memory\n', 'OTA_DEVICE_BUSY'],
    ['ERROR[15]: Update already running\n', 'OTA_DEVICE_BUSY'],
    ['ERROR[16]: Unknown update command\n', 'OTA_REFUSED'],
    ['ERROR[99]: whatever comes next', 'OTA_REFUSED'],
    ['MD5 Check Failed\r\n', 'OTA_CHECKSUM_MISMATCH'],
    ['Wrong Magic Byte\r\n', 'OTA_BAD_MAGIC'],
    ['Flash Write Failed\r\n', 'OTA_FLASH_FAILED'],
    ['Flash Erase Failed\r\n', 'OTA_FLASH_FAILED'],
    ['Flash Read Failed\r\n', 'OTA_FLASH_FAILED'],
    ['Not Enough Space\r\n', 'OTA_NO_SPACE'],
    ['Could Not Activate The Firmware\r\n', 'OTA_NOT_ACTIVATED'],
    ['Aborted\r\n', 'OTA_ABORTED_BY_DEVICE'],
    ['Bad Size Given\r\n', 'OTA_BAD_SIZE'],
    ['Partition Could Not be Found\r\n', 'OTA_NO_PARTITION'],
    ['Decryption error\r\n', 'OTA_SIGNATURE_REFUSED'],
    ['Signature Verification Failed\r\n', 'OTA_SIGNATURE_REFUSED'],
    ['UNKNOWN\r\n', null],
  ])('%j is %s', (words, code) => {
    expect(refusalCode(words)).toBe(code);
  });

  it('are final only where a retry would meet them again', () => {
    expect(CATALOGUE.OTA_NO_SPACE.disposition).toBe('permanent');
    expect(CATALOGUE.OTA_CHECKSUM_MISMATCH.disposition).toBe('retry');
  });
});
