import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Visitor } from '../../model/publication.ts';
import { integer, type Row, text } from './row.ts';

/** A device that came by itself, at one place. */
export interface VisitorRecord extends Visitor {
  readonly protocol: string;
  readonly place: string;
  /** How often it looked at what is offered. */
  readonly looks: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The sightings of devices that come by themselves. */
export class VisitorTable {
  readonly #note: StatementSync;
  readonly #at: StatementSync;
  readonly #all: StatementSync;

  constructor(database: DatabaseSync) {
    this.#note = database.prepare(
      `INSERT INTO visitors (protocol, place, user, address, looks, first_ms, last_ms) VALUES (?, ?, ?, ?, 1, ?, ?)
       ON CONFLICT DO UPDATE SET looks = looks + 1, last_ms = excluded.last_ms`,
    );
    this.#at = database.prepare('SELECT * FROM visitors WHERE protocol = ? AND place = ? ORDER BY user, address');
    this.#all = database.prepare('SELECT * FROM visitors ORDER BY user, address, last_ms DESC');
  }

  note(protocol: string, place: string, { user, address }: Visitor, atMs: number): void {
    this.#note.run(protocol, place, user, address, atMs, atMs);
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
  };
}
