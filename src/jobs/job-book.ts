import type { Clock } from '../clock.ts';
import type { JobState, Step } from '../model/job.ts';
import type { JobChange, JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import { isFinal, type JobEvent } from './state.ts';

/** The jobs that are not final, in memory, each change written to the journal before it is seen here. */
export class JobBook {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #active = new Map<string, JobRecord>();
  /** All jobs, final ones too, of releases that were asked for by {@link ofRelease}. */
  readonly #releases = new Map<string, Map<string, JobRecord>>();

  constructor(journal: Journal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
    for (const job of journal.jobs.active()) this.#active.set(job.id, job);
  }

  /** Jobs in these states, oldest first. */
  in(...states: readonly JobState[]): readonly JobRecord[] {
    return [...this.#active.values()].filter((job) => states.includes(job.state));
  }

  /** The job as it is now, also when it is final. */
  get(id: string): JobRecord | null {
    return this.#active.get(id) ?? this.#journal.jobs.get(id);
  }

  /** All jobs of a release, final ones too. Kept in memory from the first call on, until {@link forgetRelease}. */
  ofRelease(release: string): Iterable<JobRecord> {
    let jobs = this.#releases.get(release);
    if (jobs === undefined) {
      jobs = new Map(this.#journal.jobs.ofRelease(release).map((job) => [job.id, job]));
      this.#releases.set(release, jobs);
    }
    return jobs.values();
  }

  forgetRelease(release: string): void {
    this.#releases.delete(release);
  }

  /** Takes in a job that the planner has entered in the journal. */
  adopt(job: JobRecord): void {
    this.#put(job);
  }

  /** Notes which stage of its rollout each job belongs to; null: none. */
  release(waves: ReadonlyMap<string, number | null>): void {
    const jobs = this.#journal.transaction(() =>
      [...waves].map(([id, wave]) => this.#journal.jobs.released(this.#known(id), wave)),
    );
    for (const job of jobs) this.#put(job);
  }

  /** Moves a job along its table, durably. `alongside` belongs to the same transaction. */
  transition(
    id: string,
    event: JobEvent,
    change: JobChange = {},
    alongside: (job: JobRecord) => void = () => undefined,
    detail: string | null = null,
  ): JobRecord {
    const job = this.#known(id);
    const after = this.#journal.transaction(() => {
      const moved = this.#journal.jobs.transition(job, event, change, this.#clock.now(), detail);
      alongside(moved);
      return moved;
    });
    this.#put(after);
    return after;
  }

  /** The attempt under way has entered a step. `commit` is durable when this returns; no decision hangs on the others. */
  entered(id: string, step: Step): void {
    const job = this.#known(id);
    if (job.step === step) return;
    const write = () => this.#journal.jobs.entered(job, step, this.#clock.now());
    this.#active.set(id, step === 'commit' ? write() : this.#journal.relaxed(write));
  }

  /** The next attempt of a queued job brings this image: its release's, or a rung before that. */
  aim(id: string, image: string): JobRecord {
    const job = this.#known(id);
    if (job.image === image) return job;
    const aimed = this.#journal.jobs.aimed(job, image);
    this.#put(aimed);
    return aimed;
  }

  /** Somebody has set the clock back: what was done in a time to come counts as done now. Returns how many jobs that concerned. */
  putRight(nowMs: number): number {
    const jobs = this.#journal.jobs.putRight(nowMs);
    for (const job of jobs) this.#put(job);
    return jobs.length;
  }

  /** A queued job cannot climb its ladder, from now on or since an earlier process first saw it. A time to come is one of a clock that was set back. */
  stuck(id: string): JobRecord {
    const job = this.#known(id);
    const now = this.#clock.now();
    if (job.stuckFromMs !== null && job.stuckFromMs <= now) return job;
    const stuck = this.#journal.relaxed(() => this.#journal.jobs.stuck(job, now));
    this.#put(stuck);
    return stuck;
  }

  /** What kept queued jobs from climbing may be gone. */
  unstick(): void {
    const stuck = this.in('queued').filter(({ stuckFromMs }) => stuckFromMs !== null);
    const jobs = this.#journal.transaction(() => stuck.map((job) => this.#journal.jobs.stuck(job, null)));
    for (const job of jobs) this.#put(job);
  }

  /** Ends the pause of a queued job. */
  due(id: string): void {
    this.#put(this.#journal.jobs.due(this.#known(id)));
  }

  /** Notes why queued jobs are not running; writes only what changed, all at once. Returns the jobs that changed. */
  note(waiting: ReadonlyMap<string, string>): readonly JobRecord[] {
    const changed = [...waiting].filter(([id, reason]) => this.#active.get(id)?.waitingFor !== reason);
    if (changed.length === 0) return [];
    return this.#journal.transaction(() =>
      changed.map(([id, reason]) => {
        const job = this.#journal.jobs.waits(this.#known(id), reason);
        this.#put(job);
        return job;
      }),
    );
  }

  #put(job: JobRecord): void {
    if (isFinal(job.state)) this.#active.delete(job.id);
    else this.#active.set(job.id, job);
    this.#releases.get(job.release)?.set(job.id, job);
  }

  #known(id: string): JobRecord {
    const job = this.get(id);
    if (job === null) throw new Error(`no job ${id}`);
    return job;
  }
}
