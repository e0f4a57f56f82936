import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Flash, Updater } from '../../../src/simulator/updater.ts';

const ESP8266: Flash = {
  core: 'esp8266',
  chip: 'esp8266',
  appSpaceBytes: 20_000,
  filesystemSpaceBytes: 10_000,
  badByte: null,
  isChecksumWrong: false,
  refusesToBegin: null,
  refusesToEnd: null,
};
const ESP32: Flash = { ...ESP8266, core: 'esp32-sha256', chip: 'esp32' };

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');

function image(sizeBytes: number, head: readonly number[] = [0xe9]): Buffer {
  const bytes = Buffer.alloc(sizeBytes, 0x55);
  bytes.set(head);
  return bytes;
}

function updaterFor(flash: Flash, bytes: Uint8Array, command: 0 | 100 = 0): Updater {
  return new Updater(flash, { command, tcpPort: 1, sizeBytes: bytes.length, md5: md5(bytes) });
}

/** Everything in one go; the text that the device prints when it refuses. */
function refusalOf(flash: Flash, bytes: Uint8Array, command: 0 | 100 = 0): string | null {
  const updater = updaterFor(flash, bytes, command);
  if (!updater.begin()) return updater.errorText;
  updater.write(bytes);
  return updater.end() === null ? updater.errorText : null;
}

describe('updater', () => {
  it('takes an image in any portions', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.array(fc.nat(5000)), (sizeBytes, cuts) => {
        const bytes = image(sizeBytes);
        const updater = updaterFor(ESP32, bytes);
        expect(updater.begin()).toBe(true);
        let at = 0;
        for (const portion of [...cuts, sizeBytes]) {
          const part = bytes.subarray(at, at + portion);
          if (part.length > 0) expect(updater.write(part).written).toBe(part.length);
          at += part.length;
        }
        expect(updater.isFinished).toBe(true);
        expect(updater.end()).toMatchObject({ kind: 'app', sizeBytes, md5: md5(bytes) });
      }),
    );
  });

  it('refuses what does not fit, in the words of its core', () => {
    expect(refusalOf(ESP8266, image(20_001))).toBe('ERROR[4]: Not Enough Space\n');
    expect(refusalOf(ESP32, image(20_001))).toBe('Bad Size Given\r\n');
    expect(refusalOf(ESP8266, image(10_001), 100)).toBe('ERROR[4]: Not Enough Space\n');
    expect(refusalOf(ESP8266, Buffer.alloc(0))).toBe('ERROR[5]: Bad Size Given\n');
    expect(refusalOf(ESP8266, image(20_000))).toBeNull();
  });

  it('checks the magic byte at the end on an ESP8266, with the first sector on an ESP32', () => {
    const bytes = image(9000, [0x7f]);
    expect(refusalOf(ESP8266, bytes)).toBe('ERROR[10]: Magic byte is not 0xE9\n');
    const updater = updaterFor(ESP32, bytes);
    updater.begin();
    expect(updater.write(bytes.subarray(0, 4096))).toEqual({ written: 4096, sectors: 0 });
    expect(updater.isFinished).toBe(false);
    expect(updater.write(bytes.subarray(4096, 5000))).toEqual({ written: 0, sectors: 1 });
    expect(updater.isFinished).toBe(true);
    expect(updater.errorText).toBe('Wrong Magic Byte\r\n');
  });

  it('lets a gzip image onto an ESP8266 only, and any filesystem image onto both', () => {
    const gzip = image(9000, [0x1f, 0x8b]);
    expect(refusalOf(ESP8266, gzip)).toBeNull();
    expect(refusalOf(ESP32, gzip)).toBe('Wrong Magic Byte\r\n');
    expect(refusalOf(ESP8266, image(9000, [0]), 100)).toBeNull();
    expect(refusalOf(ESP32, image(9000, [0]), 100)).toBeNull();
  });

  it('compares the MD5 at the end', () => {
    const bytes = image(5000);
    const wrong = createHash('md5').update(md5(bytes)).digest('hex');
    expect(refusalOf({ ...ESP8266, isChecksumWrong: true }, bytes)).toBe(
      `ERROR[7]: MD5 verification failed: expected: ${md5(bytes)}, calculated: ${wrong}\n`,
    );
    expect(refusalOf({ ...ESP32, isChecksumWrong: true }, bytes)).toBe('MD5 Check Failed\r\n');
  });

  it('takes an MD5 in upper case, except on arduino-esp32 2.0.14', () => {
    const bytes = image(5000);
    const end = (flash: Flash) => {
      const updater = new Updater(flash, { command: 0, tcpPort: 1, sizeBytes: 5000, md5: md5(bytes).toUpperCase() });
      updater.begin();
      updater.write(bytes);
      return updater.end() !== null;
    };
    expect([end(ESP8266), end(ESP32), end({ ...ESP32, core: 'esp32-md5' })]).toEqual([true, true, false]);
  });

  it('fails at the sector that cannot be written', () => {
    const updater = updaterFor({ ...ESP8266, badByte: 5000 }, image(12_000));
    updater.begin();
    expect(updater.write(image(4097))).toEqual({ written: 4097, sectors: 1 });
    expect(updater.write(image(6000)).sectors).toBe(1);
    expect(updater.end()).toBeNull();
    expect(updater.errorText).toBe('ERROR[1]: Flash Write Failed\n');
  });

  it('says what an early end looked like', () => {
    const nothing = updaterFor(ESP8266, image(12_000));
    nothing.begin();
    nothing.write(image(4096));
    expect(nothing.end()).toBeNull();
    expect(nothing.errorText).toBe('ERROR[13]: No data supplied\n');
    const some = updaterFor(ESP8266, image(12_000));
    some.begin();
    some.write(image(4097));
    expect(some.end()).toBeNull();
    expect(some.errorText).toBe('ERROR[0]: No Error\n');
  });

  it('takes no more than was announced', () => {
    const updater = updaterFor(ESP32, image(5000));
    updater.begin();
    expect(updater.write(image(5001)).written).toBe(0);
    expect(updater.errorText).toBe('Not Enough Space\r\n');
  });

  it('refuses for the reason it was told to', () => {
    expect(refusalOf({ ...ESP8266, refusesToBegin: 'bootstrap' }, image(100))).toBe(
      'ERROR[11]: Invalid bootstrapping state, reset ESP8266 before updating\n',
    );
    expect(refusalOf({ ...ESP32, refusesToEnd: 'activate' }, image(100))).toBe('Could Not Activate The Firmware\r\n');
  });
});
