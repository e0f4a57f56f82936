import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../src/firmware/dossier.ts';
import { findMicroPython, parseMicroPython } from '../../../src/firmware/formats/micropython.ts';
import { versionIn } from '../../../src/firmware/image-version.ts';
import { buildPycomApp, buildWipy1App, withMd5Tail } from '../../fixtures/images.ts';

const TAIL = 32;

describe('an image of MicroPython', () => {
  it('says board and version', () => {
    const dossier = readDossier(buildPycomApp({ board: 'LoPy4' }), 'lopy4.bin');
    expect(dossier).toMatchObject({
      kind: 'app',
      format: 'esp32',
      chip: 'esp32',
      completeness: 'complete',
      md5Tail: null,
      micropython: { version: '1.20.2.r6', builtOn: '2021-10-28', board: 'LoPy4', mcu: 'ESP32' },
    });
    expect(versionIn({ name: 'wipy-9.9.9.bin', dossier })).toBe('1.20.2.r6');
  });

  it('may not say it; then the name of its file does', () => {
    const dossier = readDossier(buildPycomApp({ banner: null }), 'x');
    expect(dossier.micropython).toBeNull();
    expect(versionIn({ name: 'WiPy-1.20.2.r6.bin', dossier })).toBe('1.20.2.r6');
    expect(versionIn({ name: 'wipy_1.7.8.b1.bin', dossier })).toBe('1.7.8.b1');
  });

  it('is found behind words that only begin like it', () => {
    const banner = 'MicroPython v1.18.2 on 2019-02-08; WiPy with ESP32';
    expect(findMicroPython(Buffer.from(`MicroPython v%s\0MicroPython v1\0${banner}\r\n`))?.version).toBe('1.18.2');
  });

  it('names boards of several words', () => {
    expect(parseMicroPython('MicroPython v1.22.0 on 2023-12-27; Generic ESP32 module with ESP32')).toMatchObject({
      board: 'Generic ESP32 module',
      mcu: 'ESP32',
    });
  });

  it('is looked for in any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.string(), (noise, text) => {
        const found = findMicroPython(Buffer.concat([noise, Buffer.from(`MicroPython v${text}`), noise]));
        expect(found === null || found.version.length > 0).toBe(true);
      }),
    );
  });
});

describe('an image with an MD5 at its end', () => {
  it('is whole, and one without it goes on', () => {
    const signed = buildPycomApp({ signed: 'md5-tail', version: '1.17.1' });
    expect(readDossier(signed, 'appimg.bin')).toMatchObject({
      kind: 'app',
      completeness: 'complete',
      problems: [],
      remarks: [],
    });
    expect(readDossier(signed.subarray(0, -TAIL), 'wipy.bin')).toMatchObject({
      completeness: 'may-continue',
      md5Tail: null,
    });
    expect(readDossier(signed.subarray(0, -5), 'part').completeness).not.toBe('complete');
  });

  it('is damaged where the MD5 is another', () => {
    const signed = buildPycomApp({ signed: 'md5-tail' });
    signed[signed.length - 1] = signed.at(-1) === 0x30 ? 0x31 : 0x30;
    expect(readDossier(signed, 'appimg.bin').problems.map(({ code }) => code)).toEqual(['IMAGE_CORRUPT']);
  });

  it('is for a WiPy 1 where its banner says so', () => {
    const dossier = readDossier(buildWipy1App({ version: '1.9.0' }), 'mcuimg.bin');
    expect(dossier).toMatchObject({
      kind: 'app',
      format: 'cc3200',
      chip: null,
      completeness: 'complete',
      problems: [],
    });
    expect(dossier.micropython?.mcu).toBe('CC3200');
    const damaged = buildWipy1App();
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    expect(readDossier(damaged, 'mcuimg.bin').problems.map(({ code }) => code)).toEqual(['IMAGE_CORRUPT']);
  });

  it('is data where nothing but the MD5 marks it', () => {
    expect(readDossier(withMd5Tail(Buffer.alloc(1000, 7)), 'x.bin')).toMatchObject({ kind: 'data', format: 'raw' });
  });
});
