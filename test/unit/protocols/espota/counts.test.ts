import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leastReading } from '../../../../src/protocols/espota/counts.ts';

describe('reading counts without separators', () => {
  it.each([
    ['', 8192, 0],
    ['1460', 8192, 1460],
    ['14601460', 8192, 2920],
    ['1460146014601460146046', 8192, 7346],
    ['14601460892', 16384, 3812],
    ['536536', 8192, 1072],
    ['5361072', 8192, 1608],
    ['8192', 8192, 8192],
    ['12345', 16384, 12345],
    ['80', 80, 80],
    ['80', 10, 0],
    ['300001', 1000, 0],
  ])('%s with %d bytes on their way is %d', (digits, outstanding, sum) => {
    expect(leastReading(digits, outstanding)).toBe(sum);
  });

  it('reads one count exactly, and never more than is on its way', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), (count) => {
        expect(leastReading(String(count), count)).toBe(count);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1460 }), { maxLength: 80 }), fc.nat(20_000), (counts, limit) => {
        expect(leastReading(counts.join(''), limit)).toBeLessThanOrEqual(limit);
      }),
    );
  });
});
