import { describe, expect, it } from 'vitest';
import { FlashError } from '../../../src/errors.ts';
import { whatIsAwaited } from '../../../src/jobs/awaited.ts';
import type { Verify } from '../../../src/model/rule.ts';

const verify: Verify = { proof: 'returned', withinMs: 90_000, check: { by: 'mdns' }, version: null, soakMs: 0 };
const error = new FlashError('OTA_RESULT_LOST', 'the connection ended').toJSON();

describe('what a job awaits after the transfer', () => {
  it.each([
    [{ proof: 'accepted', error: null, verify } as const, /accepted the image.*awaited, for 90 s at most$/],
    [{ proof: 'sent', error, verify } as const, /may have taken.*restart, for 90 s at most$/],
    [{ proof: null, error, verify: null } as const, /may have taken.*restart$/],
    [{ proof: 'sent', error: null, verify: null } as const, /^it was sent/],
  ])('%j', (job, text) => {
    expect(whatIsAwaited(job)).toMatch(text);
  });
});
