import type { AttemptRecord } from '../journal/attempts.ts';
import type { JobRecord } from '../journal/jobs.ts';

const PERHAPS_TWO = 'perhaps these are two devices behind one address';

/**
 * What is odd about the visits of a device that fetches an image once, for people; null: nothing. A device is known by its user and its address
 * alone, so that two behind one NAT are one visitor, and what the one showed is taken for the other.
 */
export function oddVisits(
  { proof, updatedMs }: Pick<JobRecord, 'proof' | 'updatedMs'>,
  attempts: readonly AttemptRecord[],
): string | null {
  const whole = attempts.filter((attempt) => attempt.proof !== null);
  const isOverlapped = whole.some((attempt) => whole.some((other) => other !== attempt && overlaps(attempt, other)));
  if (isOverlapped) return `it fetched the image twice at the same time: ${PERHAPS_TWO}`;
  if (proof === 'accepted') {
    const isAgain = attempts.some(({ startedMs }) => startedMs > updatedMs);
    return isAgain ? `it fetched the image again after it had shown that it has it: ${PERHAPS_TWO}` : null;
  }
  return whole.length > 1
    ? `it fetched the whole image ${whole.length} times and does not seem to take it: look at what it prints; or ${PERHAPS_TWO}`
    : null;
}

function overlaps(one: AttemptRecord, other: AttemptRecord): boolean {
  return one.startedMs < (other.endedMs ?? 0) && other.startedMs < (one.endedMs ?? 0);
}
