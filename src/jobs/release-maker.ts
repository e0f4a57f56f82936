import type { Clock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Drop } from '../model/drop.ts';
import type { StoredImage } from '../model/image.ts';
import type { RolloutSettings } from '../model/rollout.ts';
import type { Rule } from '../model/rule.ts';
import type { Taking } from './drop-plan.ts';
import type { CurrentImage } from './drop-versions.ts';
import { newId } from './ids.ts';
import type { JobBook } from './job-book.ts';
import type { Journal } from './journal/journal.ts';
import type { ReleaseRecord } from './journal/releases.ts';
import type { PlacedOffer } from './pull/publisher.ts';
import { stageName } from './rollout-stages.ts';
import { type DeviceDirectory, deviceName } from './rule-book.ts';
import { ruleRevision } from './rule-revision.ts';

/** What releases and their jobs are written to. */
export interface ReleaseMakerParts {
  readonly journal: Journal;
  readonly book: JobBook;
  readonly devices: DeviceDirectory;
  readonly clock: Clock;
  readonly log: Logger;
  /** A release has ended: devices that fetch it by themselves are waited for no longer. Part of the transaction. */
  readonly onReleaseEnd: (release: string, why: string) => void;
}

/** The rollout that a new release goes by: its own, or that of the release which leads it. */
export interface Lead {
  readonly settings: RolloutSettings | null;
  readonly ledBy: string | null;
}

/** Makes releases, and ends those whose place they take. Call it inside a transaction: a release and its jobs belong together. */
export class ReleaseMaker {
  readonly #parts: ReleaseMakerParts;

  constructor(parts: ReleaseMakerParts) {
    this.#parts = parts;
  }

  /** Under the name that it was released by: the same bytes may have been dropped under another since, which other rules are for. */
  imageOf({ image: sha256, imageName: name }: ReleaseRecord): StoredImage | null {
    const image = this.#parts.journal.images.get(sha256);
    return image === null ? null : { ...image, name };
  }

  /** What a slot has now. */
  currentIn(slot: string): CurrentImage | null {
    const release = this.#parts.journal.releases.currentIn(slot);
    const image = release === null ? null : this.imageOf(release);
    return release === null || image === null ? null : { release: release.id, image };
  }

  /** A new release with all that belongs to it; none where the slot has this image already. */
  make({ rule, slot, dropped }: Taking, lead: Lead, offer: PlacedOffer | FlashError | undefined): ReleaseRecord[] {
    const { journal } = this.#parts;
    const { image, drop: dropId } = dropped;
    const previous = journal.releases.currentIn(slot);
    if (previous?.image === image.sha256) return [];
    for (const older of journal.releases.undosIn(slot)) this.supersede(older, 'a newer image was dropped');
    if (previous !== null) this.supersede(previous, 'a newer image was dropped');
    const release = this.enter(rule, image, { slot, dropId, refreshOf: null }, lead);
    if (offer !== undefined && !(offer instanceof FlashError)) this.#publish(rule, release.id, offer);
    return [release];
  }

  /** Enters a release, and its rollout where it leads one. */
  enter(
    rule: Rule,
    image: StoredImage,
    of: Pick<ReleaseRecord, 'slot' | 'dropId' | 'refreshOf'>,
    { settings, ledBy }: Lead,
  ): ReleaseRecord {
    const { journal, clock } = this.#parts;
    const createdMs = clock.now();
    const expiresMs = rule.expiresMs === null ? null : createdMs + rule.expiresMs;
    const named = { rule: rule.name, image: image.sha256, ...of };
    const release = { id: newId('r'), ...named, createdMs, expiresMs, undoOf: null, ledBy };
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
    if (settings !== null && ledBy === null) journal.rollouts.insert(release.id, settings, createdMs);
    return { ...release, imageName: image.name, state: 'current' };
  }

  /** `drop`: what brought it; null: nothing new did. */
  tell({ id: release, rule, image, imageName: file, refreshOf, ledBy }: ReleaseRecord, drop: Drop | null): void {
    const { journal, log } = this.#parts;
    const name = drop?.release?.manifest.name ?? null;
    const more = { ...(refreshOf === null ? {} : { refreshOf }), ...(name === null ? {} : { name }) };
    log.info('release.new', { release, rule, image, file, ...more });
    const rollout = ledBy === null ? journal.rollouts.get(release) : null;
    if (rollout === null) return;
    log.info('rollout.started', { release, rule, stage: stageName(rollout.settings, rollout.stage) });
  }

  /** Why an image cannot be published as its rule would; null: it can, or need not. `before`: offers that take their numbers first. */
  whyUnpublishable(
    offer: PlacedOffer | FlashError | undefined,
    before: readonly (PlacedOffer | FlashError | undefined)[] = [],
  ): FlashError | null {
    if (offer === undefined || offer instanceof FlashError) return offer ?? null;
    const { number } = offer;
    if (number === null) return null;
    const more = before.filter((other) => seriesOf(other) === number.series).length;
    return this.#parts.journal.publications.whyNoNumber(number, more);
  }

  #publish(
    { update: { protocol } }: Rule,
    release: string,
    { place, part, terms, number, remarks = [] }: PlacedOffer,
  ): void {
    const { publications } = this.#parts.journal;
    const given = number === null ? null : publications.takeNumber(number);
    publications.insert({ release, protocol, place, part, terms, number: given, remarks });
  }

  /** Jobs that run or await a return go on to their end; the device's next job waits for them. */
  supersede(previous: ReleaseRecord, why: string): void {
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
}

function seriesOf(offer: PlacedOffer | FlashError | undefined): string | null {
  return offer === undefined || offer instanceof FlashError ? null : (offer.number?.series ?? null);
}
