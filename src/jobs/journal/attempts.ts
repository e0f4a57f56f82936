import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ErrorReport } from '../../errors.ts';
import type { Step } from '../../model/job.ts';
import type { Proof } from '../../model/proof.ts';
import { asJson, integer, integerOrNull, jsonOrNull, textOrNull } from './row.ts';

/** One try of a job, as it is shown to people. */
export interface AttemptRecord {
  readonly number: number;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly step: Step | null;
  readonly sentBytes: number;
  readonly proof: Proof | null;
  readonly error: ErrorReport | null;
}

/** The attempts of each job, numbered from 1. */
export class AttemptTable {
  readonly #next: StatementSync;
  readonly #open: StatementSync;
  readonly #close: StatementSync;
  readonly #abandon: StatementSync;
  readonly #ofJob: StatementSync;

  constructor(database: DatabaseSync) {
    this.#next = database.prepare('SELECT COALESCE(MAX(number), 0) + 1 AS number FROM attempts WHERE job = ?');
    this.#open = database.prepare('INSERT INTO attempts (job, number, started_ms) VALUES (?, ?, ?)');
    this.#close = database.prepare(
      'UPDATE attempts SET ended_ms = ?, step = ?, sent_bytes = ?, proof = ?, error = ? WHERE job = ? AND number = ?',
    );
    this.#abandon = database.prepare(
      'UPDATE attempts SET ended_ms = ?, step = ?, error = ? WHERE job = ? AND ended_ms IS NULL',
    );
    this.#ofJob = database.prepare('SELECT * FROM attempts WHERE job = ? ORDER BY number');
  }

  /**
   * Enters a new attempt and returns its number. That is not the job's `attempts`, which counts against the retries of its rule: an
   * attempt that was interrupted does not count there, and a job that is taken up again begins anew.
   */
  open(jobId: string, atMs: number): number {
    const row = this.#next.get(jobId);
    const number = row === undefined ? 1 : integer(row, 'number');
    this.#open.run(jobId, number, atMs);
    return number;
  }

  /** Ends the attempt that a process left open when it died; how many bytes it had sent is not known. */
  abandon(jobId: string, { step, error, endedMs }: Pick<AttemptRecord, 'step' | 'error' | 'endedMs'>): void {
    this.#abandon.run(endedMs, step, asJson(error), jobId);
  }

  /** Ends the attempt with this number. */
  close(jobId: string, attempt: Omit<AttemptRecord, 'startedMs'>): void {
    const { number, endedMs, step, sentBytes, proof, error } = attempt;
    this.#close.run(endedMs, step, sentBytes, proof, asJson(error), jobId, number);
  }

  /** First to last. */
  ofJob(jobId: string): readonly AttemptRecord[] {
    return this.#ofJob.all(jobId).map((row) => ({
      number: integer(row, 'number'),
      startedMs: integer(row, 'started_ms'),
      endedMs: integerOrNull(row, 'ended_ms'),
      step: textOrNull(row, 'step') as Step | null,
      sentBytes: integer(row, 'sent_bytes'),
      proof: textOrNull(row, 'proof') as Proof | null,
      error: jsonOrNull<ErrorReport>(row, 'error'),
    }));
  }
}
