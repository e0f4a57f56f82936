import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import { versionIn } from '../firmware/image-version.ts';
import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import type { FirmwareImage } from '../model/image.ts';
import type { Step } from '../model/job.ts';
import { needsVersion, type Rule } from '../model/rule.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { Links } from '../transports/links.ts';
import type { JobBook } from './job-book.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import { type AttemptContext, afterError, afterReport, asFlashError, type Outcome } from './outcome.ts';
import { targetOf } from './targets.ts';
import type { AskVersion } from './version-check.ts';

/** How often a running job says in the log how far it is, milliseconds. */
const PROGRESS_LOG_MS = 5_000;

/** What each attempt of the daemon has in common. */
export interface AttemptParts {
  readonly journal: Journal;
  readonly book: JobBook;
  readonly links: Links;
  /** The image's bytes, from the store, checked against their hash. */
  readonly loadImage: (sha256: string) => Promise<FirmwareImage>;
  readonly askVersion: AskVersion;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Calls the listener when the device comes onto the network; returns how to end this. */
  readonly onAppearance: (device: Device, listener: () => void) => () => void;
  /** Called for every step forward of a running transfer. */
  readonly onProgress: (job: JobRecord, sentBytes: number, totalBytes: number) => void;
}

/** What one attempt is about. The job is `queued` until the attempt begins. */
export interface AttemptTarget {
  readonly job: JobRecord;
  readonly device: Device;
  readonly rule: Rule;
  readonly protocol: Protocol;
}

/**
 * One try of a job, from its first transition to the one that ends it. Each transition is durable before the act that it allows and
 * after the act that it records. Resolves with the job as the attempt left it; rejects only when the journal cannot be written.
 */
export async function runAttempt(target: AttemptTarget, parts: AttemptParts, signal: AbortSignal): Promise<JobRecord> {
  const { job, rule } = target;
  const startedAt = parts.clock.monotonic();
  let number = 0;
  const started = parts.book.transition(
    job.id,
    'start',
    { attempts: job.attempts + 1, step: 'prepare', proof: null, error: null, verify: rule.verify },
    () => {
      number = parts.journal.attempts.open(job.id, parts.clock.now());
    },
  );
  const log = parts.log.child({ job: job.id, device: target.device.name, rule: rule.name, attempt: number });
  const { address, serial } = target.device;
  log.info('job.started', { image: job.image, protocol: target.protocol.name, address, port: serial?.path });

  const progress = new Progress(started, parts, log);
  const outcome = await perform(target, started.attempts, progress, parts, signal);
  const after = conclude(target, number, progress.sentBytes, outcome, parts);
  report(after, outcome, Math.round(parts.clock.monotonic() - startedAt), log);
  return after;
}

async function perform(
  { job, device, rule, protocol }: AttemptTarget,
  attempt: number,
  progress: Progress,
  parts: AttemptParts,
  signal: AbortSignal,
): Promise<Outcome> {
  const context = (sizeBytes: number): AttemptContext => ({
    verify: rule.verify,
    attempts: attempt,
    retries: rule.update.retries,
    leastPauseMs: protocol.minimumPauseMs,
    sizeBytes,
    nowMs: parts.clock.now(),
    committedMs: progress.committedMs,
    random: parts.random(),
    tryEveryMs: device.tryEveryMs ?? null,
  });
  let sizeBytes = 0;
  // Not waited for: a device that is awake for seconds only must not lose them to a question.
  const before = protocol.signs === undefined ? versionBefore(rule, device, parts, signal) : null;
  try {
    const image = await parts.loadImage(job.image);
    sizeBytes = image.sizeBytes;
    if (
      rule.verify.version !== null &&
      needsVersion(rule.verify) &&
      versionIn(parts.journal.images.get(job.image)) === null
    )
      throw noVersion(rule);
    const report = await protocol.flash(
      {
        image,
        device,
        options: rule.update.options,
        attempt,
        links: parts.links,
        clock: parts.clock,
        observer: progress,
        log: parts.log.child({ job: job.id, device: device.name, protocol: protocol.name }),
        onAppearance: (listener) => parts.onAppearance(device, listener),
      },
      signal,
    );
    const outcome = afterReport(report, context(sizeBytes));
    return { ...outcome, change: { ...outcome.change, versionBefore: report.versionBefore ?? (await before) } };
  } catch (thrown) {
    return afterError(thrown, context(sizeBytes));
  }
}

async function versionBefore(
  { verify: { version } }: Rule,
  device: Device,
  { askVersion }: AttemptParts,
  signal: AbortSignal,
): Promise<string | null> {
  return version === null ? null : await askVersion(device, version, signal);
}

function noVersion({ name }: Rule): FlashError {
  return new FlashError(
    'JOB_NO_VERSION',
    `rule "${name}" wants the version proven, and neither the image nor its file name says one`,
    {
      step: 'prepare',
    },
  );
}

function conclude(
  { job, device }: AttemptTarget,
  number: number,
  sentBytes: number,
  outcome: Outcome,
  { journal, book, clock }: AttemptParts,
): JobRecord {
  const detail = outcome.error === null ? null : `${outcome.error.code}: ${outcome.error.message}`;
  const step = book.get(job.id)?.step ?? null;
  return book.transition(
    job.id,
    outcome.event,
    outcome.change,
    (after) => {
      const error = outcome.error?.toJSON() ?? null;
      journal.attempts.close(job.id, { number, endedMs: clock.now(), step, sentBytes, proof: after.proof, error });
      const image = journal.images.get(job.image);
      if (after.proof === 'accepted' && image !== null) {
        journal.devices.holds(device.id, targetOf(image.dossier.kind), job.image, 'accepted', clock.now());
      }
    },
    detail,
  );
}

function report(after: JobRecord, outcome: Outcome, elapsedMs: number, log: Logger): void {
  const error = outcome.error;
  const fields = {
    step: error?.step,
    elapsedMs,
    proof: after.proof,
    code: error?.code,
    message: error?.message,
    hint: error?.hint,
  };
  switch (outcome.event) {
    case 'succeed':
      log.info('job.succeeded', fields);
      break;
    case 'accept':
    case 'doubt':
      log.info('job.waiting', { ...fields, waitingFor: 'the device to come back' });
      break;
    case 'interrupt':
      log.info('job.waiting', { ...fields, waitingFor: 'the daemon to run again' });
      break;
    case 'retry':
      log.warn('job.retry', { ...fields, notBefore: new Date(after.notBeforeMs).toISOString() });
      break;
    case 'fail':
      log.error('job.failed', { ...fields, ...stackOf(error) });
      break;
  }
}

/** Only a mistake of the program is worth a stack. */
function stackOf(error: unknown): { stack?: string | undefined } {
  const known = asFlashError(error);
  return known.code === 'JOB_PROGRAM_ERROR' && known.cause instanceof Error ? { stack: known.cause.stack } : {};
}

/** Passes what the protocol tells on to the journal (steps) and to whoever watches (bytes). */
class Progress {
  readonly #job: JobRecord;
  readonly #parts: AttemptParts;
  readonly #log: Logger;
  #loggedAt: number;
  sentBytes = 0;
  committedMs: number | null = null;

  constructor(job: JobRecord, parts: AttemptParts, log: Logger) {
    this.#job = job;
    this.#parts = parts;
    this.#log = log;
    this.#loggedAt = parts.clock.monotonic();
  }

  onStep = (step: Step): void => {
    this.#parts.book.entered(this.#job.id, step);
    if (step === 'commit') this.committedMs ??= this.#parts.clock.now();
  };

  onProgress = (sentBytes: number, totalBytes: number): void => {
    this.sentBytes = sentBytes;
    this.#parts.onProgress(this.#job, sentBytes, totalBytes);
    const now = this.#parts.clock.monotonic();
    if (now - this.#loggedAt < PROGRESS_LOG_MS) return;
    this.#loggedAt = now;
    this.#log.info('job.progress', { bytes: sentBytes, totalBytes });
  };
}
