import { type Clock, sleep } from '../clock.ts';
import type { KeepSettings } from '../config/config.ts';
import { FlashError } from '../errors.ts';
import { versionIn } from '../firmware/image-version.ts';
import type { ImageStore } from '../firmware/store.ts';
import { compareVersions } from '../firmware/version-order.ts';
import type { Logger } from '../log.ts';
import type { StoredImage } from '../model/image.ts';
import type { Part } from '../service/lifecycle.ts';
import type { Journal } from './journal/journal.ts';
import type { RuleBook } from './rule-book.ts';

const DAY_MS = 86_400_000;
/** Not at once: a start has better things to do. */
const FIRST_MS = 600_000;
/** A file in the store that the journal does not know may be on its way into it. */
const ON_ITS_WAY_MS = DAY_MS;
/** Some milliseconds of work, after which the event loop turns. */
const JOBS_AT_A_TIME = 50;

/** What is looked through, and by what it is judged. */
export interface RetentionParts {
  readonly journal: Journal;
  readonly store: Pick<ImageStore, 'sweep'>;
  /** As the config has them now. */
  readonly keep: () => KeepSettings;
  readonly rules: () => RuleBook;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What one round has removed. */
interface Tidied {
  readonly images: number;
  readonly bytes: number;
  readonly releases: number;
  readonly jobs: number;
}

/**
 * Keeps the data folder from growing for ever: once a day the bytes of images that nothing rests on any more leave the store, and releases
 * that are long over leave the journal with their jobs. Trouble is logged, and tried again on the next day.
 */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #stopping = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  part(): Part {
    return {
      name: 'retention',
      start: async () => {
        this.#work = this.#everyDay();
      },
      stop: async () => {
        this.#stopping.abort();
        await this.#work;
      },
    };
  }

  async #everyDay(): Promise<void> {
    const { clock, log } = this.#parts;
    const { signal } = this.#stopping;
    for (let pauseMs = FIRST_MS; ; pauseMs = DAY_MS) {
      await sleep(clock, pauseMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.tidy();
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        log.warn('data.not-tidied', { code: cause instanceof FlashError ? cause.code : undefined, reason });
      }
    }
  }

  /** One round. Throws STORE_FAILED, and what the journal throws. */
  async tidy(): Promise<void> {
    const { journal, clock, log } = this.#parts;
    const history = await this.#forgetHistory();
    const images = await this.#forgetImages();
    const tidied: Tidied = { images: images.files, bytes: images.bytes, ...history };
    if (Object.values(tidied).every((count) => count === 0)) return;
    journal.audit.add('data.tidied', clock.now(), { ...tidied });
    log.info('data.tidied', { ...tidied });
  }

  /** In pieces: what is old and over stays so, and a stop or a crash in between leaves the rest for another day. */
  async #forgetHistory(): Promise<Pick<Tidied, 'releases' | 'jobs'>> {
    const { journal, keep, clock } = this.#parts;
    const { historyMs } = keep();
    let [releases, jobs] = [0, 0];
    if (historyMs === null) return { releases, jobs };
    const beforeMs = clock.now() - historyMs;
    // A release that was refreshed or taken back can go only after those that did it, so that it is found in a later round.
    for (const release of journal.history.oldReleases(beforeMs)) {
      await new Promise(setImmediate);
      if (!journal.history.isOver(release, beforeMs)) continue;
      this.#relaxed(() => journal.history.forgetRollout(release));
      let forgotten: number;
      do {
        if (this.#stopping.signal.aborted) return { releases, jobs };
        forgotten = this.#relaxed(() => journal.history.forgetJobs(release, JOBS_AT_A_TIME));
        jobs += forgotten;
        await new Promise(setImmediate);
      } while (forgotten > 0);
      this.#relaxed(() => journal.history.forgetRelease(release));
      releases += 1;
    }
    return { releases, jobs };
  }

  /** Nothing is lost where a power cut brings back what was forgotten last: it is forgotten once more. */
  #relaxed<T>(work: () => T): T {
    const { journal } = this.#parts;
    return journal.relaxed(() => journal.transaction(work));
  }

  /** First the journal lets go of an image, then the store: a crash in between leaves a file that the next round removes. */
  async #forgetImages(): ReturnType<ImageStore['sweep']> {
    const { journal, store, keep, clock } = this.#parts;
    const { imagesMs } = keep();
    const nowMs = clock.now();
    if (imagesMs !== null) {
      const unused = await this.#unusedImages(nowMs - imagesMs);
      journal.transaction(() => {
        // Asked again: one of them may have been dropped, or be wanted back, since.
        for (const { sha256 } of journal.history.unneededImages(nowMs - imagesMs))
          if (unused.has(sha256)) journal.history.remove(sha256, nowMs);
      });
    }
    return store.sweep((sha256) => journal.images.isStored(sha256), nowMs - ON_ITS_WAY_MS);
  }

  async #unusedImages(beforeMs: number): Promise<ReadonlySet<string>> {
    const { history } = this.#parts.journal;
    const unused = new Set<string>();
    for (const image of history.unneededImages(beforeMs)) {
      if (this.#stopping.signal.aborted) break;
      if (!this.#isRung(image) && !history.wasUsed(image.sha256, beforeMs)) unused.add(image.sha256);
      await new Promise(setImmediate);
    }
    return unused;
  }

  /** Devices that come from far below have to run it first, whenever they come. */
  #isRung(image: StoredImage): boolean {
    const version = versionIn(image);
    if (version === null) return false;
    return this.#parts
      .rules()
      .all.some(({ versions }) => versions.ladder.some((rung) => compareVersions(rung, version) === 0));
  }
}
