import { constants, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Inflater } from '../../../../src/simulator/chip/inflate.ts';
import { runs } from '../../../runs.ts';

function inflateInPortions(stream: Uint8Array, portion: number) {
  const inflater = new Inflater();
  const parts: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += portion) parts.push(inflater.push(stream.subarray(at, at + portion)));
  return { bytes: Buffer.concat(parts), state: inflater.state };
}

/** Text that repeats itself near and far, with runs: literals, short and long distances. */
const compressible = fc
  .array(fc.tuple(fc.string({ maxLength: 12 }), fc.integer({ min: 1, max: 400 })), { maxLength: 20 })
  .map((parts) => Buffer.from(parts.map(([text, times]) => text.repeat(times)).join('')));

describe('Inflater', () => {
  it.each([
    ['fixed codes', constants.Z_FIXED, 9],
    ['dynamic codes', constants.Z_DEFAULT_STRATEGY, 9],
    ['stored blocks', constants.Z_DEFAULT_STRATEGY, 0],
  ])('gives back what zlib deflates with %s, in portions of any size', (_, strategy, level) => {
    fc.assert(
      fc.property(
        fc.oneof(compressible, fc.uint8Array({ maxLength: 3000 })),
        fc.integer({ min: 1, max: 90 }),
        (raw, portion) => {
          const stream = deflateSync(raw, { strategy, level });
          const { bytes, state } = inflateInPortions(stream, portion);
          expect(state).toBe('done');
          expect(bytes.equals(raw)).toBe(true);
        },
      ),
      runs(60),
    );
  });

  it('reaches back over the whole window', () => {
    const noise = Buffer.from(Array.from({ length: 32_768 }, (_, nth) => (nth * 7919 * (nth >> 3)) & 0xff));
    const raw = Buffer.concat([noise, noise]);
    expect(inflateInPortions(deflateSync(raw, { level: 9 }), 4096).bytes.equals(raw)).toBe(true);
  });

  it('is hungry until the checksum is in', () => {
    const stream = deflateSync(Buffer.from('firmware'));
    const inflater = new Inflater();
    inflater.push(stream.subarray(0, -1));
    expect(inflater.state).toBe('hungry');
    inflater.push(stream.subarray(-1));
    expect(inflater.state).toBe('done');
  });

  it.each([
    ['the header', 0],
    ['the Adler-32', -1],
  ])('finds a fault in %s', (_, at) => {
    const stream = Buffer.from(deflateSync(Buffer.from('firmware')));
    const place = at < 0 ? stream.length + at : at;
    stream[place] = (stream[place] ?? 0) ^ 0x01;
    expect(inflateInPortions(stream, 3).state).toBe('broken');
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        const { state } = inflateInPortions(Buffer.concat([Buffer.from([0x78, 0xda]), noise]), 11);
        expect(['hungry', 'done', 'broken']).toContain(state);
      }),
    );
  });
});
