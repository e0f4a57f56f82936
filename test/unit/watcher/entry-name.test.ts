import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entryName, entryNameOf, kindOfName, placedNames } from '../../../src/watcher/entry-name.ts';

const SHA256 = '3f2a9c01'.padEnd(64, '0');

function firstPlaced(name: string, count: number): string[] {
  const names = placedNames(name, SHA256);
  return Array.from({ length: count }, () => names.next().value);
}

describe('entryName', () => {
  it('keeps a name that is UTF-8, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
        expect(entryNameOf(name).text).toBe(name);
      }),
    );
  });

  it('shows stray bytes and keeps the others', () => {
    expect(entryName(Buffer.from([0x61, 0xff, 0xc3, 0xbc, 0xc3])).text).toBe('a\\xffü\\xc3');
  });

  it('gives any bytes a well-formed text and a key of their own', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.uint8Array({ minLength: 1 }), (one, other) => {
        const [a, b] = [entryName(Buffer.from(one)), entryName(Buffer.from(other))];
        expect(a.text.isWellFormed()).toBe(true);
        expect(a.key === b.key).toBe(a.bytes.equals(b.bytes));
      }),
    );
  });
});

describe('kindOfName', () => {
  it.each([
    ['app.bin', 'image'],
    ['no-extension', 'image'],
    ['part', 'image'],
    ['.hidden.bin', 'temporary'],
    ['app.bin~', 'temporary'],
    ['app.bin.part', 'temporary'],
    ['APP.BIN.PART', 'temporary'],
    ['app.tmp', 'temporary'],
    ['app.crdownload', 'temporary'],
    ['app.filepart', 'temporary'],
    ['app.swp', 'temporary'],
    ['app.bin.sha256', 'sidecar'],
    ['app.bin.result.json', 'own'],
    ['working', 'own'],
    ['duplicate', 'own'],
  ])('%s is %s', (name, kind) => {
    expect(kindOfName(entryNameOf(name))).toBe(kind);
  });
});

describe('placedNames', () => {
  it('marks the name with its hash, then counts', () => {
    expect(firstPlaced('app.bin', 3)).toEqual(['app.bin', 'app.3f2a9c01.bin', 'app.3f2a9c01-2.bin']);
    expect(firstPlaced('app.bin.gz', 2)[1]).toBe('app.3f2a9c01.bin.gz');
    expect(firstPlaced('LICENSE', 2)[1]).toBe('LICENSE.3f2a9c01');
  });

  it('leaves room for the companions, never cuts a character, and never repeats itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }), (name) => {
        const names = firstPlaced(name, 4);
        expect(new Set(names).size).toBe(4);
        for (const placed of names) {
          expect(placed.isWellFormed()).toBe(true);
          expect(Buffer.byteLength(`.${placed}.result.json.tmp`)).toBeLessThanOrEqual(255);
        }
      }),
    );
  });
});
