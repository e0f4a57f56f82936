import { describe, expect, it } from 'vitest';
import { parseMicroPython } from '../../../../src/firmware/formats/micropython.ts';
import { generationOf, keepsFirstLength, slotOf } from '../../../../src/protocols/pycom-ftp/identity.ts';

const device = (board: string, version: string, mcu = 'ESP32') =>
  parseMicroPython(`MicroPython v${version} on 2019-01-01; ${board} with ${mcu}`);

describe('the generation of a device', () => {
  it.each([
    ['1.17.1', 'md5-tail'],
    ['1.9.2.b2', 'md5-tail'],
    ['1.17.2.b1', 'sha256'],
    ['1.20.2.r6', 'sha256'],
    ['2.0', 'sha256'],
  ])('with %s is %s', (version, generation) => {
    expect(generationOf(device('WiPy', version))).toBe(generation);
    expect(keepsFirstLength(device('WiPy', version), false)).toBe(generation === 'md5-tail');
  });

  it('is the old one with a WiPy 1, which keeps no length', () => {
    expect(generationOf(device('WiPy', '1.20.0', 'CC3200'))).toBe('md5-tail');
    expect(keepsFirstLength(device('WiPy', '1.8.6', 'CC3200'), true)).toBe(false);
  });

  it('is taken from the image where nothing else tells', () => {
    expect(generationOf(null)).toBeNull();
    expect([keepsFirstLength(null, true), keepsFirstLength(null, false)]).toEqual([true, false]);
  });
});

describe('the slot of a device', () => {
  const KIB = 1024;
  it.each([
    ['WiPy', '1.18.2', 'auto', 1536],
    ['FiPy', '1.18.2', '8MB', 1536],
    ['WiPy', '1.18.3', 'auto', 1720],
    ['WiPy', '1.20.2.r6', '8MB', 1980],
    ['FiPy', '1.20.2.r6', 'auto', 1980],
    ['LoPy4', '1.18.3', 'auto', 1980],
    ['GPy', '1.20.2.r6', '4MB', 1720],
    ['LoPy4', '1.20.2.r6', '4MB', 1720],
    ['LoPy4', '1.18.2', '4MB', 1536],
  ] as const)('%s with %s, flash %s: %i KiB', (board, version, flash, kib) => {
    expect(slotOf(device(board, version), flash, false).sizeBytes).toBe(kib * KIB);
  });

  it('is the smallest where nothing is known, unless a person says the flash', () => {
    expect(slotOf(null, 'auto', false).sizeBytes).toBe(1536 * KIB);
    expect(slotOf(null, '8MB', false).sizeBytes).toBe(1980 * KIB);
    expect(slotOf(null, '8MB', true).sizeBytes).toBe(192 * KIB);
  });
});
