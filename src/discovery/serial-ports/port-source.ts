import { watch } from 'node:fs';
import { type Clock, sleep } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { UsbSighting } from '../../model/device.ts';
import type { SystemPort } from '../../transports/list-ports.ts';
import { fingerprintOf, LEAST_SCORE, macOf } from './fingerprints.ts';
import { observePorts, type PortChange, type PortsSeen, type PortTimes } from './port-changes.ts';
import { fromSystemPort, type PortLister, type PortListing } from './port-listing.ts';
import { listSysfsPorts } from './sysfs.ts';

/** Whom the source tells. */
export interface PortListener {
  /** A port with a board on it has appeared, or goes by another name now. */
  portSeen(sighting: UsbSighting): void;
  /** `slot` as in the sighting. */
  portLost(slot: string): void;
}

/** How ports are listed, and who is told. */
export interface PortSourceOptions {
  readonly list: PortLister;
  readonly listener: PortListener;
  readonly clock: Clock;
  readonly log: Logger;
  /** Calls its argument whenever a look may be worth it; returns how to stop that. Without it, only time brings a look. */
  readonly hints?: (look: () => void) => () => void;
  readonly pollMs?: number;
  readonly times?: PortTimes;
}

/** A list costs some reads of files that are in memory anyway; on other systems, a call of the system. */
const POLL_MS = 1_000;
const TIMES: PortTimes = { settleMs: 300, returnMs: 3_000 };
/** One plug makes a dozen events. */
const HINT_REST_MS = 50;

/** Sees boards being plugged in and pulled out. Events are hints only; the list is the truth. */
export class PortSource {
  readonly #options: PortSourceOptions;
  readonly #stopping = new AbortController();
  #seen: PortsSeen = new Map();
  #isFailing = false;
  #isHinted = false;
  #wake: () => void = () => undefined;
  #loop: Promise<void> | null = null;

  constructor(options: PortSourceOptions) {
    this.#options = options;
  }

  /** Returns at once. A second call does nothing. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Safe to call twice and before start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, hints, pollMs = POLL_MS } = this.#options;
    const { signal } = this.#stopping;
    const unhint = hints?.(() => this.#hint()) ?? (() => undefined);
    while (!signal.aborted) {
      const dueMs = await this.#look();
      const restMs = dueMs === null ? pollMs : Math.min(pollMs, Math.max(0, dueMs - clock.monotonic()));
      await this.#rest(restMs, signal);
    }
    unhint();
  }

  /** Ends early when there is a hint, and then a moment later: what it is about is not all there yet. */
  async #rest(restMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const hinted = new AbortController();
    this.#wake = () => hinted.abort();
    if (!this.#isHinted) await sleep(clock, restMs, AbortSignal.any([signal, hinted.signal])).catch(() => undefined);
    if (this.#isHinted) await sleep(clock, HINT_REST_MS, signal).catch(() => undefined);
    this.#isHinted = false;
  }

  #hint(): void {
    this.#isHinted = true;
    this.#wake();
  }

  /** Looks once and tells; returns when a further look is due, or null. */
  async #look(): Promise<number | null> {
    const { list, clock, times = TIMES } = this.#options;
    const listings = await list().catch((cause: unknown) => this.#failed(cause));
    if (listings === null || this.#stopping.signal.aborted) return null;
    if (this.#isFailing) this.#options.log.info('discovery.recovered');
    this.#isFailing = false;
    const boards = listings.filter(({ usb }) => usb !== null && fingerprintOf(usb).score >= LEAST_SCORE);
    const { seen, changes, dueMs } = observePorts(this.#seen, boards, clock.monotonic(), times);
    this.#seen = seen;
    for (const change of changes) this.#tell(change);
    return dueMs;
  }

  #tell(change: PortChange): void {
    const { listener, clock } = this.#options;
    if (change.kind === 'vanished') listener.portLost(change.slot);
    else listener.portSeen(sightingOf(change.slot, change.listing, clock.now()));
  }

  /** Said once, until it works again. What was seen stays as it was. */
  #failed(cause: unknown): null {
    if (this.#isFailing) return null;
    this.#isFailing = true;
    const message = `the serial ports cannot be listed: ${cause instanceof Error ? cause.message : String(cause)}`;
    this.#options.log.warn('discovery.failed', { ...new FlashError('DISCOVERY_PORTS_FAILED', message).toJSON() });
    return null;
  }
}

function sightingOf(slot: string, { path, usb }: PortListing, atMs: number): UsbSighting {
  return { via: 'usb', slot, port: { path, usb }, mac: usb === null ? null : macOf(usb), atMs };
}

/**
 * How this system's ports are found: on Linux from sysfs, elsewhere (and where sysfs is not mounted) by the list that is passed in.
 */
export function systemPorts(
  platform: NodeJS.Platform,
  listOthers: () => Promise<readonly SystemPort[]>,
): Pick<PortSourceOptions, 'list' | 'hints'> {
  const others: PortLister = async () => (await listOthers()).map(fromSystemPort).filter((port) => port !== null);
  if (platform !== 'linux') return { list: others };
  return { list: () => listSysfsPorts('/sys').catch(others), hints: deviceFileHints };
}

/** A new name in /dev. Where that cannot be watched, time alone brings the looks. */
function deviceFileHints(look: () => void): () => void {
  try {
    const watcher = watch('/dev', { persistent: false }, look);
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => undefined;
  }
}
