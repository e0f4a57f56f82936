import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Dossier, StoredImage } from '../../model/image.ts';
import { integer, json, type Row, text } from './row.ts';

/** What is known of each image that was ever in the store. The bytes themselves are the store's. */
export class ImageTable {
  readonly #put: StatementSync;
  readonly #get: StatementSync;
  readonly #stored: StatementSync;
  readonly #dropped: StatementSync;

  constructor(database: DatabaseSync) {
    this.#put = database.prepare(
      `INSERT INTO images (sha256, name, size_bytes, dossier) VALUES (?, ?, ?, ?)
       ON CONFLICT (sha256) DO UPDATE SET name = excluded.name, dossier = excluded.dossier, removed_ms = NULL`,
    );
    // Of an image that was dropped again after its release was taken back, the last word counts.
    this.#dropped = database.prepare(
      `SELECT images.*, drops.name AS drop_name FROM images JOIN drops ON drops.image = images.sha256
       WHERE removed_ms IS NULL AND COALESCE((SELECT state FROM releases WHERE releases.image = images.sha256 AND undo_of IS NULL
                       ORDER BY created_ms DESC LIMIT 1), '') <> 'withdrawn'
       ORDER BY drops.seen_ms DESC, drops.id`,
    );
    this.#get = database.prepare('SELECT * FROM images WHERE sha256 = ?');
    this.#stored = database.prepare('SELECT 1 FROM images WHERE sha256 = ? AND removed_ms IS NULL');
  }

  /** Enters an image whose bytes are in the store, or brings its name and dossier up to date. */
  put(image: StoredImage): void {
    this.#put.run(image.sha256, image.name, image.sizeBytes, JSON.stringify(image.dossier));
  }

  get(sha256: string): StoredImage | null {
    const row = this.#get.get(sha256);
    return row === undefined ? null : imageOf(row);
  }

  /** Is it in the store? One that nobody needed for long is not any more. */
  isStored(sha256: string): boolean {
    return this.#stored.get(sha256) !== undefined;
  }

  /**
   * Every image of the store under each name that it was dropped by, the last one first; without those of which a person has taken the
   * release back.
   */
  dropped(): readonly StoredImage[] {
    return this.#dropped.all().map((row) => ({ ...imageOf(row), name: text(row, 'drop_name') }));
  }
}

/** A row of the table as the image that it describes. */
export function imageOf(row: Row): StoredImage {
  return {
    sha256: text(row, 'sha256'),
    name: text(row, 'name'),
    sizeBytes: integer(row, 'size_bytes'),
    dossier: json<Dossier>(row, 'dossier'),
  };
}
