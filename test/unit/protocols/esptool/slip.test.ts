import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSlip, SlipDecoder } from '../../../../src/protocols/esptool/slip.ts';

const frame = fc.uint8Array({ minLength: 1, maxLength: 300 });
/** Bytes that need escaping are rare among 256. */
const special = fc
  .array(fc.constantFrom(0xc0, 0xdb, 0xdc, 0xdd, 0x00), { minLength: 1 })
  .map((all) => Uint8Array.from(all));
const text = fc.string({ unit: 'binary-ascii', maxLength: 80 }).map((words) => Buffer.from(words));

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)).sort((one, other) => one - other), bytes.length];
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

function decode(bytes: Uint8Array, places: readonly number[] = []): number[][] {
  const decoder = new SlipDecoder();
  return cut(bytes, places).flatMap((chunk) => decoder.push(chunk).map((found) => [...found]));
}

describe('SLIP', () => {
  it('is what RFC 1055 says', () => {
    expect([...encodeSlip(Uint8Array.of(1, 0xc0, 0xdb, 2))]).toEqual([0xc0, 1, 0xdb, 0xdc, 0xdb, 0xdd, 2, 0xc0]);
  });

  it('gives back any frames, in any chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(frame, special)), fc.array(fc.nat()), (frames, places) => {
        expect(decode(Buffer.concat(frames.map(encodeSlip)), places)).toEqual(frames.map((one) => [...one]));
      }),
    );
  });

  it('loses no frame to text before it and between two', () => {
    fc.assert(
      fc.property(text, frame, text, frame, fc.array(fc.nat()), (before, one, between, other, places) => {
        const frames = decode(Buffer.concat([before, encodeSlip(one), between, encodeSlip(other)]), places);
        const expected = between.length === 0 ? [one, other] : [one, between, other];
        expect(frames).toEqual(expected.map((found) => [...found]));
      }),
    );
  });

  it('passes over frames with an escape that means nothing, and what is too long to be one', () => {
    const endless = Buffer.alloc(70_000, 1);
    const wire = Buffer.concat([Buffer.of(0xc0, 1, 0xdb, 7, 2, 0xc0), endless, Buffer.of(0xc0, 3, 0xc0)]);
    expect(decode(wire)).toEqual([[3]]);
  });

  it('survives anything', () => {
    fc.assert(fc.property(fc.uint8Array(), fc.array(fc.nat()), (bytes, places) => void decode(bytes, places)));
  });
});
