import { describe, expect, it } from 'vitest';
import { type ErrorCode, FlashError } from '../../../src/errors.ts';
import { judgeReturn } from '../../../src/jobs/confirm.ts';
import { type AttemptContext, afterError, afterReport } from '../../../src/jobs/outcome.ts';
import type { Verify } from '../../../src/model/rule.ts';
import { aJob } from '../../fixtures/records.ts';

function context(proof: Verify['proof'], over: Partial<AttemptContext> = {}): AttemptContext {
  const verify: Verify = { proof, withinMs: 5_000, check: { by: 'mdns' }, version: null, soakMs: 0 };
  const times = { attempts: 1, retries: 2, leastPauseMs: 2_000, nowMs: 50, committedMs: 20, tryEveryMs: null };
  return { verify, sizeBytes: 100, random: 0.5, ...times, ...over };
}

const ACCEPTED = { proof: 'accepted', sentBytes: 100, elapsedMs: 10 } as const;

function error(code: ErrorCode, details = {}): FlashError {
  return new FlashError(code, 'as told', { details });
}

describe('the end of an attempt', () => {
  it('succeeds where acceptance is what the rule asks for, and never claims a return', () => {
    expect(afterReport(ACCEPTED, context('accepted'))).toMatchObject({
      event: 'succeed',
      change: { proof: 'accepted' },
    });
    expect(afterReport(ACCEPTED, context('returned'))).toMatchObject({
      event: 'accept',
      change: { proof: 'accepted' },
    });
  });

  it('retries what is worth it, with a pause, and fails when the retries are used up', () => {
    const lost = error('OTA_CONNECTION_LOST');
    expect(afterError(lost, context('returned'))).toMatchObject({ event: 'retry', change: { notBeforeMs: 2_050 } });
    expect(afterError(lost, context('returned', { attempts: 3 }))).toMatchObject({ event: 'fail' });
  });

  it('tries a device that sleeps again at its own distance, for as long as it does not answer', () => {
    const asleep = context('returned', { attempts: 3, tryEveryMs: 10_000 });
    expect(afterError(error('OTA_NO_ANSWER'), asleep)).toMatchObject({
      event: 'retry',
      change: { attempts: 2, notBeforeMs: 10_050 },
    });
    expect(afterError(error('OTA_CONNECTION_LOST'), asleep)).toMatchObject({ event: 'fail' });
  });

  it('fails at once where a retry would meet the same answer', () => {
    expect(afterError(error('OTA_AUTH_REFUSED'), context('returned'))).toMatchObject({ event: 'fail' });
  });

  it('never retries when the device may have taken the image', () => {
    for (const attempts of [1, 2, 3]) {
      const lost = error('OTA_RESULT_LOST', { sentBytes: 100 });
      expect(afterError(lost, context('returned', { attempts }))).toMatchObject({
        event: 'doubt',
        change: { proof: 'sent', confirmFromMs: 20 },
      });
    }
  });

  it('claims `sent` only when all bytes were', () => {
    expect(afterError(error('OTA_RESULT_LOST', { sentBytes: 99 }), context('sent'))).toMatchObject({
      event: 'doubt',
      change: { proof: null },
    });
    const whole = error('OTA_RESULT_LOST', { sentBytes: 100 });
    expect(afterError(whole, context('sent'))).toMatchObject({ event: 'succeed' });
  });

  it('does not count an attempt that a stop interrupted', () => {
    expect(afterError(error('JOB_INTERRUPTED'), context('returned', { attempts: 2 }))).toMatchObject({
      event: 'interrupt',
      change: { attempts: 1 },
    });
  });

  it('fails on a mistake of the program, and says that it is one', () => {
    const outcome = afterError(new TypeError('x is undefined'), context('returned'));
    expect(outcome.event).toBe('fail');
    expect(outcome.error?.code).toBe('JOB_PROGRAM_ERROR');
  });
});

describe('the wait for a return', () => {
  const evidence = { how: 'a fresh mDNS announcement', atMs: 4_000 };

  it('succeeds with proof `returned` after acceptance', () => {
    const job = aJob({ state: 'confirming', proof: 'accepted', confirmFromMs: 1_000 });
    expect(judgeReturn(job, evidence, 5_000)).toMatchObject({ event: 'succeed', change: { proof: 'returned' } });
    expect(judgeReturn(job, null, 5_000).error?.code).toBe('JOB_NOT_RETURNED');
  });

  it('never turns a lost answer into a success', () => {
    const job = aJob({ state: 'confirming', proof: 'sent', confirmFromMs: 1_000 });
    const seen = judgeReturn(job, evidence, 5_000);
    expect(seen.event).toBe('fail');
    expect(seen.error?.message).toContain('3.0 s later (a fresh mDNS announcement)');
    expect(judgeReturn(job, null, 5_000).error?.message).toContain('not seen to restart');
  });
});
