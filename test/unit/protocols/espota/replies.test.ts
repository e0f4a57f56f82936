import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WORDS_LIMIT } from '../../../../src/protocols/espota/constants.ts';
import { Replies, type Verdict } from '../../../../src/protocols/espota/replies.ts';
import { runs } from '../../../runs.ts';

/** The same text in pieces of every size. */
const cut = fc.array(fc.nat(12), { maxLength: 30 });

function pieces(text: string, sizes: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  const found: Buffer[] = [];
  let start = 0;
  for (const size of sizes) {
    found.push(bytes.subarray(start, start + size));
    start += size;
  }
  return [...found, bytes.subarray(start)];
}

const CASES: readonly (readonly [string, Verdict, string])[] = [
  ['', 'pending', ''],
  ['14601460', 'pending', ''],
  ['80OK', 'ok', 'OK'],
  ['OK', 'ok', 'OK'],
  ['300001OK\r\n', 'ok', 'OK\r\n'],
  ['80O', 'pending', 'O'],
  ['1460MD5 Check Failed\r\n', 'words', 'MD5 Check Failed\r\n'],
  ['MD5 Check FailedOK', 'words', 'MD5 Check FailedOK'],
  ['80OK80', 'words', 'OK80'],
  ['80KO', 'words', 'KO'],
  ['ERROR[0]: No Error\n', 'words', 'ERROR[0]: No Error\n'],
  ['1460\u0000\u0001OK', 'words', '\u0000\u0001OK'],
];

describe('what a device prints', () => {
  it.each(CASES)('%j is %s, in any pieces', (text, verdict, words) => {
    fc.assert(
      fc.property(cut, (sizes) => {
        const replies = new Replies();
        for (const piece of pieces(text, sizes)) replies.push(piece);
        expect([replies.verdict, replies.words]).toEqual([verdict, words]);
      }),
      runs(30),
    );
  });

  it('is success only as counts and OK, whatever else comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), cut, (bytes, sizes) => {
        const replies = new Replies();
        const text = Buffer.from(bytes).toString('latin1');
        for (const piece of pieces(text, sizes)) replies.push(piece);
        expect(replies.verdict === 'ok').toBe(/^[\d\s]*OK\s*$/.test(text));
      }),
    );
  });

  it('keeps no more than it needs of endless words', () => {
    const replies = new Replies();
    for (let i = 0; i < 100; i += 1) replies.push(Buffer.alloc(1000, 'x'));
    expect(replies.words.length).toBe(WORDS_LIMIT);
    expect(replies.isFull).toBe(true);
  });

  it('gives back the digits as long as no word has begun', () => {
    const replies = new Replies();
    expect(replies.push(Buffer.from('1460 80'))).toBe('146080');
    expect(replies.push(Buffer.from('80OK'))).toBe('80');
    expect(replies.push(Buffer.from('80'))).toBe('');
  });
});
