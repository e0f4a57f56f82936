import type { Clock, Timer } from '../clock.ts';

/**
 * Evidence that a device restarted, strongest first. An answer to a question alone is none: a device that is about to restart, or
 * that never does, answers as well.
 * - `announcement`: it started as RFC 6762, section 8 has it: it probed for its own names and then spoke, or announced itself at least
 *   twice, or once after it had missed a question.
 * - `silent-then-answered`: it missed three questions in a row, or said goodbye and kept silent, and then spoke again.
 */
export interface ReturnEvidence {
  readonly kind: 'announcement' | 'silent-then-answered';
  /** When the evidence was complete, epoch ms by a clock that nobody sets back. */
  readonly atMs: number;
}

/**
 * Announcements of one start are a second or more apart (RFC 6762, section 8.3), with python-zeroconf 225 ms, and over within a quarter of
 * a minute. Copies of one announcement, by several interfaces or address families, come within a few milliseconds.
 */
export const BURST = { leastGapMs: 200, longestMs: 15_000 } as const;

/** From the first probe of a start to its last announcement, with an upload in between that holds them up. */
const FRESH_MS = 60_000;

/**
 * Time between questions. A device that answers is asked less often and out of step with the seconds in which it would announce
 * itself, so that those announcements are not taken for answers; one that is silent each second, later more slowly.
 */
const PROBE_MS = { answered: 2700, silent: 1000, silentLong: 3000 } as const;
const SILENT_LONG = 30;
/** Lost packets are common on Wi-Fi, three in a row are not. */
const SILENT_AFTER = 3;

/** Are there two announcements of one burst among these times? */
export function isBurst(timesMs: readonly number[]): boolean {
  return timesMs.some((early) =>
    timesMs.some((late) => late - early >= BURST.leastGapMs && late - early <= BURST.longestMs),
  );
}

/** Watches one device for its return. */
export class ReturnWatch {
  readonly evidence: Promise<ReturnEvidence>;
  readonly #clock: Clock;
  readonly #afterMs: number;
  readonly #probe: () => void;
  readonly #announcedMs: number[] = [];
  #probedMs = Number.POSITIVE_INFINITY;
  /** Its last start was just before the acceptance: announcements alone may still be those of that start. */
  #isFresh = false;
  #settle: (evidence: ReturnEvidence) => void = () => undefined;
  #timer: Timer | null = null;
  #unanswered = 0;
  #hasMissed = false;
  #isSilent = false;

  /** @param afterMs the moment of acceptance, epoch ms: what was heard before it proves nothing */
  constructor(clock: Clock, afterMs: number, probe: () => void) {
    this.#clock = clock;
    this.#afterMs = afterMs;
    this.#probe = probe;
    this.evidence = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#timer = clock.setTimer(PROBE_MS.silent, () => this.#ask());
  }

  /** The device spoke. */
  heard(atMs: number, isAnnouncement: boolean): void {
    if (atMs <= this.#afterMs) {
      if (isAnnouncement) this.#startedBefore(atMs);
      return;
    }
    if (isAnnouncement) this.#announcedMs.push(atMs);
    const hasStarted =
      atMs > this.#probedMs || (!this.#isFresh && isBurst(this.#announcedMs)) || (isAnnouncement && this.#hasMissed);
    if (hasStarted) this.#finish({ kind: 'announcement', atMs });
    else if (this.#isSilent) this.#finish({ kind: 'silent-then-answered', atMs });
    this.#unanswered = 0;
  }

  /** It asked for its own names, as nothing but a start makes it do; it speaks when it has made sure of them. */
  probed(atMs: number): void {
    if (atMs > this.#afterMs) this.#probedMs = Math.min(this.#probedMs, atMs);
    else this.#startedBefore(atMs);
  }

  #startedBefore(atMs: number): void {
    if (this.#afterMs - atMs < FRESH_MS) this.#isFresh = true;
  }

  /** Its records ran out, or it said goodbye and did not answer when asked. */
  lost(atMs: number): void {
    if (atMs > this.#afterMs) this.#isSilent = true;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #ask(): void {
    // What was asked a turn ago is missed by now.
    if (this.#unanswered > 0) this.#hasMissed = true;
    if (this.#unanswered >= SILENT_AFTER) this.#isSilent = true;
    this.#unanswered += 1;
    this.#probe();
    this.#timer = this.#clock.setTimer(PROBE_MS.silent, () => this.#next());
  }

  /** One second after a question. */
  #next(): void {
    const isFresh = this.#unanswered <= SILENT_LONG;
    const pauseMs = this.#unanswered === 0 ? PROBE_MS.answered : isFresh ? PROBE_MS.silent : PROBE_MS.silentLong;
    if (pauseMs === PROBE_MS.silent) this.#ask();
    else this.#timer = this.#clock.setTimer(pauseMs - PROBE_MS.silent, () => this.#ask());
  }

  #finish(evidence: ReturnEvidence): void {
    this.stop();
    this.#settle(evidence);
  }
}
