import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import type { Drop } from '../model/drop.ts';
import type { Dossier, StoredImage } from '../model/image.ts';
import type { Decision, RefusalCode } from '../model/plan.ts';
import type { Rule } from '../model/rule.ts';
import { type Standing, standingBeside } from './drop-versions.ts';
import { newId } from './ids.ts';
import type { JobBook } from './job-book.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import type { ReleaseRecord } from './journal/releases.ts';
import type { Offers, PlacedOffer } from './pull/publisher.ts';
import { mayRefresh, refreshes } from './refresh.ts';
import { stageName } from './rollout-stages.ts';
import { type DeviceDirectory, deviceName, idsOf, purposeOf, type RuleBook } from './rule-book.ts';
import { ruleRevision } from './rule-revision.ts';
import { targetOf } from './targets.ts';

/** What became of a dropped file. */
export type DropVerdict =
  | { readonly kind: 'unmatched'; readonly reasons: readonly string[] }
  /** The only rules that accept it publish, and it cannot be published. */
  | { readonly kind: 'unpublishable'; readonly rule: string; readonly error: FlashError }
  /** Every rule that accepts it has this very image as its current release. */
  | { readonly kind: 'duplicate'; readonly release: ReleaseRecord }
  /** It is older than what these rules have, and a rung of their ladders on the way there. */
  | {
      readonly kind: 'rung';
      readonly version: string;
      readonly rules: readonly string[];
      readonly jobs: readonly JobRecord[];
    }
  | { readonly kind: 'planned'; readonly releases: readonly ReleaseRecord[]; readonly jobs: readonly JobRecord[] };

export interface PlannerParts {
  readonly journal: Journal;
  readonly book: JobBook;
  readonly rules: () => RuleBook;
  readonly devices: DeviceDirectory;
  /** A release has ended: devices that fetch it by themselves are waited for no longer. Part of the transaction. */
  readonly onReleaseEnd: (release: string, why: string) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a second look at a queued job came to. */
export type Look =
  /** The job, aimed at what it brings next. */
  | { readonly kind: 'start'; readonly job: JobRecord }
  | { readonly kind: 'wait'; readonly reason: string }
  | { readonly kind: 'out' };

/** Refusals that a further drop or a word of the device can lift. */
export function isForNow(code: RefusalCode): boolean {
  return code === 'RULE_RUNG_MISSING' || code === 'RULE_VERSION_UNKNOWN';
}

/** Turns dropped files and appearing devices into releases and jobs. */
export class Planner {
  readonly #parts: PlannerParts;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  /** All of it is in the journal, or nothing: a file that was planned half is planned again from the beginning. */
  planDrop(drop: Drop, offers: Offers): DropVerdict {
    const { journal, rules } = this.#parts;
    const image: StoredImage = {
      sha256: drop.sha256,
      name: drop.name,
      sizeBytes: drop.sizeBytes,
      dossier: drop.dossier,
    };
    const accepting = rules().accepting(image);
    const refusals = accepting.rules.flatMap(({ name: rule }) => {
      const error = this.#whyUnpublishable(offers.get(rule));
      return error === null ? [] : [{ kind: 'unpublishable', rule, error } as const];
    });
    const usable = accepting.rules.filter(({ name }) => refusals.every(({ rule }) => rule !== name));
    const [refusal] = refusals;
    if (usable.length === 0 && refusal !== undefined) return refusal;
    const standings = usable.map((rule) => ({ rule, standing: this.#standing(rule, image) }));
    const takers = standings.filter(({ standing }) => standing.kind === 'release').map(({ rule }) => rule);
    const rungs = standings.flatMap(({ rule, standing }) => (standing.kind === 'rung' ? [{ rule, standing }] : []));
    const [rung] = rungs;
    if (takers.length === 0 && rung !== undefined) {
      const { version } = rung.standing;
      return { kind: 'rung', version, rules: rungs.map(({ rule }) => rule.name), jobs: this.#planAll() };
    }
    if (takers.length === 0) {
      const older = standings.flatMap(({ standing }) => (standing.kind === 'older' ? [standing.reason] : []));
      return { kind: 'unmatched', reasons: [...older, ...accepting.reasons] };
    }
    const held = takers.map((rule) => journal.releases.currentIn(slotFor(rule, image, offers)));
    const duplicate = held.find((release) => release !== null);
    if (duplicate && held.every((release) => release?.image === image.sha256))
      return { kind: 'duplicate', release: duplicate };
    const planned = journal.transaction(() => {
      const releases = takers.flatMap((rule) => this.#release(rule, image, drop.id, offers));
      const jobs = this.#parts.devices.list().flatMap((device) => this.#jobFor(image, device, releases, 'info'));
      return { releases, jobs };
    });
    for (const release of planned.releases) this.#tell(release);
    this.#announce(planned.jobs);
    if (rung !== undefined) this.#planAll();
    return { kind: 'planned', ...planned };
  }

  #standing(rule: Rule, image: StoredImage): Standing {
    const release = this.#parts.journal.releases.currentIn(slotOf(rule, image.dossier));
    const current = release === null ? null : this.#imageOf(release);
    const beside = release === null || current === null ? null : { release: release.id, image: current };
    return standingBeside(rule, image, beside);
  }

  /** Devices that could not climb for want of a rung may now. */
  #planAll(): readonly JobRecord[] {
    return this.#parts.devices.list().flatMap((device) => this.planDevice(device));
  }

  /** `refresh: always`: each current image of the rule is brought to all its devices once more, by a release of its own. */
  planRefreshes(rule: Rule): void {
    const { journal } = this.#parts;
    const due = journal.releases.current().filter(({ rule: name }) => name === rule.name);
    for (const previous of due) if (mayRefresh(previous, journal)) this.#refresh(rule, previous);
  }

  #refresh(rule: Rule, previous: ReleaseRecord): void {
    const { journal, devices } = this.#parts;
    const image = this.#imageOf(previous);
    if (image === null) return;
    const { release, jobs } = journal.transaction(() => {
      this.#supersede(previous, 'its image is brought to all devices once more');
      const { slot, dropId } = previous;
      const release = this.#enter(rule, image, { slot, dropId, refreshOf: previous.id });
      const jobs = devices.list().flatMap((device) => this.#jobFor(image, device, [release], 'debug'));
      return { release, jobs };
    });
    this.#tell(release);
    this.#announce(jobs);
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

  /**
   * Looks at a queued job again right before its attempt. One whose release or rule no longer stands for it is taken out; one that
   * cannot climb its ladder (yet) waits; any other is aimed at the image that comes next.
   */
  look(job: JobRecord, device: Device): Look {
    const { journal, book, rules, log } = this.#parts;
    const release = journal.releases.get(job.release);
    const image = release === null ? null : this.#imageOf(release);
    if (release?.state !== 'current' || image === null) {
      book.transition(job.id, 'supersede', {}, undefined, 'its release is not the current one');
      log.info('job.superseded', { job: job.id, device: device.name, rule: job.rule });
      return { kind: 'out' };
    }
    const decision = rules().decide(image, device, purposeOf(release));
    const twin = journal.jobs
      .ofDevice(job.release, idsOf(device))
      .find(({ id, attempts }) => id !== job.id && attempts > 0);
    if (twin === undefined && decision.kind === 'flash' && decision.rule === job.rule) {
      return { kind: 'start', job: book.aim(job.id, decision.first?.image.sha256 ?? image.sha256) };
    }
    if (twin === undefined && decision.kind === 'refuse' && isForNow(decision.refusal.code)) {
      return { kind: 'wait', reason: decision.refusal.reason };
    }
    const reason = whyNot(decision, twin);
    book.transition(job.id, 'cancel', {}, undefined, reason);
    log.info('job.skipped', { job: job.id, device: device.name, rule: job.rule, reason });
    return { kind: 'out' };
  }

  /** Under the name that it was released by: the same bytes may have been dropped under another since, which other rules are for. */
  #imageOf({ image: sha256, imageName: name }: ReleaseRecord): StoredImage | null {
    const image = this.#parts.journal.images.get(sha256);
    return image === null ? null : { ...image, name };
  }

  #release(rule: Rule, image: StoredImage, dropId: string, offers: Offers): ReleaseRecord[] {
    const { journal } = this.#parts;
    const slot = slotFor(rule, image, offers);
    const previous = journal.releases.currentIn(slot);
    if (previous?.image === image.sha256) return [];
    for (const older of journal.releases.undosIn(slot)) this.#supersede(older, 'a newer image was dropped');
    if (previous !== null) this.#supersede(previous, 'a newer image was dropped');
    const release = this.#enter(rule, image, { slot, dropId, refreshOf: null });
    const offer = offers.get(rule.name);
    if (offer !== undefined && !(offer instanceof FlashError)) this.#publish(rule, release.id, offer);
    return [release];
  }

  #enter(rule: Rule, image: StoredImage, of: Pick<ReleaseRecord, 'slot' | 'dropId' | 'refreshOf'>): ReleaseRecord {
    const { journal, clock } = this.#parts;
    const createdMs = clock.now();
    const expiresMs = rule.expiresMs === null ? null : createdMs + rule.expiresMs;
    const named = { rule: rule.name, image: image.sha256, ...of };
    const release = { id: newId('r'), ...named, createdMs, expiresMs, undoOf: null };
    journal.releases.insert(release);
    const { slot, dropId: drop, refreshOf } = of;
    const what = {
      release: release.id,
      rule: rule.name,
      revision: ruleRevision(rule),
      slot,
      image: image.sha256,
      drop,
    };
    journal.audit.add('release.new', createdMs, { ...what, refreshOf });
    if (rule.rollout !== null) journal.rollouts.insert(release.id, rule.rollout, createdMs);
    return { ...release, imageName: image.name, state: 'current' };
  }

  #tell({ id: release, rule, image, imageName: file, refreshOf }: ReleaseRecord): void {
    const { journal, log } = this.#parts;
    log.info('release.new', { release, rule, image, file, ...(refreshOf === null ? {} : { refreshOf }) });
    const rollout = journal.rollouts.get(release);
    if (rollout === null) return;
    log.info('rollout.started', { release, rule, stage: stageName(rollout.settings, rollout.stage) });
  }

  #whyUnpublishable(offer: PlacedOffer | FlashError | undefined): FlashError | null {
    if (offer === undefined || offer instanceof FlashError) return offer ?? null;
    return offer.number === null ? null : this.#parts.journal.publications.whyNoNumber(offer.number);
  }

  #publish({ update: { protocol } }: Rule, release: string, { place, part, terms, number }: PlacedOffer): void {
    const { publications } = this.#parts.journal;
    const given = number === null ? null : publications.takeNumber(number);
    publications.insert({ release, protocol, place, part, terms, number: given });
  }

  /** Jobs that run or await a return go on to their end; the device's next job waits for them. */
  #supersede(previous: ReleaseRecord, why: string): void {
    const { journal, book, devices, log, onReleaseEnd } = this.#parts;
    journal.releases.end(previous.id, 'superseded');
    if (journal.publications.get(previous.id) !== null) {
      onReleaseEnd(previous.id, why);
      return;
    }
    for (const job of journal.jobs.ofRelease(previous.id)) {
      if (job.state !== 'queued' && job.state !== 'soaking') continue;
      book.transition(job.id, 'supersede', {}, undefined, why);
      log.info('job.superseded', { job: job.id, device: deviceName(devices, job.device), rule: job.rule });
    }
  }

  #jobFor(image: StoredImage, device: Device, releases: readonly ReleaseRecord[], news: 'info' | 'debug'): JobRecord[] {
    const { journal, rules, clock, log } = this.#parts;
    const [only] = releases;
    const decision = rules().decide(image, device, only && purposeOf(only));
    if (decision.kind === 'refuse' && !this.#mayAsk(decision)) {
      logRefusal(log, news, image, decision);
      return [];
    }
    const { rule: decider } = decision;
    const release = releases.find(({ rule }) => rule === decider);
    // Boards on ports are not queued: the production line takes them as they come.
    if (decider !== null && rules().rule(decider)?.when.kind === 'attach') return [];
    if (release === undefined || journal.jobs.ofDevice(release.id, idsOf(device)).length > 0) return [];
    if (release.refreshOf !== null && !refreshes(release, device, journal)) return [];
    for (const guard of decision.kind === 'flash' ? decision.overridden : []) {
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

  /** A device whose version is not known, and that will be asked for it right before its attempt. */
  #mayAsk({ rule, refusal }: Extract<Decision, { kind: 'refuse' }>): boolean {
    const check = rule === null ? null : this.#parts.rules().rule(rule)?.verify.version;
    return refusal.code === 'RULE_VERSION_UNKNOWN' && check != null && check.by !== 'mdns';
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

/** Of a rule that publishes: one image at a time at each place. */
function slotFor(rule: Rule, { dossier }: StoredImage, offers: Offers): string {
  const offer = offers.get(rule.name);
  if (offer === undefined || offer instanceof FlashError) return slotOf(rule, dossier);
  return `${rule.name}/at ${offer.place}/${offer.part}`;
}

/** What a release is the newest of. Images for different chips, or of different kinds, never supersede one another. */
export function slotOf(rule: Rule, dossier: Dossier): string {
  return `${rule.name}/${targetOf(dossier.kind)}/${dossier.chip ?? 'any'}`;
}
