import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSlip, SlipDecoder } from '../../../../src/simulator/chip/slip.ts';

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

describe('SLIP', () => {
  it('puts END around a frame and escapes END and ESC in it (RFC 1055)', () => {
    expect(encodeSlip(bytes(1, 0xc0, 0xdb, 2))).toEqual(bytes(0xc0, 1, 0xdb, 0xdc, 0xdb, 0xdd, 2, 0xc0));
  });

  it('passes over boot text ahead of the first END, and over empty frames', () => {
    const decoder = new SlipDecoder();
    expect(decoder.push(Buffer.from('waiting for download\r\n'))).toEqual([]);
    expect(decoder.push(bytes(0xc0, 0xc0, 0xc0, 7, 0xc0, 0xc0, 8, 0xc0))).toEqual([bytes(7), bytes(8)]);
  });

  it('loses a frame with a broken escape, and only that one', () => {
    const decoder = new SlipDecoder();
    expect(decoder.push(bytes(0xc0, 1, 0xdb, 1, 2, 0xc0, 3, 0xc0))).toEqual([bytes(3)]);
  });

  it('gives back every frame, however the bytes are cut', () => {
    const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 7 }), (sent, portion) => {
        const line = Buffer.concat(sent.map(encodeSlip));
        const decoder = new SlipDecoder();
        const heard: Uint8Array[] = [];
        for (let at = 0; at < line.length; at += portion) heard.push(...decoder.push(line.subarray(at, at + portion)));
        expect(heard.map((frame) => [...frame])).toEqual(sent.map((frame) => [...frame]));
      }),
    );
  });
});
