import { setTimeout as pause } from 'node:timers/promises';
import { DaemonProcess } from '../integration/daemon/daemon-process.ts';
import { JournalView } from './journal-view.ts';
import { type KillPoint, labelOf, pointAt } from './points.ts';
import { countOutcomes, findViolations } from './promises.ts';
import { SeededRandom } from './random.ts';
import { Site } from './site.ts';
import { type Life, reached } from './trigger.ts';

export interface RunOptions {
  /** Up to 14 letters and digits; no other run of this machine may have it. */
  readonly name: string;
  readonly seed: number;
  /** Which points of the sequence, counted from 0. */
  readonly firstPoint: number;
  readonly points: number;
}

/** What one site went through. */
export interface RunReport {
  /** How the daemon was killed, in order. */
  readonly killed: readonly string[];
  /** Points that did not come up before everything was done. */
  readonly missed: readonly string[];
  /** How often jobs ended how: `succeeded`, `failed JOB_OUTCOME_UNKNOWN`. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Broken promises, for people. */
  readonly violations: readonly string[];
}

/** Everything is done long before; a daemon that is not has lost something. */
const LONGEST_LIFE_MS = 90_000;
/** A point that has not come up after so many batches does not exist in this life. */
const BATCHES_PER_POINT = 2;
const LOOK_EVERY_MS = 10;

/**
 * Kills the daemon of one site again and again, each time at another point, while files keep being dropped, also while it is dead.
 * Then lets it finish everything, stops it, and looks whether every promise was kept.
 */
export async function crashRun({ name, seed, firstPoint, points }: RunOptions): Promise<RunReport> {
  const random = new SeededRandom(seed);
  const site = await Site.open(name);
  const run = new CrashRun(site);
  try {
    for (let nth = firstPoint; nth < firstPoint + points; nth += 1) {
      // Half of the first batches are dropped while no daemon is there.
      await run.live(pointAt(nth, random), random.next() < 0.5);
    }
    await run.live(null, false);
    await site.untilRestarted();
    return {
      killed: run.killed,
      missed: run.missed,
      outcomes: countOutcomes(site),
      violations: [...run.trouble, ...(await findViolations(site))],
    };
  } finally {
    await site.close();
  }
}

class CrashRun {
  readonly killed: string[] = [];
  readonly missed: string[] = [];
  /** What went wrong on the way. */
  readonly trouble: string[] = [];
  readonly #site: Site;

  constructor(site: Site) {
    this.#site = site;
  }

  /** One life of the daemon: to the point, or to the end of all work and a clean stop. */
  async live(point: KillPoint | null, isDroppedBefore: boolean): Promise<void> {
    const journal = new JournalView(this.#site.journalPath);
    const batches = new Batches(this.#site, journal, point === null ? 0 : BATCHES_PER_POINT);
    if (isDroppedBefore) batches.dropNext();
    const daemon = new DaemonProcess([], { cwd: this.#site.home });
    const life: Life = { daemon, site: this.#site, journal, drops: () => batches.dropped };
    const over = new AbortController();
    const killing = point === null ? Promise.resolve(false) : this.#killAt(point, life, over.signal);
    try {
      await this.#untilDone(life, batches);
      over.abort();
      const wasKilled = await killing;
      if (point !== null) (wasKilled ? this.killed : this.missed).push(labelOf(point));
      if (!wasKilled) await this.#stop(daemon);
    } finally {
      over.abort();
      daemon.signal('SIGKILL');
      await daemon.exited;
      journal.close();
    }
  }

  async #killAt(point: KillPoint, life: Life, signal: AbortSignal): Promise<boolean> {
    const wasReached = await reached(point, life, signal);
    if (wasReached) life.daemon.signal('SIGKILL');
    return wasReached;
  }

  /** Feeds the daemon until it has nothing left to do, or is dead. */
  async #untilDone({ daemon, site, journal }: Life, batches: Batches): Promise<void> {
    const endMs = performance.now() + LONGEST_LIFE_MS;
    for (; daemon.isRunning; await pause(LOOK_EVERY_MS)) {
      if (performance.now() > endMs) {
        this.trouble.push(`not done after ${LONGEST_LIFE_MS} ms; the last lines: ${lastLines(daemon)}`);
        return;
      }
      if (!daemon.lines.some(({ event }) => event === 'daemon.ready')) continue;
      const isDone = site.untaken().length === 0 && journal.isAtRest;
      if (isDone && batches.areOver) return;
      if (isDone || batches.dropped === 0) batches.dropNext();
    }
  }

  async #stop(daemon: DaemonProcess): Promise<void> {
    if (!daemon.isRunning) this.trouble.push(`the daemon ended by itself: ${daemon.errors} ${lastLines(daemon)}`);
    daemon.signal('SIGTERM');
    const code = await daemon.exited;
    if (code !== 0) this.trouble.push(`a clean stop ended with ${code}: ${lastLines(daemon)}`);
  }
}

function lastLines(daemon: DaemonProcess): string {
  return JSON.stringify(daemon.lines.slice(-4));
}

/** The files that one daemon is fed with. */
class Batches {
  dropped = 0;
  readonly #site: Site;
  readonly #journal: JournalView;
  readonly #most: number;

  constructor(site: Site, journal: JournalView, most: number) {
    this.#site = site;
    this.#journal = journal;
    this.#most = most;
  }

  get areOver(): boolean {
    return this.dropped >= this.#most;
  }

  /** A newer image only after the former one is a release: otherwise the order of names would say which of two is the newer. */
  dropNext(): void {
    if (this.areOver || this.#site.untaken().length > 0 || !this.#journal.isPlanned) return;
    this.#site.dropNext();
    if (this.dropped > 0) this.#site.dropAgain();
    this.dropped += 1;
  }
}
