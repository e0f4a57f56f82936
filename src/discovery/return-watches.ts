import type { Clock } from '../clock.ts';
import { RestartWatch } from './restart-watch.ts';
import { BURST, isBurst, type ReturnEvidence, ReturnWatch } from './return-watch.ts';
import { afterLastSilence } from './starts.ts';
import { SteadyTime } from './steady-time.ts';

/** A burst of eight is the longest known (esp8266/Arduino, LEAmDNS). */
const MAX_ANNOUNCEMENTS = 16;

/** From when on a return counts, and how long it is waited for. */
export interface ReturnRequest {
  /** The moment of acceptance, epoch ms; of a device that is to stay as it is, when its start was over. */
  readonly afterMs: number;
  readonly signal: AbortSignal;
}

/** Who waits for which device, and when each device last announced itself. All times it keeps are {@link SteadyTime}. */
export class ReturnWatches {
  readonly #clock: Clock;
  readonly #time: SteadyTime;
  readonly #watches = new Map<string, Set<ReturnWatch | RestartWatch>>();
  /** Times of unasked-for packets, of the last quarter of a minute before the newest. */
  readonly #announcedMs = new Map<string, readonly number[]>();
  /** When each device last probed for its own names. */
  readonly #probedMs = new Map<string, number>();
  /** Devices that have probed and not spoken since. */
  readonly #starting = new Set<string>();
  /** When each device first spoke after its last probe. */
  readonly #spokeFirstMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#time = new SteadyTime(clock);
  }

  /** See {@link DeviceRegistry.expectReturn}. */
  async expect(id: string, { afterMs, signal }: ReturnRequest, probe: () => void): Promise<ReturnEvidence> {
    signal.throwIfAborted();
    const watch = new ReturnWatch(this.#clock, this.#time.of(afterMs), probe);
    return this.#await(id, watch, signal);
  }

  /** See {@link DeviceRegistry.expectRestart}. */
  async expectRestart(id: string, { afterMs, signal }: ReturnRequest): Promise<ReturnEvidence> {
    signal.throwIfAborted();
    return this.#await(id, new RestartWatch(this.#time.of(afterMs)), signal);
  }

  async #await(id: string, watch: ReturnWatch | RestartWatch, signal: AbortSignal): Promise<ReturnEvidence> {
    this.#watches.set(id, (this.#watches.get(id) ?? new Set()).add(watch));
    const probedMs = this.#probedMs.get(id);
    if (probedMs !== undefined) watch.probed(probedMs);
    for (const atMs of this.#announcedMs.get(id) ?? []) watch.heard(atMs, true);
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([watch.evidence, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#end(watch);
    }
  }

  /** A device spoke. True if that shows that it has started: its first word after a probe, or the announcement that makes a burst. */
  heard(id: string, wallMs: number, isAnnouncement: boolean): boolean {
    const atMs = this.#time.of(wallMs);
    for (const watch of this.#watches.get(id) ?? []) watch.heard(atMs, isAnnouncement);
    const isFirstWord = this.#starting.delete(id);
    if (isFirstWord) this.#spokeFirstMs.set(id, atMs);
    if (!isAnnouncement) return isFirstWord;
    const earlier = (this.#announcedMs.get(id) ?? []).filter((earlierMs) => atMs - earlierMs <= BURST.longestMs);
    this.#announcedMs.set(id, [...earlier, atMs].slice(-MAX_ANNOUNCEMENTS));
    const ofThisStart = afterLastSilence(earlier, atMs);
    if (isFirstWord) return true;
    const isKnown = (this.#spokeFirstMs.get(id) ?? Number.NEGATIVE_INFINITY) >= (ofThisStart[0] ?? atMs);
    return !isKnown && !isBurst(ofThisStart) && isBurst([...ofThisStart, atMs]);
  }

  /** A device asked for its own names. */
  probed(id: string, wallMs: number): void {
    const atMs = this.#time.of(wallMs);
    this.#probedMs.set(id, atMs);
    this.#starting.add(id);
    for (const watch of this.#watches.get(id) ?? []) watch.probed(atMs);
  }

  lost(id: string, wallMs: number): void {
    const atMs = this.#time.of(wallMs);
    for (const watch of this.#watches.get(id) ?? []) watch.lost(atMs);
  }

  /** `fromId` turned out to be `id`. */
  join(id: string, fromId: string): void {
    const watches = this.#watches.get(fromId);
    if (watches) this.#watches.set(id, new Set([...(this.#watches.get(id) ?? []), ...watches]));
    const times = [...(this.#announcedMs.get(id) ?? []), ...(this.#announcedMs.get(fromId) ?? [])];
    if (times.length > 0) this.#announcedMs.set(id, times);
    const probedMs = this.#probedMs.get(fromId);
    if (probedMs !== undefined) this.#probedMs.set(id, Math.max(probedMs, this.#probedMs.get(id) ?? 0));
    this.forget(fromId);
  }

  forget(id: string): void {
    this.#watches.delete(id);
    this.#announcedMs.delete(id);
    this.#probedMs.delete(id);
    this.#starting.delete(id);
    this.#spokeFirstMs.delete(id);
  }

  #end(watch: ReturnWatch | RestartWatch): void {
    watch.stop();
    for (const [id, watches] of this.#watches) {
      watches.delete(watch);
      if (watches.size === 0) this.#watches.delete(id);
    }
  }
}
