import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { integer, integerOrNull, text } from './row.ts';

/** How far the starts of a rule's maintenance window are dealt with. */
export interface WindowRecord {
  /** The window that this is about: a rule with another one begins anew. */
  readonly schedule: string;
  /** The last start that was kept or reported as missed, epoch ms; of a window that is new, when it was first seen. */
  readonly startMs: number;
  /** Until when a missed start is made up for, epoch ms; null: none is. */
  readonly madeUpUntilMs: number | null;
}

/** One row for each rule that has, or had, a maintenance window. */
export class WindowTable {
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #keep: StatementSync;

  constructor(database: DatabaseSync) {
    this.#get = database.prepare('SELECT * FROM windows WHERE rule = ?');
    this.#put = database.prepare(
      `INSERT INTO windows (rule, schedule, start_ms, made_up_until_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT (rule) DO UPDATE SET schedule = excluded.schedule, start_ms = excluded.start_ms,
         made_up_until_ms = excluded.made_up_until_ms`,
    );
    this.#keep = database.prepare('DELETE FROM windows WHERE rule NOT IN (SELECT value FROM json_each(?))');
  }

  get(rule: string): WindowRecord | null {
    const row = this.#get.get(rule);
    if (row === undefined) return null;
    return {
      schedule: text(row, 'schedule'),
      startMs: integer(row, 'start_ms'),
      madeUpUntilMs: integerOrNull(row, 'made_up_until_ms'),
    };
  }

  /** Forgets all other rules: one that comes back later has missed nothing meanwhile. */
  keepOnly(rules: readonly string[]): void {
    this.#keep.run(JSON.stringify(rules));
  }

  put(rule: string, { schedule, startMs, madeUpUntilMs }: WindowRecord): void {
    this.#put.run(rule, schedule, startMs, madeUpUntilMs);
  }
}
