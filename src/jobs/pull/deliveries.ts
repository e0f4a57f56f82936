import type { Clock } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { Job } from '../../model/job.ts';
import { type Publication, type Visitor, visitorName } from '../../model/publication.ts';
import type { Verify } from '../../model/rule.ts';
import type { Fetch } from '../../protocols/pull.ts';
import { newId } from '../ids.ts';
import type { JobChange, JobRecord } from '../journal/jobs.ts';
import type { Journal } from '../journal/journal.ts';
import type { RuleBook } from '../rule-book.ts';
import { isFinal, type JobEvent } from '../state.ts';

/** What the visits of devices are judged by and written to. */
export interface DeliveryParts {
  readonly journal: Journal;
  readonly rules: () => RuleBook;
  readonly clock: Clock;
  readonly log: Logger;
  /** What has left of an image on its way. */
  readonly onFetch?: (job: JobRecord, sentBytes: number, totalBytes: number) => void;
}

/** Tells people and hooks what has been written down. */
type Tell = () => void;

const NOTHING_TO_TELL: Tell = () => undefined;

interface TransferOutcome {
  readonly proof: 'sent' | null;
  readonly error: FlashError | null;
  /** No other transfer of the same job is open. */
  readonly isLast: boolean;
}

/** What the rule asks for where it is gone by the time the device comes. */
const LEAST: Pick<Verify, 'proof'> = { proof: 'accepted' };

/**
 * What is known of devices that fetch by themselves: a job for each that came, moved along by what its visits showed and by nothing
 * else. The journal is asked each time: visits are rare, and no state is kept beside it but the transfers that are open.
 */
export class Deliveries {
  readonly #parts: DeliveryParts;
  /** Job → its transfers that are open: behind one address there may be two devices. */
  readonly #open = new Map<string, number>();

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** What the last process left open: those transfers are cut, and nobody knows how far they had come. */
  recover(): void {
    const { journal, clock, log } = this.#parts;
    for (const { release } of journal.publications.newest(RECOVERED)) {
      for (const job of journal.jobs.ofRelease(release)) {
        if (job.state !== 'running') continue;
        const error = new FlashError('JOB_INTERRUPTED', 'the daemon ended while the device was fetching the image');
        const report = error.toJSON();
        this.#move(job, 'interrupt', { step: null, error: report }, () =>
          journal.attempts.abandon(job.id, { step: 'write', error: report, endedMs: clock.now() }),
        );
        log.warn('job.retry', { ...fieldsOf(job), code: error.code, reason: error.message });
        this.#endIfOver(job.id);
      }
    }
  }

  /** The jobs whose devices are fetching now, the longest at it first. */
  fetching(): readonly JobRecord[] {
    return [...this.#open.keys()].map((id) => this.#job(id));
  }

  looked(publication: Publication, visitor: Visitor): void {
    const { journal, clock } = this.#parts;
    journal.transaction(() => {
      journal.visitors.note(publication.protocol, publication.place, visitor, clock.now());
      const job = this.#jobOf(publication, visitor);
      if (job.state === 'queued') journal.jobs.waits(job, 'it has looked and not fetched the image yet');
    });
  }

  /** It has come to a place where nothing stands. */
  foundNothing(protocol: string, place: string, visitor: Visitor): void {
    this.#parts.journal.visitors.noteEmpty(protocol, place, visitor, this.#parts.clock.now());
  }

  fetch(publication: Publication, visitor: Visitor): Fetch {
    const { journal, clock, log } = this.#parts;
    const { id } = this.#jobOf(publication, visitor);
    const number = journal.transaction(() => this.#begin(this.#job(id)));
    const job = this.#job(id);
    this.#open.set(id, (this.#open.get(id) ?? 0) + 1);
    let sentBytes = 0;
    const end = (proof: 'sent' | null, error: FlashError | null): void => {
      const report = error?.toJSON() ?? null;
      const tell = journal.transaction(() => {
        const attempt = { number, endedMs: clock.now(), step: 'write', sentBytes, proof, error: report } as const;
        journal.attempts.close(id, attempt);
        return this.#ended(id, proof, error);
      });
      tell();
    };
    return {
      progress: (bytes) => {
        sentBytes = bytes;
        this.#parts.onFetch?.(job, bytes, publication.sizeBytes);
      },
      whole: () => {
        sentBytes = publication.sizeBytes;
        end('sent', null);
        log.info('publication.fetched', { ...whatOf(publication), job: id, device: visitorName(visitor) });
      },
      broken: (bytes, error) => {
        sentBytes = bytes;
        end(null, error);
      },
    };
  }

  confirmed(publication: Publication, visitor: Visitor, evidence: string): void {
    const { journal, log } = this.#parts;
    const [job] = journal.jobs.ofDevice(publication.release, [visitorName(visitor)]);
    if (job?.state !== 'confirming') return;
    this.#move(job, 'succeed', { proof: 'accepted', step: null, error: null }, undefined, evidence);
    log.info('job.succeeded', { ...fieldsOf(job), proof: 'accepted', evidence });
    log.info('publication.accepted', { ...whatOf(publication), job: job.id, device: job.device, evidence });
  }

  /** A release ends: what waits for its devices waits no longer. Part of the caller's transaction. */
  release(release: string, why: string): void {
    for (const job of this.#parts.journal.jobs.ofRelease(release)) {
      if (job.state !== 'queued' && job.state !== 'confirming') continue;
      this.#move(job, 'supersede', {}, undefined, why);
      this.#parts.log.info('job.superseded', { ...fieldsOf(job), reason: why });
    }
  }

  #begin(job: JobRecord): number {
    const { journal, clock, log, rules } = this.#parts;
    const number = journal.attempts.open(job.id, clock.now());
    // One that has had it whole before stays what it is known to be, however often it comes for it again.
    if (job.state === 'queued') {
      const verify = rules().rule(job.rule)?.verify ?? null;
      this.#move(job, 'start', { attempts: job.attempts + 1, step: 'write', verify, error: null });
      log.info('job.started', { ...fieldsOf(job), attempt: number });
    }
    return number;
  }

  /** A whole copy counts whatever else is open; a broken one counts when nothing else is. Returns what tells of it, once it is durable. */
  #ended(id: string, proof: 'sent' | null, error: FlashError | null): Tell {
    const open = (this.#open.get(id) ?? 1) - 1;
    if (open === 0) this.#open.delete(id);
    else this.#open.set(id, open);
    const tell = this.#outcome(this.#job(id), { proof, error, isLast: open === 0 });
    this.#endIfOver(id);
    return tell;
  }

  #outcome(job: JobRecord, { proof, error, isLast }: TransferOutcome): Tell {
    if (job.state !== 'running') return NOTHING_TO_TELL;
    if (proof !== null) return this.#whole(job);
    return isLast && error !== null ? this.#broken(job, error) : NOTHING_TO_TELL;
  }

  #whole(job: JobRecord): Tell {
    const { clock, log } = this.#parts;
    const wanted = job.verify ?? LEAST;
    const change: JobChange = { proof: 'sent', error: null, confirmFromMs: clock.now() };
    if (wanted.proof === 'sent') {
      this.#move(job, 'succeed', { ...change, step: null });
      return () => log.info('job.succeeded', { ...fieldsOf(job), proof: 'sent' });
    }
    this.#move(job, 'doubt', { ...change, step: 'confirm' }, undefined, 'fetched whole');
    const waitingFor = 'a visit that shows that it took the image';
    return () => log.info('job.waiting', { ...fieldsOf(job), proof: 'sent', waitingFor });
  }

  /** How often it may try is the device's own business. */
  #broken(job: JobRecord, error: FlashError): Tell {
    const report = error.toJSON();
    this.#move(job, 'retry', { step: null, error: report }, undefined, `${error.code}: ${error.message}`);
    return () => this.#parts.log.warn('job.retry', { ...fieldsOf(job), ...report });
  }

  /** The release may have ended while the device was fetching. */
  #endIfOver(id: string): void {
    const { journal } = this.#parts;
    const job = this.#job(id);
    const release = journal.releases.get(job.release);
    if (release?.state !== 'current' && !isFinal(job.state) && job.state !== 'running') {
      this.#move(job, 'supersede', {}, undefined, 'its release ended while the device was fetching');
    }
  }

  #jobOf({ release, rule, image }: Publication, visitor: Visitor): JobRecord {
    const { journal, clock, log } = this.#parts;
    const device = visitorName(visitor);
    const [known] = journal.jobs.ofDevice(release, [device]);
    if (known !== undefined) return known;
    const job = journal.jobs.insert({ id: newId('j'), release, rule, device, image, createdMs: clock.now() });
    log.info('job.planned', { ...fieldsOf(job), image, reason: 'the device came by itself' });
    return job;
  }

  #job(id: string): JobRecord {
    const job = this.#parts.journal.jobs.get(id);
    if (job === null) throw new Error(`no job ${id}`);
    return job;
  }

  #move(
    job: JobRecord,
    event: JobEvent,
    change: JobChange,
    alongside: () => void = () => undefined,
    detail: string | null = null,
  ): void {
    const { journal, clock } = this.#parts;
    journal.transaction(() => {
      journal.jobs.transition(job, event, change, clock.now(), detail);
      alongside();
    });
  }
}

/** More publications than a daemon can have had open at once. */
const RECOVERED = 10_000;

function whatOf({ release, rule, place, image, number }: Publication): Record<string, unknown> {
  return { release, rule, place, image, number };
}

function fieldsOf({ id, device, rule }: Pick<Job, 'id' | 'device' | 'rule'>): Record<string, unknown> {
  return { job: id, device, rule };
}
