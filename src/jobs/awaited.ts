import type { JobRecord } from './journal/jobs.ts';

/** What a job that is `confirming` waits for, and where it is known how long at most: for people. */
export function whatIsAwaited({ error, proof, verify }: Pick<JobRecord, 'error' | 'proof' | 'verify'>): string {
  const atMost = verify === null ? '' : `, for ${verify.withinMs / 1000} s at most`;
  if (error !== null)
    return `the device may have taken the image, and no answer came: it is watched for a restart${atMost}`;
  if (proof === 'accepted') return `the device accepted the image; its return is awaited${atMost}`;
  return 'it was sent; the device is awaited';
}
