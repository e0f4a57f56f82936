import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob } from '../../../src/rules/glob.ts';

function matches(pattern: string, value: string): boolean {
  return compileGlob(pattern)(value.toLowerCase());
}

describe('globs', () => {
  it.each([
    ['sensor-*', 'Sensor-1', true],
    ['SENSOR-*', 'sensor-', true],
    ['sensor-*', 'my-sensor-1', false],
    ['*-kitchen', 'plug-kitchen', true],
    ['*-kitchen', 'plug-kitchen-2', false],
    ['*', '', true],
    ['sensor', 'sensor', true],
    ['sensor', 'sensor-1', false],
    ['s?nsor', 'sensor', true],
    ['s?nsor', 'snsor', false],
    ['node-[1-3]', 'node-2', true],
    ['node-[1-3]', 'node-4', false],
    ['{plug,lamp}-*', 'Lamp-7', true],
    ['{plug,lamp}-*', 'fan-7', false],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'a-c-b', false],
  ])('%j on %j: %s', (pattern, value, expected) => {
    expect(matches(pattern, value)).toBe(expected);
  });

  it.each([
    ['a star crosses a slash', 'attic*x', 'attic/1/x', true],
    ['a star crosses a line end', 'sensor-*.bi[n]', 'sensor-\n.bin', true],
    ['a star matches a leading dot', '*.bi[n]', '.hidden.bin', true],
    ['parentheses are parentheses', 'sensor (1)*[0-9]', 'sensor (1) 7', true],
    ['parentheses do not group', 'sensor (1)*[0-9]', 'sensor 1 7', false],
    ['a bar is a bar', 'a|b*[0-9]', 'b-1', false],
    ['a plus is a plus', 'c++*[0-9]', 'c++11', true],
    ['a leading ! is a !', '!a*[0-9]', 'b1', false],
    ['an escaped star is a star', 'a\\*', 'a*', true],
    ['an escaped star is only a star', 'a\\*', 'ab', false],
  ])('%s', (_what, pattern, value, expected) => {
    expect(matches(pattern, value)).toBe(expected);
  });

  it('agrees with itself whichever way it was compiled', () => {
    const word = fc.stringMatching(/^[a-z0-9 .\-()+]{0,8}$/);
    fc.assert(
      fc.property(word, word, (head, tail) => {
        expect(matches(`${head}*`, head + tail)).toBe(true);
        expect(matches(`*${tail}`, head + tail)).toBe(true);
        expect(matches(`${head}*${tail}`, `${head}x${tail}`)).toBe(true);
        expect(matches(`${head}*?`, `${head}x${tail}`)).toBe(true);
      }),
    );
  });
});
