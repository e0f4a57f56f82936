import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import type { Drop } from '../model/drop.ts';
import type { Dossier, StoredImage } from '../model/image.ts';
import type { Decision } from '../model/plan.ts';
import type { Rule } from '../model/rule.ts';
import { newId } from './ids.ts';
import type { JobBook } from './job-book.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import type { ReleaseRecord } from './journal/releases.ts';
import { stageName } from './rollout-stages.ts';
import { type DeviceDirectory, deviceName, idsOf, type RuleBook } from './rule-book.ts';
import { ruleRevision } from './rule-revision.ts';
import { targetOf } from './targets.ts';

/** What became of a dropped file. */
export type DropVerdict =
  | { readonly kind: 'unmatched'; readonly reasons: readonly string[] }
  /** Every rule that accepts it has this very image as its current release. */
  | { readonly kind: 'duplicate'; readonly release: ReleaseRecord }
  | { readonly kind: 'planned'; readonly releases: readonly ReleaseRecord[]; readonly jobs: readonly JobRecord[] };

export interface PlannerParts {
  readonly journal: Journal;
  readonly book: JobBook;
  readonly rules: () => RuleBook;
  readonly devices: DeviceDirectory;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Turns dropped files and appearing devices into releases and jobs. */
export class Planner {
  readonly #parts: PlannerParts;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  /** All of it is in the journal, or nothing: a file that was planned half is planned again from the beginning. */
  planDrop(drop: Drop): DropVerdict {
    const { journal, rules } = this.#parts;
    const image: StoredImage = {
      sha256: drop.sha256,
      name: drop.name,
      sizeBytes: drop.sizeBytes,
      dossier: drop.dossier,
    };
    const accepting = rules().accepting(image);
    if (accepting.rules.length === 0) return { kind: 'unmatched', reasons: accepting.reasons };
    const held = accepting.rules.map((rule) => journal.releases.currentIn(slotOf(rule, image.dossier)));
    const duplicate = held.find((release) => release !== null);
    if (duplicate && held.every((release) => release?.image === image.sha256))
      return { kind: 'duplicate', release: duplicate };
    const planned = journal.transaction(() => {
      const releases = accepting.rules.flatMap((rule) => this.#release(rule, image, drop.id));
      const jobs = this.#parts.devices.list().flatMap((device) => this.#jobFor(image, device, releases, 'info'));
      return { releases, jobs };
    });
    for (const release of planned.releases) {
      this.#parts.log.info('release.new', {
        release: release.id,
        rule: release.rule,
        image: image.sha256,
        file: drop.name,
      });
      const rollout = journal.rollouts.get(release.id);
      if (rollout !== null) {
        const stage = stageName(rollout.settings, rollout.stage);
        this.#parts.log.info('rollout.started', { release: release.id, rule: release.rule, stage });
      }
    }
    this.#announce(planned.jobs);
    return { kind: 'planned', ...planned };
  }

  /** Jobs for a device that has appeared, from the releases that are current. */
  planDevice(device: Device): readonly JobRecord[] {
    const { journal } = this.#parts;
    const jobs = journal.transaction(() =>
      journal.releases.current().flatMap((release) => {
        const image = this.#imageOf(release);
        return image === null ? [] : this.#jobFor(image, device, [release], 'debug');
      }),
    );
    this.#announce(jobs);
    return jobs;
  }

  /** A queued job whose release or rule no longer stands for it is taken out; says whether it may still start. */
  stillStands(job: JobRecord, device: Device): boolean {
    const { journal, book, rules, log } = this.#parts;
    const release = journal.releases.get(job.release);
    const image = release === null ? null : this.#imageOf(release);
    if (release?.state !== 'current' || image === null) {
      book.transition(job.id, 'supersede', {}, undefined, 'its release is not the current one');
      log.info('job.superseded', { job: job.id, device: device.name, rule: job.rule });
      return false;
    }
    const decision = rules().decide(image, device);
    const twin = journal.jobs
      .ofDevice(job.release, idsOf(device))
      .find(({ id, attempts }) => id !== job.id && attempts > 0);
    if (twin === undefined && decision.kind === 'flash' && decision.rule === job.rule) return true;
    const reason = whyNot(decision, twin);
    book.transition(job.id, 'cancel', {}, undefined, reason);
    log.info('job.skipped', { job: job.id, device: device.name, rule: job.rule, reason });
    return false;
  }

  /** Under the name that it was released by: the same bytes may have been dropped under another since, which other rules are for. */
  #imageOf({ image: sha256, imageName: name }: ReleaseRecord): StoredImage | null {
    const image = this.#parts.journal.images.get(sha256);
    return image === null ? null : { ...image, name };
  }

  #release(rule: Rule, image: StoredImage, dropId: string): ReleaseRecord[] {
    const { journal, clock } = this.#parts;
    const slot = slotOf(rule, image.dossier);
    const previous = journal.releases.currentIn(slot);
    if (previous?.image === image.sha256) return [];
    for (const older of journal.releases.undosIn(slot)) this.#supersede(older);
    if (previous !== null) this.#supersede(previous);
    const createdMs = clock.now();
    const expiresMs = rule.expiresMs === null ? null : createdMs + rule.expiresMs;
    const base = { id: newId('r'), rule: rule.name, slot, image: image.sha256, dropId };
    const release = { ...base, createdMs, expiresMs, undoOf: null };
    journal.releases.insert(release);
    const { id, slot: of, image: sha256 } = release;
    const revision = ruleRevision(rule);
    journal.audit.add('release.new', createdMs, {
      release: id,
      rule: rule.name,
      revision,
      slot: of,
      image: sha256,
      drop: dropId,
    });
    if (rule.rollout !== null) journal.rollouts.insert(release.id, rule.rollout, createdMs);
    return [{ ...release, imageName: image.name, state: 'current' }];
  }

  /** Jobs that run or await a return go on to their end; the device's next job waits for them. */
  #supersede(previous: ReleaseRecord): void {
    const { journal, book, devices, log } = this.#parts;
    journal.releases.end(previous.id, 'superseded');
    for (const job of journal.jobs.ofRelease(previous.id)) {
      if (job.state !== 'queued' && job.state !== 'soaking') continue;
      book.transition(job.id, 'supersede', {}, undefined, 'a newer image was dropped');
      log.info('job.superseded', { job: job.id, device: deviceName(devices, job.device), rule: job.rule });
    }
  }

  #jobFor(image: StoredImage, device: Device, releases: readonly ReleaseRecord[], news: 'info' | 'debug'): JobRecord[] {
    const { journal, rules, clock, log } = this.#parts;
    const decision = rules().decide(image, device);
    if (decision.kind === 'refuse') {
      logRefusal(log, news, image, decision);
      return [];
    }
    const release = releases.find(({ rule }) => rule === decision.rule);
    // Boards on ports are not queued: the production line takes them as they come.
    if (rules().rule(decision.rule)?.when.kind === 'attach') return [];
    if (release === undefined || journal.jobs.ofDevice(release.id, idsOf(device)).length > 0) return [];
    for (const guard of decision.overridden) {
      log.warn('job.planned', {
        device: device.name,
        rule: release.rule,
        overridden: guard.code,
        reason: guard.reason,
      });
    }
    return [
      journal.jobs.insert({
        id: newId('j'),
        release: release.id,
        rule: release.rule,
        device: device.id,
        image: image.sha256,
        createdMs: clock.now(),
      }),
    ];
  }

  #announce(jobs: readonly JobRecord[]): void {
    for (const job of jobs) {
      this.#parts.book.adopt(job);
      const device = deviceName(this.#parts.devices, job.device);
      this.#parts.log.info('job.planned', { job: job.id, device, rule: job.rule, image: job.image });
    }
  }
}

function whyNot(decision: Decision, twin: JobRecord | undefined): string {
  if (twin !== undefined) return `the device turned out to be the one of job ${twin.id}`;
  return decision.kind === 'refuse' ? decision.refusal.reason : `rule "${decision.rule}" decides now`;
}

/** Why a device of the rule is left alone is news when a file is dropped; that a rule is not for a device never is. */
function logRefusal(
  log: Logger,
  news: 'info' | 'debug',
  image: StoredImage,
  { device, rule, refusal }: Extract<Decision, { kind: 'refuse' }>,
): void {
  const level = refusal.code === 'RULE_NO_MATCH' ? 'debug' : news;
  const { code, reason } = refusal;
  log[level]('job.skipped', { device: device.name, rule, image: image.sha256, code, reason });
}

/** What a release is the newest of. Images for different chips, or of different kinds, never supersede one another. */
export function slotOf(rule: Rule, dossier: Dossier): string {
  return `${rule.name}/${targetOf(dossier.kind)}/${dossier.chip ?? 'any'}`;
}
