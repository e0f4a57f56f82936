import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Release } from '../../model/job.ts';
import { integer, integerOrNull, type Row, text } from './row.ts';

/** A release with the file that brought it. */
export interface ReleaseRecord extends Release {
  readonly dropId: string;
}

/** The releases: at most one per slot is current (a unique index holds that). */
export class ReleaseTable {
  readonly #insert: StatementSync;
  readonly #end: StatementSync;
  readonly #get: StatementSync;
  readonly #all: StatementSync;
  readonly #current: StatementSync;
  readonly #bySlot: StatementSync;
  readonly #byDrop: StatementSync;
  readonly #expired: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(
      `INSERT INTO releases (id, rule, slot, image, drop_id, created_ms, expires_ms, state)
       VALUES (?, ?, ?, ?, ?, ?, ?, 'current')`,
    );
    this.#end = database.prepare('UPDATE releases SET state = ? WHERE id = ?');
    const select = 'SELECT releases.*, drops.name AS image_name FROM releases JOIN drops ON drops.id = drop_id';
    this.#get = database.prepare(`${select} WHERE releases.id = ?`);
    this.#all = database.prepare(`${select} ORDER BY created_ms DESC, releases.id LIMIT ?`);
    this.#current = database.prepare(`${select} WHERE state = 'current' ORDER BY created_ms, releases.id`);
    this.#bySlot = database.prepare(`${select} WHERE state = 'current' AND slot = ?`);
    this.#byDrop = database.prepare(`${select} WHERE drop_id = ? ORDER BY created_ms, releases.id`);
    this.#expired = database.prepare(`${select} WHERE state = 'current' AND expires_ms <= ?`);
  }

  /** The slot must have no current release: end that one first, in the same transaction. */
  insert(release: Omit<ReleaseRecord, 'state' | 'imageName'>): void {
    const { id, rule, slot, image, dropId, createdMs, expiresMs } = release;
    this.#insert.run(id, rule, slot, image, dropId, createdMs, expiresMs);
  }

  end(id: string, state: Exclude<Release['state'], 'current'>): void {
    this.#end.run(state, id);
  }

  get(id: string): ReleaseRecord | null {
    const row = this.#get.get(id);
    return row === undefined ? null : releaseOf(row);
  }

  /** Newest first. */
  newest(limit: number): readonly ReleaseRecord[] {
    return this.#all.all(limit).map(releaseOf);
  }

  current(): readonly ReleaseRecord[] {
    return this.#current.all().map(releaseOf);
  }

  currentIn(slot: string): ReleaseRecord | null {
    const row = this.#bySlot.get(slot);
    return row === undefined ? null : releaseOf(row);
  }

  /** Current releases whose time is over. */
  expired(nowMs: number): readonly ReleaseRecord[] {
    return this.#expired.all(nowMs).map(releaseOf);
  }

  ofDrop(dropId: string): readonly ReleaseRecord[] {
    return this.#byDrop.all(dropId).map(releaseOf);
  }
}

function releaseOf(row: Row): ReleaseRecord {
  return {
    id: text(row, 'id'),
    rule: text(row, 'rule'),
    slot: text(row, 'slot'),
    image: text(row, 'image'),
    imageName: text(row, 'image_name'),
    dropId: text(row, 'drop_id'),
    createdMs: integer(row, 'created_ms'),
    expiresMs: integerOrNull(row, 'expires_ms'),
    state: text(row, 'state') as Release['state'],
  };
}
