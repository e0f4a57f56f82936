import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hearAt } from '../../../../src/simulator/chip/waveform.ts';

const text = Buffer.from('ets Jan  8 2013,rst cause:2, boot mode:(1,6)');

describe('hearAt', () => {
  it.each([
    [115_200, 115_200],
    [115_200, 117_000],
    [921_600, 900_000],
  ])('understands %i at %i', (from, to) => {
    expect(Buffer.from(hearAt(text, from, to)).equals(text)).toBe(true);
  });

  it.each([
    [74_880, 115_200],
    [115_200, 921_600],
    [921_600, 115_200],
  ])('hears garbage from %i at %i', (from, to) => {
    const heard = Buffer.from(hearAt(text, from, to));
    expect(heard.length).toBeGreaterThan(0);
    expect(heard.includes('boot')).toBe(false);
  });

  it('hears longer and more bytes from a slow sender, fewer from a fast one', () => {
    expect(hearAt(text, 9600, 115_200).length).toBeGreaterThan(text.length);
    expect(hearAt(text, 921_600, 115_200).length).toBeLessThan(text.length);
  });

  it('ends for every pair of rates', () => {
    const rate = fc.integer({ min: 300, max: 4_000_000 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), rate, rate, (bytes, from, to) => {
        expect(hearAt(bytes, from, to).length).toBeLessThanOrEqual(
          Math.max(bytes.length, (bytes.length * 5 * to) / from),
        );
      }),
    );
  });
});
