import { describe, expect, it } from 'vitest';
import { describeError, humanDuration, humanSize, paint, tableLines } from '../../../src/cli/output.ts';
import { FlashError } from '../../../src/errors.ts';
import { recordedIo } from './recorded-io.ts';

describe('output', () => {
  it.each([
    [0, '0 ms'],
    [999.4, '999 ms'],
    [12_340, '12.3 s'],
    [59_949, '59.9 s'],
    [59_950, '1 min 0 s'],
    [200_000, '3 min 20 s'],
    [7_500_000, '2 h 5 min'],
    [259_140_000, '71 h 59 min'],
    [259_200_000, '3 d 0 h'],
    [40_101_300_000, '464 d 3 h'],
  ])('%d ms reads %s', (durationMs, text) => expect(humanDuration(durationMs)).toBe(text));

  it.each([
    [999, '999 B'],
    [12_500, '12.5 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [1_234_567, '1.2 MB'],
  ])('%d bytes read %s', (sizeBytes, text) => expect(humanSize(sizeBytes)).toBe(text));

  it('aligns columns', () => {
    expect(tableLines([['a', 'bb'], ['ccc', 'd', 'e'], []])).toEqual(['a    bb', 'ccc  d   e', '']);
  });

  it('has colours on a terminal only, and none where NO_COLOR is set', () => {
    const coloured = (setup: Parameters<typeof recordedIo>[0]) => {
      const { io } = recordedIo(setup);
      return paint(io, io.stdout, 'red', 'x') !== 'x';
    };
    expect(coloured({ isTerminal: true })).toBe(true);
    expect(coloured({ isTerminal: false })).toBe(false);
    expect(coloured({ isTerminal: true, env: { NO_COLOR: '1' } })).toBe(false);
    expect(coloured({ isTerminal: true, env: { TERM: 'dumb' } })).toBe(false);
  });

  it('tells an error with its hint; the stack of a program error only where asked for', () => {
    expect(describeError(new FlashError('IMAGE_EMPTY', 'a\u001b[2J is empty'), true)).toEqual([
      'IMAGE_EMPTY: a\\u{1b}[2J is empty',
      '  hint: Build or copy the file again; it holds no bytes.',
    ]);
    const mistake = new TypeError('x is not a function');
    expect(describeError(mistake, false).join('\n')).toMatch(/^TypeError: x is not a function\n.*--verbose/);
    expect(describeError(mistake, true)).toEqual([mistake.stack]);
    expect(describeError('text', false)).toEqual(['text']);
  });
});
