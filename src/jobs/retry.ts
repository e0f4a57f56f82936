import type { ErrorCode } from '../errors.ts';

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** A quarter either way, so that a hundred devices behind one broken link do not come back in step. */
const JITTER = 0.25;

/**
 * The pause after a failed attempt, milliseconds: doubling from 2 s to 5 min, with jitter.
 * @param attempts how many attempts have been made, at least 1
 * @param leastMs how long the protocol wants a device left alone after a failure
 * @param random a number from 0 to 1, as `Math.random` gives
 */
export function retryPauseMs(attempts: number, leastMs: number, random: number): number {
  const doubled = FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 30);
  return Math.max(leastMs, jittered(Math.min(doubled, LONGEST_PAUSE_MS), random));
}

/** A time that is never quite the same: two rhythms that are in step would never meet. `random` as above. */
export function jittered(durationMs: number, random: number): number {
  return Math.round(durationMs * (1 + JITTER * (2 * random - 1)));
}

/** Failures that say "nobody was there": nothing was sent, and a device that comes back may be tried afresh. */
const ABSENCE: readonly ErrorCode[] = [
  'OTA_NO_ANSWER',
  'LINK_UNREACHABLE',
  'LINK_REFUSED',
  'SERIAL_PORT_NOT_FOUND',
  'SERIAL_NO_REPLY',
];

/** The ladder of the rule did not let the job begin; what it waited for may yet come. */
const NO_WAY_UP: readonly ErrorCode[] = ['JOB_VERSION_UNTOLD', 'JOB_RUNG_MISSING'];

/** Whether a job ended before anything was sent, for want of somebody to send to or of what has to come first. */
export function isUnbegun(code: string | undefined): boolean {
  return [...ABSENCE, ...NO_WAY_UP].some((unbegun) => unbegun === code);
}

/** Whether this error says so: such a job is taken up again when its device announces itself. */
export function isAbsence(code: string | undefined): boolean {
  return ABSENCE.some((absence) => absence === code);
}
