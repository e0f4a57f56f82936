import { describe, expect, it } from 'vitest';
import { retryPauseMs, revivesOnReturn } from '../../../src/jobs/retry.ts';

describe('retry pause', () => {
  it('doubles from two seconds to five minutes', () => {
    const pauses = [1, 2, 3, 4, 8, 9, 40].map((attempts) => retryPauseMs(attempts, 0.5));
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 256_000, 300_000, 300_000]);
  });

  it('spreads by a quarter either way and never falls below what an ESP8266 needs', () => {
    expect(retryPauseMs(3, 0)).toBe(6_000);
    expect(retryPauseMs(3, 1)).toBe(10_000);
    expect(retryPauseMs(1, 0)).toBe(2_000);
  });
});

describe('revival', () => {
  it('is for devices that did not answer, not for those that refused', () => {
    expect(revivesOnReturn('OTA_NO_ANSWER')).toBe(true);
    expect(revivesOnReturn('OTA_AUTH_REFUSED')).toBe(false);
    expect(revivesOnReturn('OTA_RESULT_LOST')).toBe(false);
    expect(revivesOnReturn(undefined)).toBe(false);
  });
});
