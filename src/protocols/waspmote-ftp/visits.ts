import type { Clock, Timer } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import { type Publication, type Visitor, visitorName } from '../../model/publication.ts';
import type { PullHost } from '../pull.ts';
import { termsOf } from './offer.ts';

/** For so long a device that has read UPGRADE.TXT is given the program that it told of, whatever has replaced that since. */
const SHOWN_FOR_MS = 15 * 60_000;

/** What one visitor did, as far as this process saw it. */
interface Trace {
  /** What UPGRADE.TXT told it last, and when. */
  shown: Publication | null;
  shownMs: number;
  /** How far its transfers of a program came: a resumed one counts only where it goes on from bytes that had left. */
  release: string | null;
  reachedBytes: number;
  openFetches: number;
  fetchEndedMs: number;
  /** Ends with `accepted` unless the device fetches before; the release that it read of. */
  quiet: Timer | null;
  quietRelease: string | null;
}

/** What the way a program was sent came to. */
export interface ProgramFetch {
  progress(sentBytes: number): void;
  ended(whole: boolean, sentBytes: number, why: string): void;
}

/**
 * Makes of what visitors do what can be known of them. A module tells nobody whether its update succeeded. But once it has, it reads
 * UPGRADE.TXT and fetches nothing, whereas one that still has the old program fetches the new one: some modules log in anew in
 * between, so nothing is concluded before a time of quiet.
 */
export class Visits {
  readonly #host: PullHost;
  readonly #clock: Clock;
  readonly #traces = new Map<string, Trace>();

  constructor(host: PullHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** What this visitor is to be given for a program: what its UPGRADE.TXT told of, unless nothing may be had any more. */
  programFor(visitor: Visitor, current: Publication | null): Publication | null {
    const { shown, shownMs } = this.#trace(visitor);
    const isFresh = shown !== null && this.#clock.monotonic() - shownMs < SHOWN_FOR_MS;
    return isFresh && current !== null ? shown : current;
  }

  /** It has read UPGRADE.TXT to its end, in a session that began at this time of the monotonic clock. */
  hasRead(visitor: Visitor, publication: Publication | null, sessionBeganMs: number): void {
    const trace = this.#trace(visitor);
    trace.shown = publication;
    trace.shownMs = this.#clock.monotonic();
    if (trace.quietRelease !== (publication?.release ?? null)) this.#endQuiet(trace);
    if (publication === null) return;
    this.#host.looked(publication, visitor);
    // Within the session of the transfer it is not a later visit. One that is being waited out goes on: a mote may look more often.
    if (trace.openFetches > 0 || trace.fetchEndedMs > sessionBeganMs || trace.quiet !== null) return;
    trace.quietRelease = publication.release;
    trace.quiet = this.#clock.setTimer(termsOf(publication.terms).quietMs, () => {
      this.#endQuiet(trace);
      this.#host.confirmed(publication, visitor, 'it came again, read UPGRADE.TXT and fetched nothing');
    });
  }

  /** It begins to fetch the program, from this byte on. */
  fetches(visitor: Visitor, publication: Publication, from: number): ProgramFetch {
    const trace = this.#trace(visitor);
    this.#endQuiet(trace);
    const reached = trace.release === publication.release ? trace.reachedBytes : 0;
    const fetch = from <= reached ? this.#host.fetch(publication, visitor) : null;
    trace.openFetches += 1;
    return {
      progress: (sentBytes) => fetch?.progress(from + sentBytes),
      ended: (whole, sentBytes, why) => {
        trace.openFetches -= 1;
        trace.fetchEndedMs = this.#clock.monotonic();
        if (from <= reached) {
          trace.release = publication.release;
          trace.reachedBytes = Math.max(reached, from + sentBytes);
        }
        if (whole) fetch?.whole();
        else fetch?.broken(from + sentBytes, brokenOff(publication, from + sentBytes, why));
      },
    };
  }

  /** Nothing is concluded any more. */
  stop(): void {
    for (const { quiet } of this.#traces.values()) quiet?.cancel();
    this.#traces.clear();
  }

  #endQuiet(trace: Trace): void {
    trace.quiet?.cancel();
    trace.quiet = null;
    trace.quietRelease = null;
  }

  #trace(visitor: Visitor): Trace {
    const key = visitorName(visitor);
    const known = this.#traces.get(key);
    if (known !== undefined) return known;
    const trace: Trace = {
      shown: null,
      shownMs: 0,
      release: null,
      reachedBytes: 0,
      openFetches: 0,
      fetchEndedMs: Number.NEGATIVE_INFINITY,
      quiet: null,
      quietRelease: null,
    };
    this.#traces.set(key, trace);
    return trace;
  }
}

function brokenOff({ sizeBytes }: Publication, sentBytes: number, why: string): FlashError {
  return new FlashError('WASPMOTE_BROKEN_OFF', `${sentBytes} of ${sizeBytes} bytes had left when ${why}`, {
    step: 'write',
    details: { sentBytes, sizeBytes },
  });
}
