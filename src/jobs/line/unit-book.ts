import type { Clock } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { Unit, UnitStep } from '../../model/unit.ts';
import { newId } from '../ids.ts';
import type { Journal } from '../journal/journal.ts';
import type { UnitChange } from '../journal/units.ts';
import type { OnBytes } from './bench.ts';
import { withinStall } from './step-limit.ts';
import type { UnitEvent } from './unit-state.ts';

/**
 * How long nothing may be heard of a step before its slot is freed, milliseconds. The sessions have closer limits of their own; these are
 * for drivers that never answer. A ROM without stub erases before it writes, at up to 30 s for each megabyte.
 */
const STALL_MS: Readonly<Record<UnitStep, number>> = {
  connect: 90_000,
  backup: 120_000,
  write: 600_000,
  restart: 30_000,
  'boot-check': 60_000,
};

/** What the records of the line are kept with. */
export interface UnitBookParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onProgress: (unit: Unit, step: UnitStep, doneBytes: number, totalBytes: number) => void;
}

/** The record of one run while it is made: steps are timed here, and each move is durable when the call returns. */
export class UnitBook {
  readonly #parts: UnitBookParts;
  readonly #signal: AbortSignal;
  #unit: Unit;
  #learnt: UnitChange = {};

  /** Enters the run in the journal. */
  constructor(slot: string, port: string, parts: UnitBookParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
    const { journal, clock } = parts;
    this.#unit = journal.transaction(() =>
      journal.units.insert({ id: newId('u'), slot, port, startedMs: clock.now() }),
    );
  }

  /** As the journal has it. */
  get unit(): Unit {
    return this.#unit;
  }

  /** To be written with the next move. */
  learn(change: UnitChange): void {
    this.#learnt = { ...this.#learnt, ...change };
  }

  /** Moves the run along its table. `alongside` belongs to the same transaction. */
  move(event: UnitEvent, alongside: (unit: Unit) => UnitChange | undefined = () => undefined): Unit {
    const { journal, clock } = this.#parts;
    this.#unit = journal.transaction(() => {
      const extra = alongside(this.#unit) ?? {};
      return journal.units.transition(this.#unit, event, { ...this.#learnt, ...extra }, clock.now());
    });
    this.#learnt = {};
    return this.#unit;
  }

  /** Does a step, times it, and gives it up where it stalls. */
  async step<T>(step: UnitStep, work: (onBytes: OnBytes) => Promise<T>): Promise<T> {
    const { clock, log, onProgress } = this.#parts;
    const startedAt = clock.monotonic();
    log.debug('unit.step', { unit: this.#unit.id, step });
    try {
      return await withinStall({ clock, step, stallMs: STALL_MS[step], signal: this.#signal }, (alive) =>
        work((doneBytes, totalBytes) => {
          alive();
          onProgress(this.#unit, step, doneBytes, totalBytes);
        }),
      );
    } catch (thrown) {
      throw inStep(thrown, step);
    } finally {
      const elapsedMs = Math.round(clock.monotonic() - startedAt);
      const before = this.#learnt.steps ?? this.#unit.steps;
      this.learn({ steps: { ...before, [step]: (before[step] ?? 0) + elapsedMs } });
    }
  }
}

/** The error with the step it happened in, where it does not name one. */
function inStep(thrown: unknown, step: UnitStep): unknown {
  if (!(thrown instanceof FlashError) || thrown.step !== undefined) return thrown;
  const { code, message, details } = thrown;
  return new FlashError(code, message, { step, cause: thrown, ...(details === undefined ? {} : { details }) });
}
