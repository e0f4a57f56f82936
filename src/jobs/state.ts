import { JOB_STATES, type JobState } from '../model/job.ts';

/**
 * What can happen to a job. `doubt`: the attempt ended without an answer after the device may have taken the image.
 * `climb`: the device is proven to run a rung of the ladder, and the next image is due.
 * `revive`: a device that had not answered has come back by itself. `renew`: a person wants it done again. `interrupt`: the process ended before the image was whole.
 */
export type JobEvent =
  | 'start'
  | 'accept'
  | 'doubt'
  | 'soak'
  | 'succeed'
  | 'climb'
  | 'retry'
  | 'interrupt'
  | 'fail'
  | 'revive'
  | 'renew'
  | 'cancel'
  | 'supersede';

/** The life of a job. An event that is not in the table is a mistake of the program. */
export const NEXT = {
  queued: { start: 'running', fail: 'failed', cancel: 'cancelled', supersede: 'superseded' },
  running: {
    accept: 'confirming',
    doubt: 'confirming',
    succeed: 'succeeded',
    retry: 'queued',
    interrupt: 'queued',
    fail: 'failed',
    cancel: 'cancelled',
  },
  // A newer image takes the place of this one: only where devices fetch by themselves, and there none has to be waited for.
  confirming: { soak: 'soaking', succeed: 'succeeded', climb: 'queued', fail: 'failed', supersede: 'superseded' },
  soaking: { succeed: 'succeeded', climb: 'queued', fail: 'failed', supersede: 'superseded' },
  succeeded: {},
  failed: { revive: 'queued', renew: 'queued', supersede: 'superseded' },
  cancelled: { renew: 'queued' },
  superseded: {},
} as const satisfies Record<JobState, Partial<Record<JobEvent, JobState>>>;

/** The state after `event`. Throws where the table has no such step. */
export function nextState(from: JobState, event: JobEvent): JobState {
  const row: Partial<Record<JobEvent, JobState>> = NEXT[from];
  const to = row[event];
  if (to === undefined) throw new Error(`a job that is ${from} cannot ${event}`);
  return to;
}

/** Nothing happens to the job any more, unless its device comes back (`revive`) or a person asks (`renew`). */
export function isFinal(state: JobState): boolean {
  return !['queued', 'running', 'confirming', 'soaking'].includes(state);
}

/** Those in which something is still to happen. */
export const ACTIVE_STATES = JOB_STATES.filter((state) => !isFinal(state));
