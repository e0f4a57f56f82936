import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBootTrouble } from '../../../../src/protocols/espat-serial/boot-text.ts';
import { isAtLeast, readGmr } from '../../../../src/protocols/espat-serial/gmr.ts';
import { stationAddress } from '../../../../src/protocols/espat-serial/join.ts';

describe('AT+GMR', () => {
  it.each([
    ['00160901', '0.16', '0.9.1', 'old'],
    ['00170901', '0.17', '0.9.1', 'old'],
    ['00180902', '0.18', '0.9.2', 'old'],
    ['0016000901', '0.16', '0.9.1', 'old'],
    ['0018000902-AI03', '0.18', '0.9.2', 'old'],
    ['0020000903', '0.20', '0.9.3', 'old'],
    ['00200.9.4', '0.20', '0.9.4', 'old'],
    ['AT version:0.21.0.0\nSDK version:0.9.5', '0.21.0.0', '0.9.5', 'old'],
    [
      'AT version:1.5.0.0(Oct 24 2017 12:03:18)\nSDK version:2.1.0(ace2d95)\ncompile time:Oct 24 2017 15:48:02\nBin version(Wroom 02):1.5.1',
      '1.5.0.0',
      '2.1.0(ace2d95)',
      'nonos',
    ],
    [
      'AT version:2.2.0.0-dev(ca41ec4 - ESP32 - Sep 16 2020 11:28:17)\nSDK version:v4.0.1-193-ge7ac221b4\ncompile time(98b95fc):Oct 29 2020 11:23:25\nBin version:2.1.0(MINI-1)',
      '2.2.0.0',
      'v4.0.1-193-ge7ac221b4',
      'esp-at',
    ],
  ])('reads %j as AT %s on SDK %s', (text, at, sdk, family) => {
    expect(readGmr(text.split('\n'))).toMatchObject({ at, sdk, family });
  });

  it('keeps the vendor version, and all of the text to compare', () => {
    const lines = ['AT version:1.5.0.0(x)', '', 'Bin version(Wroom 02):1.5.1 '];
    expect(readGmr(lines)).toMatchObject({ bin: '1.5.1', text: 'AT version:1.5.0.0(x) / Bin version(Wroom 02):1.5.1' });
  });

  it('is the same whatever the module prints in between', () => {
    const version = ['AT version:1.5.0.0(x)', 'SDK version:2.1.0(y)', 'compile time:Oct 24 2017'];
    const said = readGmr(version)?.text;
    for (const line of ['WIFI CONNECTED', 'WIFI GOT IP', '+STA_CONNECTED:"aa"', 'ready', '\u00f8\u0000']) {
      for (let at = 0; at <= version.length; at += 1) expect(readGmr(version.toSpliced(at, 0, line))?.text).toBe(said);
    }
    expect(readGmr(['0018000902', 'WIFI GOT IP'])?.text).toBe('0018000902');
  });

  it('is not what else answers', () => {
    for (const text of ['', 'ERROR', '1234', '123456789', 'SIMCOM SIM900A', 'AT version:']) {
      expect(readGmr([text]), text).toBeNull();
    }
    fc.assert(fc.property(fc.array(fc.string()), (lines) => readGmr(lines) === null || readGmr(lines)?.at !== ''));
  });

  it('compares versions by number', () => {
    const version = readGmr(['AT version:2.10.0.0(x)']);
    if (version === null) throw new Error('not read');
    expect([isAtLeast(version, 2, 2), isAtLeast(version, 2, 11), isAtLeast(version, 3, 0)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('AT+CIFSR', () => {
  it.each([
    [['192.168.1.5'], '192.168.1.5'],
    [['192.168.4.1', '192.168.1.5'], '192.168.1.5'],
    [['+CIFSR:APIP,"192.168.4.1"', '+CIFSR:APMAC,"…"', '+CIFSR:STAIP,"10.0.0.9"'], '10.0.0.9'],
    [['+CIFSR:STAIP,"0.0.0.0"', '+CIFSR:STAMAC,"…"'], null],
    [['0.0.0.0'], null],
    [[], null],
  ])('%j is %s', (lines, address) => {
    expect(stationAddress(lines)).toBe(address);
  });
});

describe('boot text', () => {
  it.each([
    ['error magic!\r\nbackup boot failed.\r\n', /neither|either/],
    ['\x00\xffFatal exception (28):\r\nepc1=0x4000', /crashes/],
    ['ets Jan  8 2013,rst cause:2, boot mode:(3,6)\r\n\r\ncsum err\r\n', /checksum/],
    [' ets Jan  8 2013,rst cause:4\r\n\r\n ets Jan  8 2013,rst cause:4\r\n', /over and over/],
  ])('%j says why a module does not start', (text, why) => {
    expect(readBootTrouble(text)).toMatch(why);
  });

  it('of a module that starts says nothing', () => {
    expect(
      readBootTrouble('\r\n ets Jan  8 2013,rst cause:2, boot mode:(3,6)\r\njump to run user1 @ 1000\r\n\r\nready\r\n'),
    ).toBeNull();
  });
});
