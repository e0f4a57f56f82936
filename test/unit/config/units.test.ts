import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/config/units.ts';

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['2s', 2000],
    ['1h30m', 5_400_000],
    ['30d', 2_592_000_000],
    ['0s', 0],
  ])('reads %s', (text, durationMs) => expect(parseDuration(text)).toBe(durationMs));

  it.each(['', '30', 's', '-2s', '2 s', '1.5h', '2S', '2s ', '1w'])('does not guess what %j means', (text) =>
    expect(parseDuration(text)).toBeNull(),
  );

  it('are read back as they were written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (durationMs) => parseDuration(formatDuration(durationMs)) === durationMs),
    );
  });
});

describe('sizes', () => {
  it.each([
    ['10MB', 10_000_000],
    ['500kB', 500_000],
    ['7B', 7],
  ])('reads %s', (text, sizeBytes) => expect(parseSize(text)).toBe(sizeBytes));

  it.each(['', '10', '10mb', '1.5MB', '-1B'])('does not guess what %j means', (text) =>
    expect(parseSize(text)).toBeNull(),
  );

  it('are read back as they were written', () => {
    fc.assert(fc.property(fc.integer({ min: 0 }), (sizeBytes) => parseSize(formatSize(sizeBytes)) === sizeBytes));
  });
});
