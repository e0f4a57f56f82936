import fc from 'fast-check';
import { describe, it } from 'vitest';
import { xorOf } from '../../../src/firmware/bytes.ts';

describe('the sum by exclusive or', () => {
  it('is that of the single bytes, wherever they lie', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(7), fc.nat(255), (bytes, skipped, seed) => {
        const part = bytes.subarray(skipped);
        return xorOf(part, seed) === part.reduce((sum, byte) => sum ^ byte, seed);
      }),
    );
  });
});
