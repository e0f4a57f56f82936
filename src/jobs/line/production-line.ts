import { FlashError } from '../../errors.ts';
import type { Unit } from '../../model/unit.ts';
import { type Offers, offersFor, orderFor } from './orders.ts';
import { isSamePlug, type Plug } from './plug.ts';
import { runUnit, type UnitRunParts } from './unit-run.ts';

/** Ports that are worked on at once; more boards wait for their turn. */
const MOST_PORTS = 16;

/** What the line is made of; `createDaemon` gives it. */
export interface LineParts extends UnitRunParts {
  /** Whether a job of the queue is using the port of this device; such a board waits. */
  readonly isPortTaken: (deviceId: string) => boolean;
  /** A run has ended: its port may be used by others. */
  readonly onPortFree: () => void;
  /** The journal cannot be written, or the line itself is broken: nothing more may be done in this process. */
  readonly onFatal: (error: unknown) => void;
}

/** A run that has ended, and what was on offer when it began. */
interface Done {
  readonly unit: Unit;
  readonly offers: Offers;
  readonly endedAtMs: number;
}

/** One fixture position. */
interface Slot {
  plug: Plug;
  /** When its port was last seen to vanish, monotonic milliseconds; null while it is there. */
  goneAtMs: number | null;
  run: Promise<void> | null;
  /** Of the board that is on it. */
  done: Done | null;
}

/** Sees to it that each board that is plugged in gets its run: one per slot at a time, and no slot waits for another. */
export class ProductionLine {
  readonly #parts: LineParts;
  readonly #stopping = new AbortController();
  readonly #slots = new Map<string, Slot>();
  #isTurnDue = false;
  #isStarted = false;

  constructor(parts: LineParts) {
    this.#parts = parts;
  }

  /** Closes the records that an earlier process left open, and begins with the boards that are there. */
  start(): void {
    const { journal, clock, log } = this.#parts;
    for (const unit of journal.units.running()) {
      const error = new FlashError('LINE_INTERRUPTED', 'the daemon ended in the middle of the run').toJSON();
      journal.transaction(() => journal.units.transition(unit, 'interrupt', { error }, clock.now()));
      log.warn('unit.failed', { unit: unit.id, port: unit.port, mac: unit.board?.mac, state: 'interrupted', ...error });
    }
    this.#isStarted = true;
    this.wake();
  }

  /** No new runs; those under way are given up where they are, and recorded so. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopping.abort(new FlashError('LINE_INTERRUPTED', 'the daemon is stopping'));
    await Promise.allSettled([...this.#slots.values()].map(({ run }) => run));
  }

  /** A port with a board on it has appeared. */
  attached(plug: Plug): void {
    const { id } = plug;
    const known = this.#slots.get(id);
    if (known !== undefined && isSamePlug(pastOf(known), plug, this.#parts.clock.monotonic())) {
      known.plug = plug;
      known.goneAtMs = null;
    } else {
      // A run that is still ending keeps its slot until then: two sessions on one port would both fail.
      this.#slots.set(id, { plug, goneAtMs: null, run: known?.run ?? null, done: null });
    }
    this.wake();
  }

  /** A port has vanished. A run under way on it ends by itself: the port is gone, or comes back after the restart of the board. */
  detached(deviceId: string): void {
    const slot = this.#slots.get(deviceId);
    if (slot !== undefined) slot.goneAtMs ??= this.#parts.clock.monotonic();
  }

  /** Something has changed that may give a board work: a release, the rules. */
  wake(): void {
    if (!this.#isStarted || this.#isTurnDue || this.#stopping.signal.aborted) return;
    this.#isTurnDue = true;
    setImmediate(() => {
      this.#isTurnDue = false;
      this.#turn();
    });
  }

  /** Whether a board is being worked on at the port of this device. */
  isRunningOn(deviceId: string): boolean {
    return (this.#slots.get(deviceId)?.run ?? null) !== null;
  }

  get runningCount(): number {
    return [...this.#slots.values()].filter(({ run }) => run !== null).length;
  }

  #turn(): void {
    if (this.#stopping.signal.aborted) return;
    try {
      for (const slot of this.#slots.values()) {
        if (this.runningCount >= MOST_PORTS) return;
        if (this.#isFree(slot) && this.#hasWork(slot)) this.#run(slot);
      }
    } catch (error) {
      this.#parts.onFatal(error);
    }
  }

  #isFree({ plug, goneAtMs, run }: Slot): boolean {
    return goneAtMs === null && run === null && !this.#parts.isPortTaken(plug.id);
  }

  /** A board that had its run has work again when something is released that it was not offered then and would get now. */
  #hasWork({ plug, done }: Slot): boolean {
    const offers = offersFor(plug, this.#parts);
    if (done === null) return offers.length > 0;
    if (!offers.some((id) => !done.offers.includes(id))) return false;
    const { board, release } = done.unit;
    return board === null || newestFor(plug, board, this.#parts) !== release;
  }

  #run(slot: Slot): void {
    const { clock, onFatal, onPortFree } = this.#parts;
    const { id } = slot.plug;
    const offers = offersFor(slot.plug, this.#parts);
    const run = runUnit(slot.plug, this.#parts, this.#stopping.signal)
      .then((unit) => {
        slot.done = { unit, offers, endedAtMs: clock.monotonic() };
      })
      .catch(onFatal)
      .finally(() => {
        // The board may have been changed for another meanwhile.
        const current = this.#slots.get(id);
        if (current?.run === run) current.run = null;
        this.wake();
        onPortFree();
      });
    slot.run = run;
  }
}

function pastOf({ plug, goneAtMs, run, done }: Slot) {
  return { plug, goneAtMs, isRunning: run !== null, endedAtMs: done?.endedAtMs ?? null };
}

/** The release that this board would get now; null where none is for it. */
function newestFor(device: Plug, board: NonNullable<Unit['board']>, parts: LineParts): string | null {
  try {
    return orderFor(device, board, parts).release.id;
  } catch (error) {
    if (error instanceof FlashError) return null;
    throw error;
  }
}
