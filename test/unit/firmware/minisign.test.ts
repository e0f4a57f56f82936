import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePublicKey, verifySignature } from '../../../src/firmware/minisign.ts';

const read = (name: string) => readFileSync(fileURLToPath(new URL(`../../fixtures/minisign/${name}`, import.meta.url)));
const MESSAGE = read('message.txt');
const KEY = parsePublicKey(read('key.pub').toString().split('\n')[1] ?? '');
if (KEY === null) throw new Error('the fixture holds no key');
const kindOf = async (bytes: Uint8Array, text: string) => (await verifySignature(bytes, text, [KEY])).kind;

describe('a signature that minisign made', () => {
  it.each(['prehashed', 'legacy'])('holds: %s', (name) =>
    expect(verifySignature(MESSAGE, read(`${name}.minisig`).toString(), [KEY])).resolves.toEqual({
      kind: 'good',
      keyId: '6D5DC2C7ED288889',
      comment: 'made for dropflash',
    }),
  );

  it('by another key is known for that', async () => {
    const text = read('other-key.minisig').toString();
    expect(await verifySignature(MESSAGE, text, [KEY])).toMatchObject({
      kind: 'unknown-key',
      keyId: expect.stringMatching(/^[0-9A-F]{16}$/),
    });
    // Not even where it claims to be by the right one.
    const [comment, line, ...rest] = text.split('\n');
    const forged = Buffer.from(line ?? '', 'base64');
    Buffer.from(KEY.id, 'hex').reverse().copy(forged, 2);
    expect(await kindOf(MESSAGE, [comment, forged.toString('base64'), ...rest].join('\n'))).toBe('bad');
  });

  it.each(['prehashed', 'legacy'])('does not hold for other bytes: %s', async (name) => {
    const text = read(`${name}.minisig`).toString();
    await fc.assert(
      fc.asyncProperty(fc.nat(MESSAGE.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const changed = Buffer.from(MESSAGE);
        changed[at] = (changed[at] ?? 0) ^ by;
        expect(await kindOf(changed, text)).toBe('bad');
      }),
    );
    expect(await kindOf(MESSAGE.subarray(1), text)).toBe('bad');
  });

  it.each(['prehashed', 'legacy'])('does not hold when anything that counts in it is changed: %s', async (name) => {
    const lines = read(`${name}.minisig`).toString().trimEnd().split('\n');
    const counting = lines.slice(1).join('\n');
    await fc.assert(
      fc.asyncProperty(
        fc.nat(counting.length - 1),
        fc.constantFrom('A', 'x', '9', ' ', '\n'),
        async (at, character) => {
          const changed = `${lines[0]}\n${counting.slice(0, at)}${character}${counting.slice(at + 1)}`;
          fc.pre(changed !== lines.join('\n'));
          expect(await kindOf(MESSAGE, changed)).not.toBe('good');
        },
      ),
    );
  });

  it('may be any text at all', () =>
    fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        expect(await kindOf(MESSAGE, text)).toBe('bad');
        expect(parsePublicKey(text)).toBeNull();
      }),
    ));
});
