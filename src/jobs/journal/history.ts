import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { StoredImage } from '../../model/image.ts';
import { ACTIVE_STATES } from '../state.ts';
import { imageOf } from './images.ts';
import { text } from './row.ts';

/**
 * What nobody will ask for again. Nothing that is to be done, nothing that a device runs or could be taken back to, and nothing of the
 * production line is ever old; drops and what is known of images are kept as well, being small.
 */
export class HistoryTable {
  readonly #database: DatabaseSync;
  /** Each is used once a day, by a daemon only. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Images in the store that nothing rests on, and that were neither dropped nor released since `beforeMs` (epoch ms); oldest first. */
  unneededImages(beforeMs: number): readonly StoredImage[] {
    const sql = `SELECT * FROM images WHERE removed_ms IS NULL
      AND sha256 NOT IN (SELECT image FROM releases WHERE state = 'current' OR created_ms >= $before)
      AND sha256 NOT IN (SELECT image FROM jobs WHERE state IN (${ACTIVE}))
      AND sha256 NOT IN (SELECT image FROM drops WHERE finished = 0 OR seen_ms >= $before)
      AND sha256 NOT IN (SELECT image FROM releases JOIN publications ON release = id WHERE ${STANDS})
      AND sha256 NOT IN (SELECT image FROM device_images)
      AND sha256 NOT IN (SELECT image FROM proven_images)
      ORDER BY rowid`;
    return this.#prepared(sql).all({ before: beforeMs }).map(imageOf);
  }

  /** Had a job of a release of this image anything to do since `beforeMs`? */
  wasUsed(sha256: string, beforeMs: number): boolean {
    const sql = `SELECT EXISTS (SELECT 1 FROM releases JOIN jobs ON jobs.release = releases.id
      WHERE releases.image = ? AND jobs.updated_ms >= ?) AS is_so`;
    return this.#prepared(sql).get(sha256, beforeMs)?.['is_so'] === 1;
  }

  /** The bytes of this image leave the store. */
  remove(sha256: string, atMs: number): void {
    this.#prepared('UPDATE images SET removed_ms = ? WHERE sha256 = ?').run(atMs, sha256);
  }

  /** Releases from before `beforeMs` that are not current, and to which nothing refers; oldest first. */
  oldReleases(beforeMs: number): readonly string[] {
    const sql = `SELECT id FROM releases WHERE state <> 'current' AND created_ms < ?
      AND NOT EXISTS (SELECT 1 FROM publications WHERE release = releases.id AND ${STANDS})
      AND NOT EXISTS (SELECT 1 FROM units WHERE release = releases.id)
      AND id NOT IN (SELECT undo_of FROM releases WHERE undo_of IS NOT NULL)
      AND id NOT IN (SELECT refresh_of FROM releases WHERE refresh_of IS NOT NULL)
      AND id NOT IN (SELECT led_by FROM releases WHERE led_by IS NOT NULL)
      ORDER BY rowid`;
    return this.#prepared(sql)
      .all(beforeMs)
      .map((row) => text(row, 'id'));
  }

  /** Have all jobs of this release been over since before `beforeMs`? */
  isOver(release: string, beforeMs: number): boolean {
    const sql = `SELECT NOT EXISTS (SELECT 1 FROM jobs WHERE release = ? AND (updated_ms >= ? OR state IN (${ACTIVE}))) AS is_so`;
    return this.#prepared(sql).get(release, beforeMs)?.['is_so'] === 1;
  }

  /** Forgets the rollout of a release, before its devices go one by one. */
  forgetRollout(release: string): void {
    this.#prepared('DELETE FROM rollout_decisions WHERE release = ?').run(release);
    this.#prepared('DELETE FROM rollouts WHERE release = ?').run(release);
  }

  /** Forgets at most `limit` jobs of a release, with their attempts and transitions. Returns how many it forgot. */
  forgetJobs(release: string, limit: number): number {
    const ids = this.#prepared('SELECT id FROM jobs WHERE release = ? LIMIT ?')
      .all(release, limit)
      .map((row) => text(row, 'id'));
    for (const id of ids) {
      this.#prepared('DELETE FROM transitions WHERE job = ?').run(id);
      this.#prepared('DELETE FROM attempts WHERE job = ?').run(id);
      this.#prepared('DELETE FROM jobs WHERE id = ?').run(id);
    }
    return ids.length;
  }

  /** Forgets a release that has neither jobs nor a rollout any more, and how the file that brought it ended for each device. */
  forgetRelease(release: string): void {
    this.#prepared('DELETE FROM publications WHERE release = ?').run(release);
    this.#prepared(
      `UPDATE drops SET result = NULL FROM (SELECT drops.id, part_of FROM drops JOIN releases ON drop_id = drops.id WHERE releases.id = ?) AS brought
       WHERE finished = 1 AND drops.id IN (brought.id, brought.part_of)`,
    ).run(release);
    this.#prepared('DELETE FROM releases WHERE id = ?').run(release);
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }
}

const ACTIVE = ACTIVE_STATES.map((state) => `'${state}'`).join(', ');

const STANDS = "publications.state IN ('wanted', 'published')";
