import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import { versionIn } from '../firmware/image-version.ts';
import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import { needsVersion, type ReturnCheck, type VersionCheck } from '../model/rule.ts';
import type { JobBook } from './job-book.ts';
import type { JobChange, JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import { unknownOutcome } from './outcome.ts';
import { type DeviceDirectory, deviceName, idsOf } from './rule-book.ts';
import { type SoakEyes, type SoakFinding, soak } from './soak.ts';
import { targetOf } from './targets.ts';
import { type AskVersion, askUntilVersion, newsIn, saysVersion } from './version-check.ts';

/** What showed that a device was gone and is there again. */
export interface ReturnEvidence {
  /** `a fresh mDNS announcement`, `silent for 2.1 s, then answered ping`: for people, follows "the device came back: ". */
  readonly how: string;
  readonly atMs: number;
}

/** A device that took an image and has to be seen to come back. */
export interface ReturnRequest {
  readonly device: Device;
  readonly check: ReturnCheck;
  /** Only what happens after this moment counts, epoch ms. */
  readonly sinceMs: number;
  readonly withinMs: number;
  /**
   * The device answered `OK` and this process was not there all the time since: it may have restarted unseen, and an answer of its own
   * is as much as can still be had.
   */
  readonly missedTheRestart: boolean;
  /** Asked now and then of a device that answers all the time: one that says what only the new image says has restarted unseen. */
  readonly saysNew?: (device: Device, signal: AbortSignal) => Promise<boolean>;
}

/** Waits for a device to come back; null when it did not in time. Rejects only when `signal` is aborted. */
export type AwaitReturn = (request: ReturnRequest, signal: AbortSignal) => Promise<ReturnEvidence | null>;

/** How a job that waited for its device ends. */
export interface Confirmation {
  readonly event: 'succeed' | 'fail';
  readonly change: JobChange;
  readonly error: FlashError | null;
}

/** Judges what was seen. A lost answer never becomes a success, whatever was seen afterwards. Pure. */
export function judgeReturn(
  job: Pick<JobRecord, 'proof' | 'error' | 'confirmFromMs'>,
  evidence: ReturnEvidence | null,
  withinMs: number,
): Confirmation {
  if (job.proof === 'accepted') {
    if (evidence !== null)
      return { event: 'succeed', change: { proof: 'returned', step: null, error: null }, error: null };
    const error = new FlashError(
      'JOB_NOT_RETURNED',
      `the device accepted the image and was not seen to come back within ${withinMs / 1000} s`,
      { step: 'confirm', details: { withinMs } },
    );
    return { event: 'fail', change: { error: error.toJSON() }, error };
  }
  const cause = job.error?.message ?? 'the image was sent and the answer never came';
  const afterMs = evidence === null ? 0 : evidence.atMs - (job.confirmFromMs ?? evidence.atMs);
  const seen =
    evidence === null
      ? null
      : `the device was seen ${(afterMs / 1000).toFixed(1)} s later (${evidence.how}), so it may well have taken the image`;
  const error = unknownOutcome(cause, seen);
  return { event: 'fail', change: { error: error.toJSON() }, error };
}

/** What was asked of a device, and what it had said before the update. */
type Asked = Pick<JobRecord, 'verify' | 'versionBefore'>;

/** What the device may say, as far as it is known. */
export interface KnownVersions {
  /** Of the image that it was sent. */
  readonly expected: string | null;
  /** Of the last other image that it was proven to run. */
  readonly previous: string | null;
}

/** Judges what a device that is back says of its version; null: nothing. Pure. */
export function judgeVersion(job: Asked, said: string | null, known: KnownVersions): Confirmation {
  const match = job.verify?.version?.match ?? '';
  const wanted = known.expected ?? '';
  if (said !== null && saysVersion(said, match, wanted)) {
    return { event: 'succeed', change: { proof: 'verified', step: null, error: null }, error: null };
  }
  const error = wrongVersion(job, said, known);
  return { event: 'fail', change: { proof: 'returned', error: error.toJSON() }, error };
}

/** Judges the end of a soak; null: nothing spoke against the device. Pure. */
function judgeSoak(job: JobRecord, finding: SoakFinding | null, known: KnownVersions): Confirmation {
  if (finding === null) return { event: 'succeed', change: { proof: 'soaked', step: null, error: null }, error: null };
  const { said } = finding;
  const isBack = said !== null && isOld(job, said, known);
  const error = isBack ? wrongVersion(job, said, known) : finding.error;
  return { event: 'fail', change: { error: error.toJSON() }, error };
}

function wrongVersion(job: Asked, said: string | null, known: KnownVersions): FlashError {
  const wanted = `it should say version ${known.expected}`;
  if (said === null) {
    return new FlashError('JOB_NOT_VERIFIED', `the device came back and did not tell its version; ${wanted}`, {
      step: 'confirm',
    });
  }
  const words = JSON.stringify(said.trim().slice(0, 100));
  const step = { step: 'confirm' };
  return isOld(job, said, known)
    ? new FlashError(
        'JOB_ROLLED_BACK',
        `the device came back with what it ran before: it says ${words}; ${wanted}`,
        step,
      )
    : new FlashError('JOB_NOT_VERIFIED', `the device came back and says ${words}; ${wanted}`, step);
}

/** It says what it said before the update, or the version of the image that it was proven to run before. */
function isOld({ versionBefore, verify }: Asked, said: string, { previous }: KnownVersions): boolean {
  const match = verify?.version?.match ?? '';
  return said === versionBefore || (previous !== null && saysVersion(said, match, previous));
}

/** What each wait for a return has in common. */
export interface ConfirmParts {
  readonly journal: Journal;
  readonly book: JobBook;
  readonly devices: DeviceDirectory;
  readonly awaitReturn: AwaitReturn;
  readonly soakEyes: SoakEyes;
  readonly askVersion: AskVersion;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Waits for the device of a job that is `confirming`, asks for its version where the rule says so, and moves the job on by what was
 * seen: to its end, or to `soaking`. Resolves with the job as it is then; when `signal` is aborted first, with the job unchanged: it
 * goes on waiting when the daemon runs again.
 * @param isOlder the job is of an earlier process: what has happened since the device took the image, this one has not seen
 */
export async function confirmReturn(
  job: JobRecord,
  parts: ConfirmParts,
  isOlder: boolean,
  signal: AbortSignal,
): Promise<JobRecord> {
  const { verify, confirmFromMs } = job;
  if (verify === null || confirmFromMs === null) throw new Error(`job ${job.id} awaits a return and says not of what`);
  // A moment to come is one of a clock that was set back.
  const sinceMs = Math.min(confirmFromMs, parts.clock.now());
  const device = parts.devices.get(job.device);
  // In doubt, the answer has been waited for already, and whether the device restarts is all that can still be learned.
  const isWhole = isOlder || job.error !== null;
  const withinMs = isWhole ? verify.withinMs : Math.max(0, sinceMs + verify.withinMs - parts.clock.now());
  const deadlineMs = parts.clock.monotonic() + withinMs;
  try {
    const missedTheRestart = isOlder && job.proof === 'accepted';
    const expected = versionIn(parts.journal.images.get(job.image));
    const news = newsIn(verify.version, { expected, before: job.versionBefore }, parts.askVersion);
    const request = { check: verify.check, sinceMs, withinMs, missedTheRestart, ...news };
    const evidence = device === null ? null : await parts.awaitReturn({ device, ...request }, signal);
    const returned = judgeReturn(job, evidence, verify.withinMs);
    if (returned.event === 'fail' || verify.version === null || (expected === null && !needsVersion(verify)))
      return conclude(job, returned, evidence?.how ?? null, parts);
    const said = await askAfterReturn(job, verify.version, deadlineMs, parts, signal);
    return conclude(job, judgeVersion(job, said, knownVersions(job, parts)), evidence?.how ?? null, parts);
  } catch (reason) {
    if (signal.aborted) return job;
    throw reason;
  }
}

/**
 * Watches the device of a job that is `soaking`, from now on, and ends the job. A soak that this process did not see from its beginning
 * begins anew. Aborted, it leaves the job as it is.
 */
export async function confirmSoak(job: JobRecord, parts: ConfirmParts, signal: AbortSignal): Promise<JobRecord> {
  const { verify } = job;
  if (verify === null) throw new Error(`job ${job.id} soaks and says not for how long`);
  const expected = versionIn(parts.journal.images.get(job.image));
  const version =
    verify.version === null || expected === null ? null : { check: verify.version, expected, ask: parts.askVersion };
  const find = () => parts.devices.get(job.device);
  try {
    const request = { find, check: verify.check, version, soakMs: verify.soakMs };
    const finding = await soak(request, parts.soakEyes, parts.clock, signal);
    // A newer release may have taken the job's place meanwhile.
    const now = parts.book.get(job.id) ?? job;
    if (now.state !== 'soaking') return now;
    return conclude(now, judgeSoak(now, finding, knownVersions(now, parts)), null, parts);
  } catch (reason) {
    if (signal.aborted) return job;
    throw reason;
  }
}

function askAfterReturn(
  job: JobRecord,
  check: VersionCheck,
  deadlineMs: number,
  { askVersion, clock, devices, journal }: ConfirmParts,
  signal: AbortSignal,
): Promise<string | null> {
  const version = versionIn(journal.images.get(job.image)) ?? '';
  const find = () => devices.get(job.device);
  const wait = { ask: askVersion, clock, deadlineMs, before: job.versionBefore };
  return askUntilVersion(find, check, version, wait, signal);
}

function knownVersions(job: JobRecord, { devices, journal }: ConfirmParts): KnownVersions {
  const image = journal.images.get(job.image);
  const device = devices.get(job.device);
  const ids = device === null ? [job.device] : idsOf(device);
  const previous = image === null ? null : journal.devices.provenBefore(ids, targetOf(image.dossier.kind), job.image);
  return { expected: versionIn(image), previous: previous && versionIn(journal.images.get(previous.image)) };
}

function conclude(job: JobRecord, confirmation: Confirmation, how: string | null, parts: ConfirmParts): JobRecord {
  const { event, change, error } = confirmation;
  const { book, clock, devices, journal, log } = parts;
  const isSoakDue = event === 'succeed' && job.state === 'confirming' && job.verify?.proof === 'soaked';
  const isRung = event === 'succeed' && !isSoakDue && journal.releases.get(job.release)?.image !== job.image;
  const note = (): void => noteHeld(job, confirmation, parts);
  const detail = how ?? error?.message ?? null;
  const after = isRung
    ? book.transition(job.id, 'climb', NEXT_RUNG, note, rungText(job, journal))
    : book.transition(job.id, isSoakDue ? 'soak' : event, change, note, detail);
  const fields = {
    job: job.id,
    device: deviceName(devices, job.device),
    rule: job.rule,
    attempt: job.attempts,
    step: 'confirm',
    elapsedMs: clock.now() - (job.confirmFromMs ?? job.updatedMs),
    proof: change.proof ?? after.proof,
  };
  if (error !== null) log.error('job.failed', { ...fields, ...error.toJSON() });
  else if (isSoakDue) log.info('job.waiting', { ...fields, waitingFor: 'the end of its soak' });
  else if (isRung) log.info('job.waiting', { ...fields, image: job.image, waitingFor: 'the next image of its ladder' });
  else log.info('job.succeeded', { ...fields, evidence: how ?? undefined });
  return after;
}

/** What the device is known to run from now on. */
function noteHeld(
  { device: deviceId, image: sha256 }: JobRecord,
  { event, change: { proof }, error }: Confirmation,
  { clock, devices, journal }: ConfirmParts,
): void {
  const image = journal.images.get(sha256);
  if (image === null) return;
  const target = targetOf(image.dossier.kind);
  const device = devices.get(deviceId);
  const ids = device === null ? [deviceId] : idsOf(device);
  if (error?.code === 'JOB_ROLLED_BACK') journal.devices.wentBack(ids, target, sha256);
  else if (event === 'succeed' && proof != null) journal.devices.holds(deviceId, target, sha256, proof, clock.now());
}

function rungText({ image }: JobRecord, journal: Journal): string {
  return `it stands on a rung of the ladder: ${journal.images.get(image)?.name ?? image}`;
}

/** The job begins anew with the image that follows. */
const NEXT_RUNG: JobChange = {
  attempts: 0,
  notBeforeMs: 0,
  step: null,
  proof: null,
  error: null,
  confirmFromMs: null,
  versionBefore: null,
};
