import { once } from 'node:events';
import { type Clock, sleep } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { FirmwareImage, StoredImage } from '../../model/image.ts';
import type { Publication } from '../../model/publication.ts';
import type { Rule } from '../../model/rule.ts';
import type { Carrier, Offer, PullHost, PullProtocol } from '../../protocols/pull.ts';
import type { Journal } from '../journal/journal.ts';
import { asFlashError } from '../outcome.ts';
import { retryPauseMs } from '../retry.ts';
import type { RuleBook } from '../rule-book.ts';
import type { Deliveries } from './deliveries.ts';

/** What publications are made of. */
export interface PublisherParts {
  readonly journal: Journal;
  readonly deliveries: Deliveries;
  readonly rules: () => RuleBook;
  readonly protocols: ReadonlyMap<string, PullProtocol>;
  readonly loadImage: (sha256: string) => Promise<FirmwareImage>;
  /** A publication has come to its place, or gone from it: its file may be done with. */
  readonly onSettled: (publication: Publication) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** The journal cannot be written: nothing more may be done in this process. */
  readonly onFatal: (error: unknown) => void;
}

/** An offer, with the place that its rule publishes at. */
export interface PlacedOffer extends Offer {
  readonly place: string;
}

/** Rule → what it offers the image as, or why it does not. Rules that send have no entry. */
export type Offers = ReadonlyMap<string, PlacedOffer | FlashError>;

/** A publication that could not be carried, and when it is tried again. */
interface Pause {
  readonly tries: number;
  readonly untilMs: number;
}

/** Sees to it that at each place stands what its rule's current release says, or nothing. */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #stopping = new AbortController();
  readonly #pauses = new Map<string, Pause>();
  #wakeUp = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#parts.deliveries.recover();
    this.#loop = this.#run().catch((error: unknown) => this.#parts.onFatal(error));
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new FlashError('JOB_INTERRUPTED', 'the daemon is stopping'));
    this.#wakeUp.abort();
    await this.#loop;
  }

  /** The releases or the rules have changed: what failed is tried again at once. */
  wake(): void {
    this.#pauses.clear();
    this.#wakeUp.abort();
  }

  /** What each rule that publishes would offer the image as. Asked before a release is made, so that no bad image ends a good release. */
  async offers(image: StoredImage): Promise<Offers> {
    const pulling = this.#parts.rules().accepting(image).rules.filter(publishes);
    if (pulling.length === 0) return new Map();
    const loaded = { ...(await this.#parts.loadImage(image.sha256)), name: image.name };
    const offers = new Map<string, PlacedOffer | FlashError>();
    for (const rule of pulling) offers.set(rule.name, await this.#offer(rule, loaded));
    return offers;
  }

  /** What a protocol's own server is given. */
  hostFor({ name }: PullProtocol): PullHost {
    const { journal, deliveries, loadImage } = this.#parts;
    return {
      at: (place) => journal.publications.at(name, place).filter((publication) => this.stands(publication)),
      image: ({ image }) => loadImage(image),
      looked: (publication, visitor) => deliveries.looked(publication, visitor),
      foundNothing: (place, visitor) => deliveries.foundNothing(name, place, visitor),
      fetch: (publication, visitor) => deliveries.fetch(publication, visitor),
      confirmed: (publication, visitor, evidence) => deliveries.confirmed(publication, visitor, evidence),
    };
  }

  /** The rule still publishes at this place. */
  stands({ rule: name, protocol, place }: Publication): boolean {
    const rule = this.#parts.rules().rule(name);
    return rule?.update.protocol === protocol && this.#protocol(protocol).placeOf(rule.update.options) === place;
  }

  async #offer({ name: rule, update }: Rule, image: FirmwareImage): Promise<PlacedOffer | FlashError> {
    const { protocol: name, options } = update;
    const protocol = this.#protocol(name);
    try {
      const offer = await protocol.offer(image, options);
      for (const remark of offer.remarks ?? [])
        this.#parts.log.warn('publication.doubtful', { rule, file: image.name, reason: remark });
      return { ...offer, place: protocol.placeOf(options) };
    } catch (error) {
      if (error instanceof FlashError) return error;
      throw error;
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#wakeUp = new AbortController();
      for (const open of this.#places()) await this.#settle(open);
      await this.#rest(this.#wakeUp.signal);
    }
  }

  /** Until something changes, or what failed is due again. */
  async #rest(wakeUp: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const dueMs = Math.min(...[...this.#pauses.values()].map(({ untilMs }) => untilMs));
    if (Number.isFinite(dueMs)) {
      await sleep(clock, Math.max(1, dueMs - clock.monotonic()), wakeUp).catch(() => undefined);
    } else if (!wakeUp.aborted) await once(wakeUp, 'abort');
  }

  /** The open publications of each place and part, oldest first. */
  #places(): readonly (readonly Publication[])[] {
    const open = this.#parts.journal.publications.open();
    const places = Map.groupBy(open, ({ protocol, place, part }) => JSON.stringify([protocol, place, part]));
    return [...places.values()];
  }

  /** One thing at a time at each place: the newest that is to stand there goes there, and what it replaces is told so afterwards. */
  async #settle(open: readonly Publication[]): Promise<void> {
    const wanted = open.filter((publication) => this.#isReleased(publication) && this.stands(publication)).at(-1);
    const others = open.filter((publication) => publication !== wanted);
    if (wanted?.state === 'wanted' && !(await this.#carry(wanted, 'published'))) return;
    for (const publication of others) {
      if (wanted !== undefined) await this.#become(publication, 'replaced');
      // A rule that is gone may come back: until then its place is not touched, and our own server shows nothing there.
      else if (!this.#isReleased(publication)) await this.#carry(publication, 'withdrawn');
    }
  }

  /** Returns whether it is there, or gone from there. */
  async #carry(publication: Publication, to: 'published' | 'withdrawn'): Promise<boolean> {
    const { clock, log, loadImage } = this.#parts;
    const { release, rule, place, image } = publication;
    const pause = this.#pauses.get(release);
    if (this.#stopping.signal.aborted || (pause !== undefined && pause.untilMs > clock.monotonic())) return false;
    try {
      const carrier = this.#carrierOf(publication);
      const { signal } = this.#stopping;
      if (to === 'withdrawn') await carrier?.withdraw(publication, signal);
      else await carrier?.publish(publication, await loadImage(image), signal);
    } catch (thrown) {
      if (!this.#stopping.signal.aborted) this.#failed(publication, asFlashError(thrown), pause?.tries ?? 0);
      return false;
    }
    this.#pauses.delete(release);
    log.info(`publication.${to}`, { release, rule, place, image, number: publication.number });
    await this.#become(publication, to);
    return true;
  }

  async #become(publication: Publication, state: 'published' | 'replaced' | 'withdrawn'): Promise<void> {
    const { journal, clock, onSettled } = this.#parts;
    const after = journal.transaction(() => journal.publications.become(publication, state, clock.now()));
    await onSettled(after);
  }

  /** Every failure is tried again: a wrong password may be put right at the other end, and nothing is lost by asking once more. */
  #failed(publication: Publication, error: FlashError, tries: number): void {
    const { journal, clock, log, random } = this.#parts;
    const pauseMs = retryPauseMs(tries + 1, 0, random());
    this.#pauses.set(publication.release, { tries: tries + 1, untilMs: clock.monotonic() + pauseMs });
    journal.publications.failed(publication, error.toJSON());
    const { release, rule, place } = publication;
    log.error('publication.failed', { release, rule, place, nextInMs: pauseMs, ...error.toJSON() });
  }

  #carrierOf(publication: Publication): Carrier | null {
    const { rules, clock, log } = this.#parts;
    const { rule: name, protocol, place } = publication;
    const known = this.#protocol(protocol);
    if (known.isServedHere(place)) return null;
    const rule = rules().rule(name);
    if (rule !== null && this.stands(publication)) return known.carrier(rule.update.options, { clock, log });
    throw new FlashError(
      'PUBLISH_RULE_GONE',
      `rule "${name}" does not publish at ${place} any more, and only it has the login for taking the files away`,
      { step: 'prepare' },
    );
  }

  #isReleased({ release }: Publication): boolean {
    return this.#parts.journal.releases.get(release)?.state === 'current';
  }

  #protocol(name: string): PullProtocol {
    const protocol = this.#parts.protocols.get(name);
    if (protocol === undefined) throw new Error(`no protocol ${name}`);
    return protocol;
  }
}

/** Its devices come by themselves. */
export function publishes({ when }: Rule): boolean {
  return when.kind === 'visit';
}
