import { describe, expect, it } from 'vitest';
import { bulkChunkBytes, ESPOTA_FIELDS, readOptions } from '../../../../src/protocols/espota/options.ts';
import { secret } from './flash.ts';

describe('espota options', () => {
  it('have a default each, in its own range', () => {
    expect(readOptions({})).toEqual({
      password: null,
      listen: null,
      localAddress: null,
      answerWithinMs: 23_000,
      loginWithinMs: 12_000,
      dialBackWithinMs: 12_000,
      stallAfterMs: 12_000,
      resultWithinMs: 30_000,
      chunkBytes: null,
    });
    for (const field of Object.values(ESPOTA_FIELDS)) {
      if (field.kind !== 'duration') continue;
      expect(field.defaultMs).toBeGreaterThanOrEqual(field.minMs);
      expect(field.defaultMs).toBeLessThanOrEqual(field.maxMs);
    }
  });

  it('take what a rule sets', () => {
    const password = secret('p');
    const options = readOptions({
      password,
      listen: { first: 40_000, last: 40_009 },
      'local-address': '10.0.0.2',
      'stall-after': 5_000,
      chunk: '4096',
    });
    expect(options).toMatchObject({ password, listen: { first: 40_000, last: 40_009 }, localAddress: '10.0.0.2' });
    expect(options.stallAfterMs).toBe(5_000);
    expect(bulkChunkBytes(options)).toBe(4_096);
  });
});
