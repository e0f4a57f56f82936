import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** A transition as it stands in the journal. */
export interface Transition {
  readonly seq: number;
  readonly job: string;
  readonly event: string;
}

/** Looks at a journal from outside, while a daemon writes it, is killed, or is not there. Never writes. */
export class JournalView {
  readonly #path: string;
  #database: DatabaseSync | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  get lastTransition(): number {
    return Number(this.#rows('SELECT COALESCE(MAX(seq), 0) AS seq FROM transitions')[0]?.['seq'] ?? 0);
  }

  transitionsAfter(seq: number): Transition[] {
    return this.#rows('SELECT seq, job, event FROM transitions WHERE seq > ? ORDER BY seq', seq).map((row) => ({
      seq: Number(row['seq']),
      job: String(row['job']),
      event: String(row['event']),
    }));
  }

  hasJobIn(step: string): boolean {
    return this.#rows(`SELECT 1 FROM jobs WHERE step = ? AND state IN ('running', 'confirming')`, step).length > 0;
  }

  /** Every file that was taken has brought its releases, or has ended. */
  get isPlanned(): boolean {
    const half = 'SELECT 1 FROM drops WHERE finished = 0 AND id NOT IN (SELECT drop_id FROM releases)';
    return this.#rows(half).length === 0;
  }

  /** No file and no job is under way. */
  get isAtRest(): boolean {
    const busy = `SELECT 1 FROM drops WHERE finished = 0
      UNION ALL SELECT 1 FROM jobs WHERE state IN ('queued', 'running', 'confirming')`;
    return this.#rows(busy).length === 0;
  }

  close(): void {
    this.#database?.close();
    this.#database = null;
  }

  /** Nothing, as long as there is no journal or its tables are still being made. */
  #rows(sql: string, ...values: (string | number)[]): Record<string, unknown>[] {
    try {
      if (!existsSync(this.#path)) return [];
      this.#database ??= new DatabaseSync(this.#path, { readOnly: true, timeout: 1_000 });
      return this.#database.prepare(sql).all(...values);
    } catch (error) {
      if (!(error instanceof Error) || !/no such table|locked|unable to open/.test(error.message)) throw error;
      return [];
    }
  }
}
