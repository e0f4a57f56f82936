import { isBurst, type ReturnEvidence } from './return-watch.ts';
import { afterLastSilence } from './starts.ts';

/**
 * Watches a device that ought to stay as it is, without asking it anything: for hours, and for a fleet at once. It has restarted when it
 * probes for its own names and speaks, announces itself as a start does, or speaks after it was lost.
 */
export class RestartWatch {
  readonly evidence: Promise<ReturnEvidence>;
  readonly #afterMs: number;
  readonly #announcedMs: number[] = [];
  #hasProbed = false;
  #isLost = false;
  #settle: (evidence: ReturnEvidence) => void = () => undefined;

  /** @param afterMs epoch ms: what was heard before it belongs to the start that is known */
  constructor(afterMs: number) {
    this.#afterMs = afterMs;
    this.evidence = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** The device spoke. */
  heard(atMs: number, isAnnouncement: boolean): void {
    if (atMs <= this.#afterMs) return;
    if (isAnnouncement) this.#announcedMs.push(atMs);
    const isStart = this.#hasProbed || isBurst(afterLastSilence(this.#announcedMs, atMs));
    if (isStart) this.#settle({ kind: 'announcement', atMs });
    else if (this.#isLost) this.#settle({ kind: 'silent-then-answered', atMs });
  }

  probed(atMs: number): void {
    if (atMs > this.#afterMs) this.#hasProbed = true;
  }

  lost(atMs: number): void {
    if (atMs > this.#afterMs) this.#isLost = true;
  }

  stop(): void {
    this.#announcedMs.length = 0;
  }
}
