import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Device } from '../model/device.ts';
import type { Drop } from '../model/drop.ts';
import type { StoredImage } from '../model/image.ts';
import type { Decision } from '../model/plan.ts';
import type { RolloutSettings } from '../model/rollout.ts';
import type { Rule } from '../model/rule.ts';
import { type DropPlan, type DroppedImage, planImages, type Taking, whyIncomplete } from './drop-plan.ts';
import { newId } from './ids.ts';
import type { JobBook } from './job-book.ts';
import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import type { ReleaseRecord } from './journal/releases.ts';
import { isForNow, type RefusalForNow } from './ladder-waits.ts';
import type { Offers } from './pull/publisher.ts';
import { amongDevices, mayRefresh, refreshes } from './refresh.ts';
import { type Lead, ReleaseMaker } from './release-maker.ts';
import { type DeviceDirectory, deviceName, idsOf, purposeOf, type RuleBook } from './rule-book.ts';
import { slotOf } from './targets.ts';

/** What became of a dropped file. */
export type DropVerdict =
  | { readonly kind: 'unmatched'; readonly reasons: readonly string[] }
  /** A release of which not every image found its rules: none of it is used. */
  | { readonly kind: 'refused'; readonly error: FlashError }
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

/** What plans are made of and written to. */
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
  /** It cannot climb its ladder, for now. */
  | { readonly kind: 'wait'; readonly code: RefusalForNow; readonly reason: string }
  | { readonly kind: 'out' };

/** Turns dropped files and appearing devices into releases and jobs. */
export class Planner {
  readonly #parts: PlannerParts;
  readonly #maker: ReleaseMaker;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
    this.#maker = new ReleaseMaker(parts);
  }

  /**
   * All of it is in the journal, or nothing: a file that was planned half is planned again from the beginning.
   * @param offers by SHA-256, for the image of the drop or those of its release
   */
  planDrop(drop: Drop, offers: ReadonlyMap<string, Offers>): DropVerdict {
    const { journal } = this.#parts;
    const offersOf = (image: StoredImage): Offers => offers.get(image.sha256) ?? NO_OFFERS;
    const drawn = this.#imagesOf(drop);
    const plan = planImages(drawn, {
      accepting: (image) => this.#usable(image, offersOf(image)),
      slotOf: (rule, image) => slotFor(rule, image, offersOf(image)),
      current: (slot) => this.#maker.currentIn(slot),
    });
    const { takings, rungs } = plan;
    const problem = drop.release === undefined ? null : whyIncomplete(plan);
    if (problem !== null) return { kind: 'refused', error: new FlashError('RELEASE_IMAGE_UNWANTED', problem) };
    if (takings.length === 0 && rungs.length === 0) return this.#unused(plan, offersOf);
    if (takings.length === 0) return this.#keepRungs(rungs);
    const duplicate = this.#duplicateOf(takings);
    if (duplicate !== null) return { kind: 'duplicate', release: duplicate };
    const shared = drop.release?.manifest.rollout ?? null;
    const planned = journal.transaction(() => this.#planTakings(takings, shared, offersOf));
    for (const release of planned.releases) this.#maker.tell(release, drop);
    this.#announce(planned.jobs);
    if (rungs.length > 0) this.#planAll();
    return { kind: 'planned', ...planned };
  }

  #imagesOf(drop: Drop): readonly DroppedImage[] {
    const { id, release, name, sha256, sizeBytes, dossier } = drop;
    if (release === undefined) return [{ drop: id, image: { sha256, name, sizeBytes, dossier }, rules: null }];
    const parts = this.#parts.journal.drops.partsOf(id);
    return release.images.map((image, index) => ({
      drop: parts[index]?.id ?? id,
      image,
      rules: release.manifest.images[index]?.rules ?? null,
    }));
  }

  /** The rules that take an image, without those that would have to publish it and cannot. */
  #usable(image: StoredImage, offers: Offers): ReturnType<RuleBook['accepting']> {
    const { rules, reasons } = this.#parts.rules().accepting(image);
    const offered = rules.map(({ name }) => offers.get(name));
    const refusals = rules.flatMap(({ name }, index) => {
      const error = this.#maker.whyUnpublishable(offered[index], offered.slice(0, index));
      return error === null ? [] : [{ name, reason: `rule "${name}": ${error.message}` }];
    });
    const usable = rules.filter(({ name }) => refusals.every((refusal) => refusal.name !== name));
    return { rules: usable, reasons: [...reasons, ...refusals.map(({ reason }) => reason)] };
  }

  #unused({ objections }: DropPlan, offersOf: (image: StoredImage) => Offers): DropVerdict {
    for (const { image } of objections.keys()) {
      const { rules: accepting } = this.#parts.rules().accepting(image);
      const refused = accepting.map(({ name }) => ({
        name,
        error: this.#maker.whyUnpublishable(offersOf(image).get(name)),
      }));
      const [first] = refused;
      if (first?.error != null && refused.every(({ error }) => error !== null))
        return { kind: 'unpublishable', rule: first.name, error: first.error };
    }
    return { kind: 'unmatched', reasons: [...objections.values()].flat() };
  }

  #keepRungs(rungs: DropPlan['rungs']): DropVerdict {
    const version = [...new Set(rungs.map((rung) => rung.version))].join(' and ');
    const rules = [...new Set(rungs.map(({ rule }) => rule.name))];
    return { kind: 'rung', version, rules, jobs: this.#planAll() };
  }

  /** The release that these images are already, where each is one. */
  #duplicateOf(takings: readonly Taking[]): ReleaseRecord | null {
    const held = takings.map(({ slot, dropped: { image } }) => {
      const release = this.#parts.journal.releases.currentIn(slot);
      return release?.image === image.sha256 ? release : null;
    });
    return held.includes(null) ? null : (held[0] ?? null);
  }

  /** `shared`: one rollout over all that is sent, which the first of the releases leads. */
  #planTakings(
    takings: readonly Taking[],
    shared: RolloutSettings | null,
    offersOf: (image: StoredImage) => Offers,
  ): Pick<Extract<DropVerdict, { kind: 'planned' }>, 'releases' | 'jobs'> {
    const releases: ReleaseRecord[] = [];
    let lead: string | null = null;
    for (const taking of takings) {
      const offer = offersOf(taking.dropped.image).get(taking.rule.name);
      const settings: RolloutSettings | null = offer === undefined ? (shared ?? taking.rule.rollout) : null;
      const made: readonly ReleaseRecord[] = this.#maker.make(
        taking,
        { settings, ledBy: settings === null ? null : lead },
        offer,
      );
      if (shared !== null && settings !== null) lead ??= made[0]?.id ?? null;
      releases.push(...made);
    }
    const images = [...new Set(takings.map(({ dropped: { image } }) => image))];
    const jobs = images.flatMap((image) => {
      const own = releases.filter((release) => release.image === image.sha256);
      return this.#parts.devices.list().flatMap((device) => this.#jobFor(image, device, own, 'info'));
    });
    return { releases, jobs };
  }

  /** Devices that could not climb for want of a rung may now. */
  #planAll(): readonly JobRecord[] {
    return this.#parts.devices.list().flatMap((device) => this.planDevice(device));
  }

  /** `refresh: always`: each current image of the rule is brought to all its devices once more, by a release of its own. */
  planRefreshes(rule: Rule): void {
    const { devices, journal, rules } = this.#parts;
    const current = journal.releases.current().filter(({ rule: name }) => name === rule.name);
    const leads = new Map<string, string>();
    for (const previous of current.filter((release) => mayRefresh(release, journal))) {
      const image = this.#maker.imageOf(previous);
      if (image === null) continue;
      const drop = journal.drops.fileOf(previous.dropId);
      const shared = drop?.release?.manifest.rollout ?? null;
      const own = devices.list().filter((device) => rules().decide(image, device).rule === rule.name);
      const settings = shared === null ? rule.rollout : amongDevices(shared, own);
      const ledBy = drop === null || shared === null ? null : (leads.get(drop.id) ?? null);
      const release = this.#refresh(rule, previous, image, { settings, ledBy });
      if (drop !== null && ledBy === null) leads.set(drop.id, release.id);
    }
  }

  #refresh(rule: Rule, previous: ReleaseRecord, image: StoredImage, lead: Lead): ReleaseRecord {
    const { journal, devices } = this.#parts;
    const { release, jobs } = journal.transaction(() => {
      this.#maker.supersede(previous, 'its image is brought to all devices once more');
      const { slot, dropId } = previous;
      const release = this.#maker.enter(rule, image, { slot, dropId, refreshOf: previous.id }, lead);
      const jobs = devices.list().flatMap((device) => this.#jobFor(image, device, [release], 'debug'));
      return { release, jobs };
    });
    this.#maker.tell(release, null);
    this.#announce(jobs);
    return release;
  }

  /** Jobs for a device that has appeared, from the releases that are current. */
  planDevice(device: Device): readonly JobRecord[] {
    const { journal } = this.#parts;
    const jobs = journal.transaction(() =>
      journal.releases.current().flatMap((release) => {
        const image = this.#maker.imageOf(release);
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
    const image = release === null ? null : this.#maker.imageOf(release);
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
      return { kind: 'wait', code: decision.refusal.code, reason: decision.refusal.reason };
    }
    const reason = whyNot(decision, twin);
    book.transition(job.id, 'cancel', {}, undefined, reason);
    log.info('job.skipped', { job: job.id, device: device.name, rule: job.rule, reason });
    return { kind: 'out' };
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

const NO_OFFERS: Offers = new Map();

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
