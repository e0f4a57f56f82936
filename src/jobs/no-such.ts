import { FlashError } from '../errors.ts';
import type { Journal } from './journal/journal.ts';

const CODES = { job: 'JOB_NOT_FOUND', release: 'RELEASE_NOT_FOUND', rollout: 'ROLLOUT_NOT_FOUND' } as const;

/** What the id of an order ought to name. */
export type Named = keyof typeof CODES;

/**
 * The error for an id that names nothing of this kind: JOB_NOT_FOUND, RELEASE_NOT_FOUND or ROLLOUT_NOT_FOUND, with what it names instead, or
 * what it may be the beginning of. An order is never carried out for an id that was only begun.
 */
export function noSuch(kind: Named, id: string, journal: Journal): FlashError {
  return new FlashError(CODES[kind], `there is no ${kind} ${JSON.stringify(id)}${clue(kind, id, journal)}`);
}

function clue(kind: Named, id: string, journal: Journal): string {
  const job = kind === 'job' ? null : journal.jobs.get(id);
  if (job !== null) return `: that is a job, of release ${job.release}`;
  const release = journal.releases.get(id);
  if (release !== null && kind === 'job') return ': that is a release; "dropflash jobs" prints its jobs';
  if (release !== null)
    return `: that release goes out without waves; "dropflash undo ${id}" takes it back, "dropflash cancel JOB" takes out a job that waits`;
  return meant(kind === 'job' ? journal.jobs.beginningWith(id) : journal.releases.beginningWith(id));
}

/** Ends a sentence with the ids or names that somebody may have meant; empty where there is none. */
export function meant(names: readonly string[]): string {
  const [last, ...others] = names.slice(0, MOST_MEANT).toReversed();
  if (last === undefined) return '';
  if (names.length > MOST_MEANT) return `; several begin like that, such as ${names.slice(0, MOST_MEANT).join(', ')}`;
  return `; did you mean ${others.length === 0 ? last : `${others.toReversed().join(', ')} or ${last}`}?`;
}

const MOST_MEANT = 3;
