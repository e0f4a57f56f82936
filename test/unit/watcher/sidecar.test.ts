import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSidecar } from '../../../src/watcher/sidecar.ts';

const HASH = '0123456789abcdef'.repeat(4);
const OTHER = 'f'.repeat(64);

describe('parseSidecar', () => {
  it.each([
    ['a bare hash', HASH],
    ['with a line end', `${HASH}\n`],
    ['of Windows', `\uFEFF${HASH.toUpperCase()}\r\n`],
    ['sha256sum', `${HASH}  app.bin\n`],
    ['sha256sum --binary', `${HASH} *app.bin\n`],
    ['an escaped name', `\\${HASH}  line\\nbreak.bin\n`],
    ['sha256sum --tag', `SHA256 (app.bin) = ${HASH}\n`],
    ['a name with brackets', `SHA256 (app (1).bin) = ${HASH}`],
    ['a comment before it', `# made by the build\n\n${HASH}  app.bin\n`],
    ['the same hash twice', `${HASH}\nSHA256 (app.bin) = ${HASH}\n`],
  ])('reads %s', (_, text) => {
    expect(parseSidecar(text)).toBe(HASH);
  });

  it.each([
    ['nothing', ''],
    ['half a hash', HASH.slice(0, 40)],
    ['a hash of another kind', 'a'.repeat(128)],
    ['two hashes', `${HASH}  a.bin\n${OTHER}  b.bin\n`],
    ['other text', '<html>404</html>'],
    ['a hash and other text', `${HASH}  app.bin\nnot a hash`],
  ])('finds none in %s', (_, text) => {
    expect(parseSidecar(text)).toBeNull();
  });

  it('finds a hash or none in any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseSidecar(text) ?? HASH).toMatch(/^[0-9a-f]{64}$/);
      }),
    );
  });
});
