import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Visitor } from '../../model/publication.ts';
import { integer, integerOrNull, type Row, text } from './row.ts';

/** A device that came by itself, at one place. */
export interface VisitorRecord extends Visitor {
  readonly protocol: string;
  readonly place: string;
  /** How often it looked at what is offered. */
  readonly looks: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** When it last looked and found nothing on offer; null: never. */
  readonly foundNothingMs: number | null;
}

/** So many devices that never found anything are kept, the last ones: not every one that comes to a server belongs to a rule. */
export const MOST_WITHOUT_A_FIND = 1_000;

/** The sightings of devices that come by themselves. */
export class VisitorTable {
  readonly #note: StatementSync;
  readonly #forget: StatementSync;
  readonly #at: StatementSync;
  readonly #all: StatementSync;

  constructor(database: DatabaseSync) {
    this.#note = database.prepare(
      `INSERT INTO visitors (protocol, place, user, address, looks, first_ms, last_ms, empty_looks, empty_ms)
       VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET looks = looks + 1, last_ms = excluded.last_ms,
         empty_looks = empty_looks + excluded.empty_looks, empty_ms = coalesce(excluded.empty_ms, empty_ms)`,
    );
    this.#forget = database.prepare(
      `DELETE FROM visitors WHERE (protocol, place, user, address) IN (
         SELECT protocol, place, user, address FROM visitors WHERE looks = empty_looks
         ORDER BY last_ms DESC, user, address LIMIT -1 OFFSET ${MOST_WITHOUT_A_FIND})`,
    );
    this.#at = database.prepare('SELECT * FROM visitors WHERE protocol = ? AND place = ? ORDER BY user, address');
    this.#all = database.prepare('SELECT * FROM visitors ORDER BY user, address, last_ms DESC');
  }

  /** It looked, and something was on offer. */
  note(protocol: string, place: string, { user, address }: Visitor, atMs: number): void {
    this.#note.run(protocol, place, user, address, atMs, atMs, 0, null);
  }

  /** It looked, and nothing was on offer. Of devices that never found anything the oldest are forgotten. */
  noteEmpty(protocol: string, place: string, { user, address }: Visitor, atMs: number): void {
    this.#note.run(protocol, place, user, address, atMs, atMs, 1, atMs);
    this.#forget.run();
  }

  at(protocol: string, place: string): readonly VisitorRecord[] {
    return this.#at.all(protocol, place).map(visitorOf);
  }

  /** Each at each of its places, the last seen place first. */
  all(): readonly VisitorRecord[] {
    return this.#all.all().map(visitorOf);
  }
}

function visitorOf(row: Row): VisitorRecord {
  return {
    protocol: text(row, 'protocol'),
    place: text(row, 'place'),
    user: text(row, 'user'),
    address: text(row, 'address'),
    looks: integer(row, 'looks'),
    firstMs: integer(row, 'first_ms'),
    lastMs: integer(row, 'last_ms'),
    foundNothingMs: integerOrNull(row, 'empty_ms'),
  };
}
