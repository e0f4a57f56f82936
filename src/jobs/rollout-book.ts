import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Release } from '../model/job.ts';
import type { JobBook } from './job-book.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import type { RolloutChange, RolloutEvent, RolloutRecord } from './journal/rollouts.ts';
import { byDevice, type DeviceMember, eachAlone } from './members.ts';
import { noSuch } from './no-such.ts';
import { countsText, nextStep, type RolloutAct } from './rollout.ts';
import { stageName } from './rollout-stages.ts';
import type { DeviceDirectory } from './rule-book.ts';

/** The name under which dropflash notes what it decides itself. */
const ITSELF = 'dropflash';

/** What rollouts are judged by and written to. */
export interface RolloutBookParts {
  readonly journal: Journal;
  readonly book: JobBook;
  readonly devices: DeviceDirectory;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Leads the rollouts of the current releases from stage to stage, and takes a person's orders. Each step is in the journal before it
 * shows here; what is not a decision is worked out from the jobs, so that a restart changes nothing.
 */
export class RolloutBook {
  readonly #parts: RolloutBookParts;
  /** Release → why its jobs may not start, whichever stage they belong to; null where only their stage decides. */
  #holds = new Map<string, string | null>();
  #stages = new Map<string, string>();
  readonly #groups = new Map<string, readonly string[]>();

  constructor(parts: RolloutBookParts) {
    this.#parts = parts;
  }

  /** Takes all steps that are due. Returns when to look again if nothing else happens, epoch ms, or null. */
  turn(nowMs: number): number | null {
    const holds = new Map<string, string | null>();
    const stages = new Map<string, string>();
    let wakeAtMs: number | null = null;
    for (const before of this.#parts.journal.rollouts.current()) {
      const { rollout, untilMs } = this.#lead(before, nowMs);
      if (untilMs !== null) wakeAtMs = Math.min(wakeAtMs ?? untilMs, untilMs);
      for (const release of this.#together(rollout.release)) {
        holds.set(release, rollout.state === 'paused' ? `its rollout is paused: ${causeText(rollout)}` : null);
        stages.set(release, stageName(rollout.settings, rollout.stage));
      }
    }
    for (const release of this.#holds.keys()) {
      if (holds.has(release)) continue;
      this.#parts.book.forgetRelease(release);
      this.#groups.delete(release);
    }
    this.#holds = holds;
    this.#stages = stages;
    return wakeAtMs;
  }

  /** Why a queued job has to wait for its rollout, as of the last {@link turn}; null: it need not. */
  whyHeld(job: JobRecord): string | null {
    const hold = this.#holds.get(job.release);
    if (hold === undefined) return null;
    if (hold !== null) return hold;
    return job.wave === null ? `its turn comes after ${this.#stages.get(job.release)}` : null;
  }

  /** Nothing more is started until {@link resume}; what runs goes on to its end. Throws ROLLOUT_NOT_FOUND, ROLLOUT_NOT_POSSIBLE. */
  pause(release: string, by: string): RolloutRecord {
    const rollout = this.#current(release);
    if (rollout.state === 'paused') throw notPossible(release, 'it is paused already');
    return this.#decide(rollout, { state: 'paused', cause: 'person', reason: `paused by ${by}` }, 'pause', by);
  }

  /**
   * Ends a pause, whatever its cause. The failures so far are taken as seen: `stop-at` counts from here on. Throws ROLLOUT_NOT_FOUND,
   * ROLLOUT_NOT_POSSIBLE.
   */
  resume(release: string, by: string): RolloutRecord {
    const rollout = this.#current(release);
    if (rollout.state === 'finished') throw notPossible(release, 'it is finished: there is nothing to go on with');
    if (rollout.state !== 'paused') throw notPossible(release, 'it is not paused');
    return this.#decide(rollout, this.#goOn(rollout), 'resume', by);
  }

  /**
   * Goes on where a person is waited for: after `pause-after`, after a stop, and past a wave whose devices are all away. Throws
   * ROLLOUT_NOT_FOUND, ROLLOUT_NOT_POSSIBLE.
   */
  approve(release: string, by: string): RolloutRecord {
    const rollout = this.#current(release);
    if (rollout.state === 'paused') return this.#decide(rollout, this.#goOn(rollout), 'approve', by);
    const next = nextStep(rollout, this.membersOf(rollout.release), this.#parts.clock.now());
    if (next.do !== 'wait' || next.phase !== 'held')
      throw notPossible(
        release,
        `nothing waits for a person: ${next.do === 'wait' ? next.why : 'it goes on by itself'}`,
      );
    return this.#decide(rollout, { approved: rollout.stage }, 'approve', by);
  }

  /**
   * Ends the rollout and its release: queued jobs are cancelled, what runs goes on to its end, devices that appear later get nothing.
   * Throws ROLLOUT_NOT_FOUND, ROLLOUT_NOT_POSSIBLE. Returns the jobs it has cancelled too.
   */
  abort(release: string, by: string): { readonly rollout: RolloutRecord; readonly cancelled: readonly JobRecord[] } {
    const { journal, book } = this.#parts;
    const rollout = this.#current(release);
    const reason = `aborted by ${by}`;
    const releases = this.#together(rollout.release);
    const queued = releases.flatMap((id) => [...book.ofRelease(id)].filter(({ state }) => state === 'queued'));
    // The release first: should the process die in between, its jobs are taken out when their turn comes.
    const after = this.#decide(rollout, { state: 'aborted', cause: null, reason }, 'abort', by, () => {
      for (const id of releases) if (isCurrent(id, journal)) journal.releases.end(id, 'withdrawn');
    });
    const cancelled = queued.map(({ id }) => book.transition(id, 'cancel', {}, undefined, `its rollout was ${reason}`));
    return { rollout: after, cancelled };
  }

  /** How the devices of a rollout stand. */
  membersOf(release: string): readonly DeviceMember[] {
    const { book, devices } = this.#parts;
    const releases = this.#together(release);
    const jobs = releases.flatMap((id) => [...book.ofRelease(id)]);
    return releases.length === 1 ? eachAlone(jobs, devices) : byDevice(jobs, devices);
  }

  /** The releases of a rollout: one, unless a release file brought several. They never change. */
  #together(release: string): readonly string[] {
    const known = this.#groups.get(release) ?? this.#parts.journal.releases.together(release);
    this.#groups.set(release, known);
    return known;
  }

  #lead(before: RolloutRecord, nowMs: number): { readonly rollout: RolloutRecord; readonly untilMs: number | null } {
    let rollout = before;
    for (;;) {
      const members = this.membersOf(rollout.release);
      const next = nextStep(rollout, members, nowMs);
      if (next.do === 'wait') return { rollout, untilMs: next.untilMs };
      rollout = this.#take(rollout, next, members);
    }
  }

  #take(rollout: RolloutRecord, act: RolloutAct, members: readonly DeviceMember[]): RolloutRecord {
    const { settings, stage } = rollout;
    switch (act.do) {
      case 'assign':
        this.#parts.book.release(wavesOfJobs(act.waves, members));
        return rollout;
      case 'pause':
        return this.#decide(rollout, { state: 'paused', cause: act.cause, reason: act.reason }, 'pause', ITSELF);
      case 'advance':
        return this.#decide(rollout, { stage: stage + 1, reason: stageName(settings, stage + 1) }, 'advance', ITSELF);
      case 'finish': {
        const reason = countsText(members);
        return this.#decide(rollout, { state: 'finished', reason }, 'finish', ITSELF);
      }
    }
  }

  /** A wave that was through when it was paused need not be asked for again. */
  #goOn({ release, cause, stage, approved }: RolloutRecord): RolloutChange {
    const failed = this.membersOf(release).filter(({ standing }) => standing === 'failed').length;
    const isThrough = cause === 'pause-after' || cause === 'no-proof';
    return {
      state: 'running',
      cause: null,
      reason: null,
      forgiven: failed,
      approved: isThrough ? stage : approved,
    };
  }

  #decide(
    rollout: RolloutRecord,
    change: RolloutChange,
    what: RolloutEvent,
    by: string,
    alongside: () => void = () => undefined,
  ): RolloutRecord {
    const { journal, clock, log } = this.#parts;
    const detail = change.reason ?? null;
    const after = journal.transaction(() => {
      alongside();
      return journal.rollouts.decide(rollout, change, { what, by, detail, atMs: clock.now() });
    });
    const { release, cause, settings, stage } = after;
    const rule = journal.releases.get(release)?.rule;
    const fields = { release, rule, by, stage: stageName(settings, stage) };
    if (what === 'pause') log.warn('rollout.paused', { ...fields, cause, reason: detail });
    else log.info(EVENTS[what], { ...fields, ...(detail === null ? {} : { reason: detail }) });
    return after;
  }

  #current(release: string): RolloutRecord {
    const { journal } = this.#parts;
    const rollout = journal.rollouts.get(release);
    if (rollout === null) throw noSuch('rollout', release, journal);
    const isAny = this.#together(rollout.release).some((id) => isCurrent(id, journal));
    if (!isAny) throw notPossible(release, endText(journal.releases.get(release)?.state));
    return rollout;
  }
}

const EVENTS = {
  start: 'rollout.started',
  advance: 'rollout.advanced',
  resume: 'rollout.resumed',
  approve: 'rollout.approved',
  abort: 'rollout.aborted',
  finish: 'rollout.finished',
} as const satisfies Record<Exclude<RolloutEvent, 'pause'>, string>;

function isCurrent(release: string, journal: Journal): boolean {
  return journal.releases.get(release)?.state === 'current';
}

/** A device is released with all its jobs. */
function wavesOfJobs(
  waves: ReadonlyMap<string, number | null>,
  members: readonly DeviceMember[],
): ReadonlyMap<string, number | null> {
  const jobs = new Map(members.map((member) => [member.job, member.jobs]));
  return new Map(
    [...waves].flatMap(([first, wave]) => (jobs.get(first) ?? [first]).map((job) => [job, wave] as const)),
  );
}

/** Short and constant while it lasts: it stands with every waiting job. */
function causeText({ cause, reason }: RolloutRecord): string {
  switch (cause) {
    case 'failures':
      return 'too many devices failed';
    case 'no-proof':
      return 'a wave brought no proof';
    case 'pause-after':
      return 'a person is waited for';
    case 'person':
    case null:
      return reason ?? 'by a person';
  }
}

/** A release that has ended does not come back. */
function endText(state: Release['state'] | undefined): string {
  if (state === 'superseded') return 'its release is superseded: a newer image has taken its place';
  return `its release is ${state ?? 'gone'}; drop the image again for the devices that lack it`;
}

function notPossible(release: string, why: string): FlashError {
  return new FlashError('ROLLOUT_NOT_POSSIBLE', `rollout ${release}: ${why}`);
}
