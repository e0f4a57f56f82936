import type { Clock } from '../clock.ts';
import type { ErrorCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import { newId } from './ids.ts';
import type { JobBook } from './job-book.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import type { ReleaseRecord } from './journal/releases.ts';
import { BACK, type DeviceDirectory, idsOf, type RuleBook } from './rule-book.ts';
import { isFinal } from './state.ts';
import { targetOf } from './targets.ts';

/** Failures after which it is known that the device took the image, and that something is wrong with it since. */
const KNOWN_BAD: readonly ErrorCode[] = ['JOB_NOT_RETURNED', 'JOB_NOT_VERIFIED', 'JOB_NOT_SOAKED'];

/** What it takes to bring devices their former image. */
export interface UndoParts {
  readonly journal: Journal;
  readonly book: JobBook;
  readonly rules: () => RuleBook;
  readonly devices: DeviceDirectory;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What an undo came to: the jobs that it planned, and why other devices are left as they are. */
export interface UndoReport {
  readonly planned: readonly JobRecord[];
  readonly refused: readonly { readonly device: string; readonly reason: string }[];
  /** Where devices fetch it by themselves no longer. What they have already they keep. */
  readonly withdrawnFrom?: string;
  /** Jobs that had not begun; the release is withdrawn, and they are cancelled. Absent where nothing was withdrawn from the queue. */
  readonly takenOut?: number;
}

/**
 * Brings devices back to the image that they were last proven to run before. It is a re-flash, not a rollback: an ordinary job under the
 * same guards, limits and windows, of a release of its own that is for these devices alone.
 */
export class Undo {
  readonly #parts: UndoParts;

  constructor(parts: UndoParts) {
    this.#parts = parts;
  }

  /** Plans the way back for each of these jobs' devices. What cannot be undone is told, not thrown. */
  plan(jobs: readonly JobRecord[], by: string): UndoReport {
    const { journal } = this.#parts;
    const planned: JobRecord[] = [];
    const refused: { device: string; reason: string }[] = [];
    for (const job of jobs) {
      const device = this.#parts.devices.get(job.device);
      const outcome = device === null ? 'the device is not known any more' : this.#wayBack(job, device);
      if (typeof outcome === 'string') {
        refused.push({ device: device?.name ?? job.device, reason: outcome });
        const reason = `it is not taken back: ${outcome}`;
        this.#parts.log.info('job.skipped', {
          job: job.id,
          device: device?.name ?? job.device,
          rule: job.rule,
          reason,
        });
      } else planned.push(journal.transaction(() => this.#planJob(job, outcome, by)));
    }
    for (const job of planned) this.#announce(job, by);
    this.#tell(planned, by);
    return { planned, refused };
  }

  /** The last job that gave this device what it holds; null: none did. */
  lastJobOf(device: Device): JobRecord | null {
    const { journal } = this.#parts;
    const states = ['succeeded', 'failed'] as const;
    const jobs = journal.jobs.list({ devices: idsOf(device), states, limit: 100 });
    const newest = jobs.toSorted((left, right) => right.updatedMs - left.updatedMs);
    return newest.find(({ state, confirmFromMs }) => state === 'succeeded' || confirmFromMs !== null) ?? null;
  }

  /** Jobs that ask for the way back and may not have got it: the last process may have died in between. */
  wanted(): readonly JobRecord[] {
    const { journal, rules } = this.#parts;
    return journal.releases
      .current()
      .filter(({ rule }) => rules().rule(rule)?.undo === 'on-failure')
      .flatMap(({ id }) => journal.jobs.ofRelease(id))
      .filter((job) => this.isWanted(job) && !this.#isUndone(job));
  }

  #isUndone({ release, device: id }: JobRecord): boolean {
    const device = this.#parts.devices.get(id);
    const undos = this.#parts.journal.releases.undosFor(device === null ? [id] : idsOf(device));
    return undos.some(({ undoOf }) => undoOf === release);
  }

  /** Whether a job of a rule with `undo: on-failure` asks for the way back: the device took the image, and is not well since. */
  isWanted(job: JobRecord): boolean {
    if (job.state !== 'failed' || !isKnownBad(job)) return false;
    if (this.#parts.rules().rule(job.rule)?.undo !== 'on-failure') return false;
    const release = this.#parts.journal.releases.get(job.release);
    return release !== null && release.undoOf === null && release.refreshOf === null && release.state === 'current';
  }

  /** The image to go back to, by which rule; or why there is no way back. */
  #wayBack(job: JobRecord, device: Device): Way | string {
    const { journal, rules } = this.#parts;
    const image = journal.images.get(job.image);
    if (image === null) return 'its image is not known any more';
    const ids = idsOf(device);
    const target = targetOf(image.dossier.kind);
    const problem = whyNotFrom(job) ?? whyNotHeld(journal.devices.held(ids, target)?.image ?? null, job.image);
    if (problem !== null) return problem;
    const before = journal.devices.provenBefore(ids, target, job.image);
    if (before === null) return 'no earlier image is known that it was proven to run';
    if (!journal.images.isStored(before.image)) return 'its earlier image left the store long ago; drop it again';
    const source = this.#releaseThatBrought(before.image, ids) ?? this.#dropOf(before.image);
    const earlier = journal.images.get(before.image);
    if (source === null || earlier === null) return 'where its earlier image came from is not known any more';
    const decision = rules().decide({ ...earlier, name: source.imageName }, device, BACK);
    if (decision.kind === 'refuse') return decision.refusal.reason;
    const release = this.#undoOf(job.release, before.image);
    if (release !== null && journal.jobs.ofDevice(release.id, ids).length > 0) return 'it was undone already';
    return { source, rule: decision.rule, release, device: device.id };
  }

  #releaseThatBrought(image: string, ids: readonly string[]): ReleaseRecord | null {
    const { journal } = this.#parts;
    const jobs = journal.jobs.list({ devices: ids, states: ['succeeded', 'superseded'], limit: 1_000 });
    const job = jobs.find((candidate) => candidate.image === image);
    return job === undefined ? null : journal.releases.get(job.release);
  }

  /** An image that it climbed over as a rung, without a release of its own. */
  #dropOf(image: string): Source | null {
    const drop = this.#parts.journal.drops.newestOf(image);
    return drop === null ? null : { image, dropId: drop.id, imageName: drop.name };
  }

  #undoOf(release: string, image: string): ReleaseRecord | null {
    return this.#parts.journal.releases.currentIn(slotOfUndo(release, image));
  }

  #planJob(job: JobRecord, { source, rule, release, device }: Way, by: string): JobRecord {
    const { journal, clock } = this.#parts;
    const createdMs = clock.now();
    const { image, dropId } = source;
    const id = release?.id ?? newId('r');
    if (release === null) {
      const slot = slotOfUndo(job.release, image);
      journal.releases.insert({ id, rule, slot, image, dropId, createdMs, expiresMs: null, undoOf: job.release });
      journal.audit.add('release.undo', createdMs, { release: id, of: job.release, rule, image, by });
    }
    return journal.jobs.insert({ id: newId('j'), release: id, rule, device, image, createdMs });
  }

  #announce(job: JobRecord, by: string): void {
    const { book, devices, log } = this.#parts;
    book.adopt(job);
    const device = devices.get(job.device)?.name ?? job.device;
    const reason = `re-flash of the image it ran before, asked for by ${by}`;
    log.warn('job.planned', { job: job.id, device, rule: job.rule, image: job.image, reason });
  }

  /** One line for each release that is taken back: for whoever is to be told of it, not of each device. */
  #tell(planned: readonly JobRecord[], by: string): void {
    const { journal, log } = this.#parts;
    for (const [id, jobs] of Map.groupBy(planned, ({ release }) => release)) {
      const undo = journal.releases.get(id);
      log.warn('release.undone', { release: undo?.undoOf, rule: undo?.rule, by, undo: id, jobs: jobs.length });
    }
  }
}

/** Where an image comes from, and under which name. */
type Source = Pick<ReleaseRecord, 'image' | 'dropId' | 'imageName'>;

interface Way {
  readonly source: Source;
  readonly rule: string;
  /** The release of this undo, where an earlier device has made it. */
  readonly release: ReleaseRecord | null;
  readonly device: string;
}

function whyNotFrom({ state, error }: JobRecord): string | null {
  if (state === 'succeeded') return null;
  if (!isFinal(state)) return `its job is ${state}; ask again when that has ended`;
  if (state !== 'failed') return `its job was ${state}`;
  if (error?.code === 'JOB_OUTCOME_UNKNOWN') return 'it is not known what it runs: the answer to the image was lost';
  return isKnownBad({ error }) ? null : `it did not take the image (${error?.code ?? 'failed'})`;
}

function isKnownBad({ error }: Pick<JobRecord, 'error'>): boolean {
  return KNOWN_BAD.some((code) => code === error?.code);
}

function whyNotHeld(held: string | null, image: string): string | null {
  return held === image ? null : 'it holds another image by now';
}

function slotOfUndo(release: string, image: string): string {
  return `undo/${release}/${image}`;
}
