import { describe, expect, it } from 'vitest';
import { didYouMean, editDistance } from '../../../src/config/did-you-mean.ts';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['abc', '', 3],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['protocl', 'protocol', 1],
    ['ca', 'abc', 3],
  ])('%s → %s takes %i', (left, right, distance) => expect(editDistance(left, right)).toBe(distance));
});

describe('didYouMean', () => {
  const known = ['protocol', 'retries', 'per-subnet', 'for'];

  it.each([
    ['protocl', 'protocol'],
    ['Protocol', 'protocol'],
    ['perSubnet', 'per-subnet'],
    ['reties', 'retries'],
    ['fro', 'for'],
  ])('%s is %s', (word, meant) => expect(didYouMean(word, known)).toBe(meant));

  it.each(['password', 'x', '', 'a'.repeat(100_000)])('does not guess where nothing is close', (word) =>
    expect(didYouMean(word, known)).toBeNull(),
  );

  it('prefers the closest', () => expect(didYouMean('chps', ['chop', 'chips'])).toBe('chips'));
});
