import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { integer, json, type Row, text } from './row.ts';

/** Something that the audit log has to tell, not written there yet. */
export interface AuditEntry {
  /** Ascending; names it once and for all. */
  readonly entry: number;
  readonly atMs: number;
  /** `job.start`, `file.taken`, … (docs/audit.md). */
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The last record of the audit log that is known to be on the disk. */
export interface AuditHead {
  readonly seq: number;
  /** SHA-256, lower case hex. */
  readonly hash: string;
}

/**
 * What the audit log still has to tell: entered in the same transaction as what it tells of, removed when it is on the disk there. So
 * nothing is told that did not happen, and nothing that happened is left out, whenever the process dies.
 */
export class AuditOutbox {
  readonly #insert: StatementSync;
  readonly #pending: StatementSync;
  readonly #remove: StatementSync;
  readonly #putHead: StatementSync;
  readonly #getHead: StatementSync;
  #onAdded: () => void = () => undefined;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare('INSERT INTO audit_outbox (at_ms, event, fields) VALUES (?, ?, ?)');
    this.#pending = database.prepare('SELECT * FROM audit_outbox ORDER BY entry LIMIT ?');
    this.#remove = database.prepare('DELETE FROM audit_outbox WHERE entry <= ?');
    this.#putHead = database.prepare(
      'INSERT INTO audit_head (only, seq, hash) VALUES (1, ?, ?) ON CONFLICT (only) DO UPDATE SET seq = excluded.seq, hash = excluded.hash',
    );
    this.#getHead = database.prepare('SELECT seq, hash FROM audit_head');
  }

  /** Told after each {@link add}; its transaction may still be open. One listener: a second takes the place of the first. */
  onAdded(listener: () => void): void {
    this.#onAdded = listener;
  }

  add(event: string, atMs: number, fields: AuditEntry['fields']): void {
    this.#insert.run(atMs, event, JSON.stringify(fields));
    this.#onAdded();
  }

  /** Oldest first. */
  pending(limit: number): readonly AuditEntry[] {
    return this.#pending.all(limit).map(entryOf);
  }

  /** Everything up to and with `entry` is in the audit log, which ends with `head`. Call it inside a transaction. */
  settle(entry: number, head: AuditHead): void {
    this.#remove.run(entry);
    this.#putHead.run(head.seq, head.hash);
  }

  /** Null while nothing was ever written. */
  head(): AuditHead | null {
    const row = this.#getHead.get();
    return row === undefined ? null : { seq: integer(row, 'seq'), hash: text(row, 'hash') };
  }
}

function entryOf(row: Row): AuditEntry {
  return {
    entry: integer(row, 'entry'),
    atMs: integer(row, 'at_ms'),
    event: text(row, 'event'),
    fields: json<AuditEntry['fields']>(row, 'fields'),
  };
}
