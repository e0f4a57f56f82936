import { CATALOGUE, type ErrorReport, FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { JobBook } from './job-book.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import { isForNow } from './ladder-waits.ts';
import { noSuch } from './no-such.ts';
import { type DeviceDirectory, deviceName, idsOf, purposeOf, type RuleBook } from './rule-book.ts';
import { targetOf } from './targets.ts';

/** What it takes to do a job again. */
export interface RenewalParts {
  readonly journal: Journal;
  readonly book: JobBook;
  readonly rules: () => RuleBook;
  readonly devices: DeviceDirectory;
}

/**
 * A person asks for a job that failed or was cancelled to be done again. `force` sends once more to a device that may have taken the
 * image already. Returns the job, queued. Throws JOB_NOT_FOUND, JOB_NOT_RETRYABLE, JOB_NEEDS_FORCE.
 */
export function renew(jobId: string, force: boolean, parts: RenewalParts): JobRecord {
  const { book, journal } = parts;
  const job = book.get(jobId);
  if (job === null) throw noSuch('job', jobId, journal);
  if (job.state !== 'failed' && job.state !== 'cancelled') {
    throw new FlashError(
      'JOB_NOT_RETRYABLE',
      `job ${job.id} is ${job.state}; only one that failed or was cancelled starts again`,
    );
  }
  if (journal.publications.get(job.release) !== null) {
    throw new FlashError('JOB_NOT_RETRYABLE', `the device of job ${job.id} fetches by itself; it decides when`);
  }
  if (mayHaveTaken(job.error) && !force) {
    const { code, message } = job.error;
    throw new FlashError(
      'JOB_NEEDS_FORCE',
      `the device of job ${job.id} may have taken the image (${code}: ${message}); sending it again is a guess`,
    );
  }
  return journal.transaction(() => {
    if (mayHaveTaken(job.error)) forgetAcceptance(job, parts);
    refuseWhatRulesRefuse(job, parts);
    const change = { attempts: 0, notBeforeMs: 0, step: null, proof: null, error: null, confirmFromMs: null } as const;
    return book.transition(job.id, 'renew', change, undefined, force ? 'by a person, with force' : 'by a person');
  });
}

/** What became of a release of which every failed job was to be done again. */
export interface RenewalReport {
  readonly planned: readonly JobRecord[];
  readonly refused: readonly { readonly job: JobRecord; readonly error: FlashError }[];
}

/** All failed jobs of a release that can be done again without force. What cannot is told, not thrown. Throws RELEASE_NOT_FOUND. */
export function renewFailed(releaseId: string, parts: RenewalParts): RenewalReport {
  const { journal } = parts;
  if (journal.releases.get(releaseId) === null) throw noSuch('release', releaseId, journal);
  const planned: JobRecord[] = [];
  const refused: { job: JobRecord; error: FlashError }[] = [];
  const failed = journal.releases
    .together(releaseId)
    .flatMap((release) => journal.jobs.list({ release, states: ['failed'], limit: MOST_JOBS }));
  for (const job of failed) {
    try {
      planned.push(renew(job.id, false, parts));
    } catch (error) {
      if (!(error instanceof FlashError)) throw error;
      refused.push({ job, error });
    }
  }
  return { planned, refused };
}

/** The jobs of a rule that failed for a reason that may be gone, where no rollout is stopped; what cannot start again stays as it is. */
export function renewPassing(rule: string, parts: RenewalParts): readonly JobRecord[] {
  const { journal } = parts;
  const isStopped = (release: string) => journal.rollouts.get(release)?.state === 'paused';
  return journal.releases
    .current()
    .filter((release) => release.rule === rule && !isStopped(release.id))
    .flatMap(({ id }) => journal.jobs.list({ release: id, states: ['failed'], limit: MOST_JOBS }).filter(isPassing))
    .flatMap((job) => tryRenewing(job, parts));
}

function tryRenewing({ id }: JobRecord, parts: RenewalParts): JobRecord[] {
  try {
    return [renew(id, false, parts)];
  } catch (error) {
    if (error instanceof FlashError) return [];
    throw error;
  }
}

/** The job failed for a reason that may be gone: nobody was there, the link broke. The device does not have the image. */
export function isPassing({ state, error }: JobRecord): boolean {
  return state === 'failed' && error !== null && CATALOGUE[error.code].disposition === 'retry' && !mayHaveTaken(error);
}

/** More than one daemon has devices. */
const MOST_JOBS = 100_000;

/** Accepted and not seen again, or an answer that was lost: the device may run the image. */
function mayHaveTaken(error: ErrorReport | null): error is ErrorReport {
  return error !== null && (error.code === 'JOB_NOT_RETURNED' || CATALOGUE[error.code].disposition === 'uncertain');
}

/** That the device said OK is no reason any more to leave it alone: whoever forces knows better. */
function forgetAcceptance(job: JobRecord, { journal, devices }: RenewalParts): void {
  const image = journal.images.get(job.image);
  if (image === null) return;
  const device = devices.get(job.device);
  journal.devices.forgetAccepted(
    device === null ? [job.device] : idsOf(device),
    targetOf(image.dossier.kind),
    job.image,
  );
}

function refuseWhatRulesRefuse(job: JobRecord, { journal, rules, devices }: RenewalParts): void {
  const release = journal.releases.get(job.release);
  const image = release === null ? null : journal.images.get(release.image);
  if (release?.state !== 'current' || image === null) {
    throw new FlashError(
      'JOB_NOT_RETRYABLE',
      `the release of job ${job.id} is ${release?.state ?? 'gone'}, no longer current`,
    );
  }
  const device = devices.get(job.device);
  if (device === null) return;
  const decision = rules().decide({ ...image, name: release.imageName }, device, purposeOf(release));
  // What keeps it from climbing its ladder may pass, and has the time of the rule once more.
  if (decision.kind === 'refuse' && isForNow(decision.refusal.code)) return;
  if (decision.kind === 'refuse') {
    const { code, reason } = decision.refusal;
    throw new FlashError('JOB_NOT_RETRYABLE', `the rules leave "${device.name}" alone now: ${code}: ${reason}`);
  }
  if (decision.rule !== job.rule) {
    throw new FlashError(
      'JOB_NOT_RETRYABLE',
      `rule "${decision.rule}" decides for "${device.name}" now, not "${job.rule}"`,
    );
  }
}

/** Says in the log that a job is wanted once more. */
export function tellRenewed(
  job: JobRecord,
  reason: string,
  { devices, log }: { readonly devices: DeviceDirectory; readonly log: Logger },
): void {
  log.info('job.planned', { job: job.id, device: deviceName(devices, job.device), rule: job.rule, reason });
}
