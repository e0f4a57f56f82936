import { describe, expect, it } from 'vitest';
import { describeValue, formatPath, formatProblems, quote } from '../../../src/config/problem.ts';

describe('formatProblems', () => {
  it('sets place, path, code and sentence in columns', () => {
    const lines = formatProblems([
      { file: 'c.yaml', line: 14, column: 5, path: 'rules[0].x', code: 'CONFIG_UNKNOWN_KEY', message: 'unknown key' },
      { file: 'c.yaml', line: 1, column: 1, path: '', code: 'CONFIG_SYNTAX', message: 'no YAML' },
    ]);
    expect(lines).toEqual([
      'c.yaml:14:5  rules[0].x  CONFIG_UNKNOWN_KEY  unknown key',
      'c.yaml:1:1   -           CONFIG_SYNTAX       no YAML',
    ]);
  });

  it('has nothing to say of nothing', () => expect(formatProblems([])).toEqual([]));
});

describe('formatPath', () => {
  it('writes keys and indexes', () => expect(formatPath(['rules', 0, 'per-subnet'])).toBe('rules[0].per-subnet'));
  it('quotes what is no word', () => expect(formatPath(['a', 'b.c', ''])).toBe('a["b.c"][""]'));
});

describe('quote', () => {
  it('escapes what could steer a terminal', () =>
    expect(quote('\u001b[2J\u009b1m\u202e\n')).toBe('"\\u001b[2J\\u{9b}1m\\u{202e}\\n"'));
  it('cuts what is long', () => expect(quote('x'.repeat(1000))).toHaveLength(63));
});

describe('describeValue', () => {
  it.each([
    [undefined, 'nothing'],
    [null, 'nothing'],
    ['three', '"three"'],
    [3, '3'],
    [true, 'true'],
    [[], 'a list'],
    [{}, 'a mapping'],
  ])('%j is %s', (value, words) => expect(describeValue(value)).toBe(words));
});
