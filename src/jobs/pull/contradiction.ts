import type { AttemptRecord, JobRecord } from '../journal/jobs.ts';

const PERHAPS_TWO = 'perhaps these are two devices behind one address';

/**
 * Why what a visitor did does not fit one device, for people; null: it does. A device is known by its user and its address alone, so that two
 * behind one NAT are one visitor, and what the one showed is taken for the other.
 */
export function whyNotOneDevice(
  { proof, updatedMs }: Pick<JobRecord, 'proof' | 'updatedMs'>,
  attempts: readonly AttemptRecord[],
): string | null {
  const whole = attempts.filter((attempt) => attempt.proof !== null);
  const isOverlapped = whole.some((attempt) => whole.some((other) => other !== attempt && overlaps(attempt, other)));
  if (isOverlapped) return `it fetched the image twice at the same time: ${PERHAPS_TWO}`;
  const again = proof === 'accepted' && attempts.some(({ startedMs }) => startedMs > updatedMs);
  return again ? `it fetched the image again after it had shown that it has it: ${PERHAPS_TWO}` : null;
}

function overlaps(one: AttemptRecord, other: AttemptRecord): boolean {
  return one.startedMs < (other.endedMs ?? 0) && other.startedMs < (one.endedMs ?? 0);
}
