import type { Timer } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Device } from '../model/device.ts';
import type { Drop } from '../model/drop.ts';
import type { Rule } from '../model/rule.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { admit, type Candidate, type Holder, type Limits } from './admission.ts';
import { type AttemptParts, runAttempt } from './attempt.ts';
import { type ConfirmParts, confirmReturn, confirmSoak } from './confirm.ts';
import type { DropResults } from './drop-results.ts';
import type { JobRecord } from './journal/jobs.ts';
import { LadderWaits } from './ladder-waits.ts';
import { notBack } from './not-back.ts';
import { Orders } from './orders.ts';
import type { Look, Planner } from './planner.ts';
import type { Deliveries } from './pull/deliveries.ts';
import type { Offers, Publisher } from './pull/publisher.ts';
import { recover } from './recovery.ts';
import { renewPassing, tellRenewed } from './renewal.ts';
import { isAbsence } from './retry.ts';
import { reviveClimbers, reviveReturned } from './revival.ts';
import type { RolloutBook } from './rollout-book.ts';
import { deviceName, idsOf, type RuleBook } from './rule-book.ts';
import { isFinal } from './state.ts';
import type { Undo } from './undo.ts';
import type { VersionInquiry } from './version-inquiry.ts';
import type { Windows } from './windows.ts';

/** All that the engine turns; it owns none of it but its timer. */
export interface EngineParts extends AttemptParts, ConfirmParts {
  readonly planner: Planner;
  readonly results: DropResults;
  readonly rollouts: RolloutBook;
  readonly undo: Undo;
  readonly inquiry: VersionInquiry;
  readonly publisher: Publisher;
  readonly deliveries: Deliveries;
  readonly rules: () => RuleBook;
  readonly protocols: ReadonlyMap<string, Protocol>;
  readonly limits: () => Limits;
  readonly windows: Windows;
  /** Whether a board is being worked on at the port of this device already; such a job waits. */
  readonly isPortTaken: (deviceId: string) => boolean;
  /** A job has ended: its port may be used by others. */
  readonly onPortFree: () => void;
  /** The device did not answer: discovery should look whether it is still there. One that is not is waited for. */
  readonly reconfirm: (device: Device) => void;
  /** The journal cannot be written, or the engine itself is broken: nothing more may be done in this process. */
  readonly onFatal: (error: unknown) => void;
}

/** Sees to it that each job gets its turn: starts attempts, awaits returns, ends files. */
export class JobEngine {
  readonly orders: Orders;
  readonly #parts: EngineParts;
  readonly #stopping = new AbortController();
  /** Attempts and waits for a return that are under way. */
  readonly #underWay = new Set<Promise<void>>();
  readonly #ladder: LadderWaits;
  #timer: Timer | null = null;
  #isTurnDue = false;
  #isAtWork = false;
  #lastTurnAt = 0;
  /** By the clock on the wall. At the first turn nobody knows what that showed to an earlier process. */
  #lastTurnMs = Number.POSITIVE_INFINITY;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#ladder = new LadderWaits(parts.clock);
    this.orders = new Orders({ ...parts, wake: () => this.wake(), ended: (job) => this.#ended(job) });
  }

  /**
   * Takes up the jobs that an earlier process left, and plans for the devices that are there. Files it left come through
   * {@link takeDrop}, as new ones do. Nothing is started before: a job of this process would be taken for one that a crash cut off,
   * and sent a second time.
   */
  start(): void {
    const { book, clock, devices, planner, publisher, undo } = this.#parts;
    this.#lastTurnAt = clock.monotonic();
    recover(this.#parts);
    this.#isAtWork = true;
    for (const job of book.in('confirming')) this.#awaitReturn(job, true);
    for (const job of book.in('soaking')) this.#awaitSoak(job);
    for (const device of devices.list()) planner.planDevice(device);
    undo.plan(undo.wanted(), ON_FAILURE);
    publisher.start();
    this.wake();
  }

  /** No new attempts; those under way end at their next safe point. Resolves when all have. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopping.abort(new FlashError('JOB_INTERRUPTED', 'the daemon is stopping'));
    this.#timer?.cancel();
    await Promise.allSettled([...this.#underWay, this.#parts.publisher.stop()]);
  }

  /** A file is in `working/`. Does nothing twice: a restart hands over all files that are not finished. */
  async takeDrop(drop: Drop): Promise<void> {
    const { journal, planner, publisher, results } = this.#parts;
    const isPart = journal.drops.fileOf(drop.id)?.id !== drop.id;
    if (isPart || journal.drops.resultOf(drop.id) !== null || journal.releases.ofDrop(drop.id).length > 0)
      return results.look(drop);
    this.#ladder.forgetAll();
    this.#parts.book.unstick();
    const offers = new Map<string, Offers>();
    for (const image of drop.release?.images ?? [drop]) offers.set(image.sha256, await publisher.offers(image));
    await results.afterPlanning(drop, planner.planDrop(drop, offers));
    reviveClimbers(this.#parts);
    publisher.wake();
    this.wake();
    // A newer release may have ended the last jobs of files that came before.
    for (const other of journal.drops.unfinished()) if (other.folder === 'working') await results.look(other);
  }

  /** What a file brought has come to the place where devices fetch it, or is offered there no longer. */
  async publicationSettled(release: string): Promise<void> {
    const { journal, results } = this.#parts;
    const dropId = journal.releases.get(release)?.dropId;
    const drop = dropId === undefined ? null : journal.drops.fileOf(dropId);
    if (drop?.folder === 'working') await results.look(drop);
  }

  /** A device has appeared, come back, restarted or changed its address. */
  deviceSeen(device: Device): void {
    this.#guarded(() => {
      this.#unstick(device);
      this.#parts.planner.planDevice(device);
      reviveReturned(device, this.#parts);
    });
    this.wake();
  }

  /** Something has changed that may let a job start: the rules, the limits, a device that is gone. */
  wake(): void {
    if (!this.#isAtWork || this.#isTurnDue || this.#stopping.signal.aborted) return;
    this.#isTurnDue = true;
    setImmediate(() => {
      this.#isTurnDue = false;
      this.#guarded(() => this.#turn());
    });
  }

  /** How many jobs are under way: for the status line and the watchdog. */
  get counts(): { readonly queued: number; readonly running: number; readonly confirming: number } {
    const { book } = this.#parts;
    return {
      queued: book.in('queued').length,
      running: book.in('running').length,
      confirming: book.in('confirming', 'soaking').length,
    };
  }

  /** Milliseconds since the engine last looked at its queue; it looks at least every {@link LONGEST_REST_MS}. */
  get idleMs(): number {
    return this.#parts.clock.monotonic() - this.#lastTurnAt;
  }

  #turn(): void {
    if (this.#stopping.signal.aborted) return;
    const { book, clock, devices, limits, log, rollouts } = this.#parts;
    this.#lastTurnAt = clock.monotonic();
    const now = clock.now();
    this.#followClock(now);
    this.#expire(now);
    this.#endClimbs();
    const windowAtMs = this.#beginWindows(now);
    const rolloutAtMs = rollouts.turn(now);
    const candidates = book.in('queued').map((job) => this.#candidate(job, now));
    const holding = [...book.in('running', 'confirming', 'soaking'), ...notBack(limits(), this.#parts)];
    const holders: Holder[] = holding.map((job) => ({ job, device: devices.get(job.device) }));
    const admission = admit(candidates, holders, limits(), now);
    for (const job of book.note(admission.waiting)) {
      log.info('job.waiting', {
        job: job.id,
        device: deviceName(devices, job.device),
        rule: job.rule,
        waitingFor: job.waitingFor,
      });
    }
    this.#startAll(admission.start);
    const wakes = [windowAtMs, rolloutAtMs, admission.wakeAtMs, this.#ladder.wakeAtMs];
    this.#rest(wakes.reduce(earlier, null), now);
  }

  /** A wait whose end is in the journal would last as much longer as the clock was set back. */
  #followClock(now: number): void {
    const { book, log } = this.#parts;
    const jobs = now < this.#lastTurnMs ? book.putRight(now) : 0;
    if (jobs > 0) log.warn('clock.set-back', { jobs, reason: 'their pauses and soaks begin anew' });
    this.#lastTurnMs = now;
  }

  /**
   * The starts of maintenance windows since the last turn, each noted together with what it leads to. Jobs that failed for a reason that
   * may be gone get another go, and with `refresh: always` all devices the image once more. Returns when the next window opens.
   */
  #beginWindows(now: number): number | null {
    const { journal, planner, results, windows } = this.#parts;
    const { due, wakeAtMs } = windows.look(now);
    if (due.length === 0) return wakeAtMs;
    journal.transaction(() => {
      for (const turn of due) {
        if (!windows.begin(turn)) continue;
        for (const job of renewPassing(turn.rule.name, this.#parts))
          tellRenewed(job, 'its window has opened', this.#parts);
        if (turn.rule.when.refresh === 'always') planner.planRefreshes(turn.rule);
      }
    });
    // Jobs of the file that brought an image may have been superseded by it.
    for (const drop of journal.drops.unfinished()) if (drop.folder === 'working') this.#track(results.look(drop));
    return wakeAtMs;
  }

  #candidate(job: JobRecord, now: number): Candidate {
    const { devices, rollouts, rules, windows } = this.#parts;
    const device = devices.get(job.device);
    const rule = rules().rule(job.rule);
    return {
      job,
      device,
      opensAtMs: rule === null ? null : windows.opensAt(rule, now),
      heldBy: rule === null ? withoutRule(job.rule) : (rollouts.whyHeld(job) ?? this.#whyNotYet(job, device)),
    };
  }

  #whyNotYet({ id }: JobRecord, device: Device | null): string | null {
    if (device !== null && this.#parts.isPortTaken(device.id)) return 'the production line is at work on its port';
    const isAsked = device !== null && this.#parts.inquiry.isAsking(device.id);
    return isAsked ? 'the device is asked for its version' : this.#ladder.whyNotYet(id);
  }

  #unstick(device: Device): void {
    const ids = idsOf(device);
    for (const job of this.#parts.book.in('queued')) if (ids.includes(job.device)) this.#ladder.lookAgain(job.id);
  }

  #rest(wakeAtMs: number | null, now: number): void {
    this.#timer?.cancel();
    const restMs = Math.min(LONGEST_REST_MS, (wakeAtMs ?? Number.POSITIVE_INFINITY) - now);
    this.#timer = this.#parts.clock.setTimer(Math.max(1, restMs), () => this.wake());
  }

  /**
   * One durable write for all of them: a fleet's worth of single ones would hold up the first datagram for seconds. No attempt acts
   * before this has returned, and none at all where the write failed.
   */
  #startAll(jobs: readonly JobRecord[]): void {
    if (jobs.length === 0) return;
    try {
      this.#parts.journal.transaction(() => {
        for (const job of jobs) this.#startJob(job);
      });
    } catch (error) {
      this.#stopping.abort(new FlashError('JOB_INTERRUPTED', 'the journal cannot be written', { cause: error }));
      throw error;
    }
  }

  #startJob(job: JobRecord): void {
    const { devices, inquiry, protocols, rules } = this.#parts;
    const device = devices.get(job.device);
    const rule = rules().rule(job.rule);
    if (device !== null && rule !== null && inquiry.isDue(device, rule, this.#ladder.has(job.id))) {
      this.#ask(device, rule);
      return;
    }
    const aimed = device === null ? null : this.#lookAgain(job, device);
    if (device === null || aimed === null) return;
    const protocol = rule === null ? undefined : protocols.get(rule.update.protocol);
    if (rule === null || protocol === undefined) throw new Error(`rule ${job.rule} has no protocol`);
    this.#track(
      runAttempt({ job: aimed, device, rule, protocol }, this.#parts, this.#stopping.signal).then((after) => {
        if (after.state === 'confirming') this.#awaitReturn(after, false);
        if (isAbsence(after.error?.code)) this.#parts.reconfirm(device);
        this.#ended(after);
      }),
    );
  }

  /** What was true when the job was planned may not be any more: looks again right before the first byte. Null: it does not start. */
  #lookAgain(job: JobRecord, device: Device): JobRecord | null {
    const look = this.#parts.planner.look(job, device);
    if (look.kind !== 'wait') this.#ladder.forget(job.id);
    if (look.kind === 'start') return look.job;
    if (look.kind === 'wait') this.#noteObstacle(job, look);
    const now = this.#parts.book.get(job.id);
    if (now !== null) this.#ended(now);
    return null;
  }

  #noteObstacle(job: JobRecord, { code, reason }: Extract<Look, { kind: 'wait' }>): void {
    const { book, rules } = this.#parts;
    const withinMs = rules().rule(job.rule)?.versions.withinMs ?? 0;
    const isRung = code === 'RULE_RUNG_MISSING';
    this.#ladder.note(book.stuck(job.id), {
      code: isRung ? 'JOB_RUNG_MISSING' : 'JOB_VERSION_UNTOLD',
      reason,
      withinMs,
    });
    this.wake();
  }

  /** Jobs that cannot climb their ladder, and had their time. A device that is away harms nobody by waiting. */
  #endClimbs(): void {
    const { book, devices, inquiry } = this.#parts;
    for (const { jobId, error } of this.#ladder.over()) {
      const job = book.get(jobId);
      if (job?.state !== 'queued') this.#ladder.forget(jobId);
      else {
        const device = devices.get(job.device);
        if (device === null || device.presence === 'away' || inquiry.isAsking(device.id)) continue;
        this.#ladder.forget(jobId);
        this.#fail(job, error);
      }
    }
  }

  #ask(device: Device, rule: Rule): void {
    const asked = this.#parts.inquiry.ask(device, rule, this.#stopping.signal).catch((reason: unknown) => {
      if (!this.#stopping.signal.aborted) throw reason;
    });
    this.#track(asked.then(() => this.wake()));
  }

  #awaitReturn(job: JobRecord, isOlder: boolean): void {
    this.#track(
      confirmReturn(job, this.#parts, isOlder, this.#stopping.signal).then((after) => {
        if (after.state === 'soaking') this.#awaitSoak(after);
        this.#ended(after);
      }),
    );
  }

  #awaitSoak(job: JobRecord): void {
    this.#track(confirmSoak(job, this.#parts, this.#stopping.signal).then((after) => this.#ended(after)));
  }

  #expire(now: number): void {
    const { journal } = this.#parts;
    for (const release of journal.releases.expired(now)) {
      journal.releases.end(release.id, 'expired');
      if (journal.publications.get(release.id) !== null) {
        this.#parts.deliveries.release(release.id, 'its release has expired');
        this.#parts.publisher.wake();
        continue;
      }
      for (const job of journal.jobs.ofRelease(release.id)) {
        if (job.state !== 'queued') continue;
        const error = new FlashError('JOB_EXPIRED', `release ${release.id} of rule "${release.rule}" has expired`);
        this.#fail(job, error);
      }
    }
  }

  /** Ends a job that was never begun. */
  #fail(job: JobRecord, error: FlashError): void {
    const { book, devices, log } = this.#parts;
    this.#ended(book.transition(job.id, 'fail', { error: error.toJSON() }, undefined, error.message));
    const device = deviceName(devices, job.device);
    log.warn('job.failed', { job: job.id, device, rule: job.rule, ...error.toJSON() });
  }

  /** After a job's end its file may be done with, and another job may have its turn. */
  #ended(job: JobRecord): void {
    this.wake();
    this.#parts.onPortFree();
    if (!isFinal(job.state)) return;
    const { journal, results, undo } = this.#parts;
    if (undo.isWanted(job)) undo.plan([job], ON_FAILURE);
    const dropId = journal.releases.get(job.release)?.dropId;
    const drop = dropId === undefined ? null : journal.drops.fileOf(dropId);
    if (drop?.folder === 'working') this.#track(results.look(drop));
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#parts.onFatal(error))
      .finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#parts.onFatal(error);
    }
  }
}

/** A rule that is missing may have been taken out for a moment, or by mistake: what it began is not thrown away for that. */
function withoutRule(rule: string): string {
  return `rule "${rule}" is not in the config; the job goes on when it is back`;
}

function earlier(left: number | null, right: number | null): number | null {
  if (left === null || right === null) return left ?? right;
  return Math.min(left, right);
}

/** Who asks for an undo that no person asked for. */
const ON_FAILURE = 'undo: on-failure';

/** The engine looks at its queue at least this often, so that a jump of the clock delays nothing for long. */
export const LONGEST_REST_MS = 60_000;
