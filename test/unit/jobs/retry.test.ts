import { describe, expect, it } from 'vitest';
import { isAbsence, retryPauseMs } from '../../../src/jobs/retry.ts';

describe('retry pause', () => {
  it('doubles from two seconds to five minutes', () => {
    const pauses = [1, 2, 3, 4, 8, 9, 40].map((attempts) => retryPauseMs(attempts, 2_000, 0.5));
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 256_000, 300_000, 300_000]);
  });

  it('spreads by a quarter either way and never falls below what the protocol needs', () => {
    expect(retryPauseMs(3, 2_000, 0)).toBe(6_000);
    expect(retryPauseMs(3, 2_000, 1)).toBe(10_000);
    expect(retryPauseMs(1, 1_800, 0)).toBe(1_800);
  });
});

describe('revival', () => {
  it('is for devices that did not answer, not for those that refused', () => {
    expect(isAbsence('OTA_NO_ANSWER')).toBe(true);
    expect(isAbsence('OTA_AUTH_REFUSED')).toBe(false);
    expect(isAbsence('OTA_RESULT_LOST')).toBe(false);
    expect(isAbsence(undefined)).toBe(false);
  });
});
