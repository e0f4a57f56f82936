import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CountReader, leastReading } from '../../../../src/protocols/espota/counts.ts';

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

describe('the counts of a transfer', () => {
  it('are read alike whether they come whole, joined or a digit at a time', () => {
    for (const pieces of [['1460', '1460', '1176'], ['146014601176'], [...'146014601176']]) {
      const counts = new CountReader();
      for (const [nth, piece] of pieces.entries()) counts.read(piece, 8_192, nth);
      expect(counts.countedBytes).toBe(4_096);
    }
  });

  it('begin anew after a pause', () => {
    const counts = new CountReader();
    counts.read('14', 8_192, 0);
    counts.read('60', 8_192, 100);
    expect(counts.countedBytes).toBe(74);
  });

  it('of one chunk are not mixed up with those of the next, however fast they come', () => {
    const counts = new CountReader();
    for (let chunk = 1; chunk <= 32; chunk += 1) {
      counts.sent(chunk * 8_192);
      counts.sent((chunk + 1) * 8_192);
      counts.read('8192', (chunk + 1) * 8_192, chunk);
      expect(counts.countedBytes).toBe(chunk * 8_192);
    }
  });

  it('never go back and never beyond what was sent', () => {
    const counts = new CountReader();
    counts.hasReadAll(5_000);
    counts.read('1460', 5_000, 0);
    expect(counts.countedBytes).toBe(5_000);
    counts.read('9', 6_000, 1);
    expect(counts.countedBytes).toBeGreaterThanOrEqual(5_000);
    expect(counts.countedBytes).toBeLessThanOrEqual(6_000);
  });
});
