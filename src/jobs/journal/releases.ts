import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Release } from '../../model/job.ts';
import { integer, integerOrNull, type Row, text, textOrNull } from './row.ts';

/** A release with the drop that brought it. */
export interface ReleaseRecord extends Release {
  readonly dropId: string;
  /** The release of the same drop whose rollout is that of this one too; null: it has its own, or none. */
  readonly ledBy: string | null;
}

/** A release that is to be entered: an ordinary one unless it says what it takes back, brings once more, or is led by. */
type NewRelease = Omit<ReleaseRecord, 'state' | 'imageName' | 'undoOf' | 'refreshOf' | 'ledBy'> &
  Partial<Pick<ReleaseRecord, 'undoOf' | 'refreshOf' | 'ledBy'>>;

/**
 * The releases: at most one per slot is current (a unique index holds that). Their order is the one they were entered in (`rowid`), not that of
 * the clock: which of two is the newer decides what a board gets, and clocks tie and step back.
 */
export class ReleaseTable {
  readonly #insert: StatementSync;
  readonly #end: StatementSync;
  readonly #get: StatementSync;
  readonly #all: StatementSync;
  readonly #beginning: StatementSync;
  readonly #current: StatementSync;
  readonly #bySlot: StatementSync;
  readonly #byDrop: StatementSync;
  readonly #expired: StatementSync;
  readonly #together: StatementSync;
  readonly #undos: StatementSync;
  readonly #undosFor: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(
      `INSERT INTO releases (id, rule, slot, image, drop_id, created_ms, expires_ms, undo_of, refresh_of, led_by, state)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'current')`,
    );
    this.#end = database.prepare('UPDATE releases SET state = ? WHERE id = ?');
    const select = 'SELECT releases.*, drops.name AS image_name FROM releases JOIN drops ON drops.id = drop_id';
    this.#get = database.prepare(`${select} WHERE releases.id = ?`);
    this.#beginning = database.prepare(
      `SELECT id FROM releases WHERE id >= $text AND id < $text || '~' ORDER BY rowid DESC LIMIT 4`,
    );
    this.#all = database.prepare(`${select} ORDER BY releases.rowid DESC LIMIT ?`);
    // The plus: few releases are current, and to go through all of them in their order would take longer with each year.
    this.#current = database.prepare(`${select} WHERE state = 'current' AND undo_of IS NULL ORDER BY +releases.rowid`);
    this.#bySlot = database.prepare(`${select} WHERE state = 'current' AND slot = ?`);
    this.#byDrop = database.prepare(
      `${select} WHERE drop_id = $drop OR drop_id IN (SELECT id FROM drops WHERE part_of = $drop) ORDER BY releases.rowid`,
    );
    this.#undos = database.prepare(
      `WITH RECURSIVE taken(id) AS (
         SELECT id FROM releases WHERE slot = ?
         UNION SELECT releases.id FROM releases JOIN taken ON releases.undo_of = taken.id
       ) ${select} WHERE state = 'current' AND undo_of IN (SELECT id FROM taken) ORDER BY +releases.rowid`,
    );
    this.#undosFor = database.prepare(
      `${select} WHERE state = 'current' AND undo_of IS NOT NULL
         AND releases.id IN (SELECT release FROM jobs WHERE device IN (SELECT value FROM json_each(?))) ORDER BY created_ms`,
    );
    this.#together = database.prepare(
      `SELECT id FROM releases, (SELECT COALESCE(led_by, id) AS lead FROM releases WHERE id = ?)
       WHERE id = lead OR led_by = lead ORDER BY releases.rowid`,
    );
    this.#expired = database.prepare(`${select} WHERE state = 'current' AND expires_ms <= ?`);
  }

  /** The slot must have no current release: end that one first, in the same transaction. */
  insert(release: NewRelease): void {
    const { id, rule, slot, image, dropId, createdMs, expiresMs } = release;
    const { undoOf = null, refreshOf = null, ledBy = null } = release;
    this.#insert.run(id, rule, slot, image, dropId, createdMs, expiresMs, undoOf, refreshOf, ledBy);
  }

  end(id: string, state: Exclude<Release['state'], 'current'>): void {
    this.#end.run(state, id);
  }

  /** Ids that begin with these characters, newest first; none for an empty text. For somebody who did not write one to its end. */
  beginningWith(text: string): readonly string[] {
    return text === '' ? [] : this.#beginning.all({ text: text.toLowerCase() }).map((row) => String(row['id']));
  }

  get(id: string): ReleaseRecord | null {
    const row = this.#get.get(id);
    return row === undefined ? null : releaseOf(row);
  }

  /** Newest first. */
  newest(limit: number): readonly ReleaseRecord[] {
    return this.#all.all(limit).map(releaseOf);
  }

  /** What devices ought to run. Releases that take others back are for single devices, and not among them. */
  current(): readonly ReleaseRecord[] {
    return this.#current.all().map(releaseOf);
  }

  currentIn(slot: string): ReleaseRecord | null {
    const row = this.#bySlot.get(slot);
    return row === undefined ? null : releaseOf(row);
  }

  /** Current releases that take back one of this slot, or one that does. */
  undosIn(slot: string): readonly ReleaseRecord[] {
    return this.#undos.all(slot).map(releaseOf);
  }

  /** Current releases that take others back on this device. */
  undosFor(deviceIds: readonly string[]): readonly ReleaseRecord[] {
    return this.#undosFor.all(JSON.stringify(deviceIds)).map(releaseOf);
  }

  /** Current releases whose time is over. */
  expired(nowMs: number): readonly ReleaseRecord[] {
    return this.#expired.all(nowMs).map(releaseOf);
  }

  /** The releases that share their rollout with this one, itself included, the one that leads it first. */
  together(id: string): readonly string[] {
    return this.#together.all(id).map((row) => text(row, 'id'));
  }

  ofDrop(dropId: string): readonly ReleaseRecord[] {
    return this.#byDrop.all({ drop: dropId }).map(releaseOf);
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
    undoOf: textOrNull(row, 'undo_of'),
    refreshOf: textOrNull(row, 'refresh_of'),
    ledBy: textOrNull(row, 'led_by'),
    state: text(row, 'state') as Release['state'],
  };
}
