import { describe, expect, it } from 'vitest';
import { diagnoseBoot } from '../../../../src/protocols/esptool/boot-text.ts';

describe('diagnoseBoot', () => {
  it.each([
    ['', 'silent'],
    [
      'rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))\r\nwaiting for download\r\n',
      'download',
    ],
    [
      'ESP-ROM:esp32c3-api1-20210207\r\nrst:0x15 (USB_UART_CHIP_RESET),boot:0x4 (DOWNLOAD(USB/UART0/1))\r\n',
      'download',
    ],
    [' ets Jan  8 2013,rst cause:2, boot mode:(1,6)\r\n', 'download'],
    ['rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\nconfigsip: 0\r\n', 'application'],
    [' ets Jan  8 2013,rst cause:2, boot mode:(3,6)\r\nload 0x4010f000\r\n', 'application'],
    ['Temperature 21.5\r\n', 'talking'],
    ['\x00\xff\x81', 'talking'],
  ])('%j is %s', (text, state) => {
    expect(diagnoseBoot(text).state).toBe(state);
  });

  it('believes the last of several boots, and quotes it', () => {
    const text =
      'boot:0x3 (DOWNLOAD_BOOT(UART0))\r\nwaiting for download\r\n\x00rst:0x1,boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n';
    expect(diagnoseBoot(text)).toEqual({ state: 'application', line: 'rst:0x1,boot:0x13 (SPI_FAST_FLASH_BOOT)' });
  });
});
