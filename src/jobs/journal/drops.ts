import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  type Drop,
  type DropFolderName,
  type DropLedger,
  type DropResult,
  type FileOrigin,
  type RejectedFile,
  type TakenFile,
  UNKNOWN_ORIGIN,
} from '../../model/drop.ts';
import type { Dossier, StoredImage } from '../../model/image.ts';
import type { DroppedRelease, ReleaseManifest } from '../../model/release-file.ts';
import { newId } from '../ids.ts';
import type { AuditOutbox } from './audit.ts';
import type { ImageTable } from './images.ts';
import { integer, json, jsonOrNull, type Row, text, textOrNull } from './row.ts';
import { transaction } from './transaction.ts';

/** An image as a drop that brought it. */
export interface DropPart {
  readonly id: string;
  readonly name: string;
  readonly image: string;
}

/** The dropped files, from their taking to their last folder. */
export class DropTable implements DropLedger {
  readonly #images: ImageTable;
  readonly #insert: StatementSync;
  readonly #place: StatementSync;
  readonly #decide: StatementSync;
  readonly #get: StatementSync;
  readonly #unfinished: StatementSync;
  readonly #insertRelease: StatementSync;
  readonly #insertPart: StatementSync;
  readonly #partsOf: StatementSync;
  readonly #newest: StatementSync;

  readonly #audit: AuditOutbox;
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync, images: ImageTable, audit: AuditOutbox) {
    this.#audit = audit;
    this.#images = images;
    this.#insertRelease = database.prepare('UPDATE drops SET manifest = ? WHERE id = ?');
    this.#insertPart = database.prepare(
      'INSERT INTO drops (id, name, image, seen_ms, part_of, finished) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#partsOf = database.prepare('SELECT id, name, image FROM drops WHERE part_of = ? ORDER BY rowid');
    this.#newest = database.prepare('SELECT id, name FROM drops WHERE image = ? ORDER BY rowid DESC LIMIT 1');
    this.#database = database;
    this.#insert = database.prepare('INSERT INTO drops (id, name, image, seen_ms) VALUES (?, ?, ?, ?)');
    this.#place = database.prepare('UPDATE drops SET folder = ?, placed_name = ?, finished = ? WHERE id = ?');
    this.#decide = database.prepare('UPDATE drops SET result = ? WHERE id = ?');
    const select = `SELECT drops.*, images.size_bytes, images.dossier FROM drops JOIN images ON images.sha256 = drops.image`;
    this.#get = database.prepare(`${select} WHERE id = ?`);
    this.#unfinished = database.prepare(`${select} WHERE finished = 0 ORDER BY seen_ms, drops.rowid`);
  }

  taken(file: TakenFile, origin: FileOrigin = UNKNOWN_ORIGIN): Drop {
    const id = newId('d');
    transaction(this.#database, () => {
      this.#images.put(file);
      this.#insert.run(id, file.name, file.sha256, file.seenMs);
      if (file.release !== undefined) this.#takeParts(id, file.release, file);
      const { name, sha256: image, sizeBytes } = file;
      this.#audit.add('file.taken', file.seenMs, { drop: id, file: name, image, sizeBytes, ...origin });
    });
    return { ...file, id, folder: null, placedName: null };
  }

  #takeParts(id: string, { manifest, images }: DroppedRelease, { seenMs, hasPartFiles }: TakenFile): void {
    const isFinished = hasPartFiles === true ? 0 : 1;
    this.#insertRelease.run(JSON.stringify(manifest), id);
    for (const image of images) {
      this.#images.put(image);
      this.#insertPart.run(newId('d'), image.name, image.sha256, seenMs, id, isFinished);
    }
  }

  rejected({ name: file, sha256: image, error, atMs }: RejectedFile, origin: FileOrigin = UNKNOWN_ORIGIN): void {
    const { code, message } = error;
    this.#audit.add('file.rejected', atMs, { file, image, code, message, ...origin });
  }

  placed(dropId: string, folder: DropFolderName, placedName: string | null): void {
    this.#place.run(folder, placedName, folder === 'working' ? 0 : 1, dropId);
  }

  unfinished(): readonly Drop[] {
    return this.#unfinished.all().map((row) => this.#dropOf(row));
  }

  get(dropId: string): Drop | null {
    const row = this.#get.get(dropId);
    return row === undefined ? null : this.#dropOf(row);
  }

  /** The images of a release that was dropped, in its order, each as a drop of its own; none of any other drop. */
  partsOf(dropId: string): readonly DropPart[] {
    return this.#partsOf.all(dropId).map((row) => ({
      id: text(row, 'id'),
      name: text(row, 'name'),
      image: text(row, 'image'),
    }));
  }

  filePartsOf(dropId: string): readonly Drop[] {
    const parts = this.partsOf(dropId).map(({ id }) => this.#get.get(id));
    const files = parts.filter((row) => row !== undefined && (row['folder'] !== null || row['finished'] === 0));
    return files.flatMap((row) => (row === undefined ? [] : [this.#dropOf(row)]));
  }

  /** The drop that is the file: of the image of a release, that of the release. */
  fileOf(dropId: string): Drop | null {
    const row = this.#get.get(dropId);
    if (row === undefined) return null;
    const whole = textOrNull(row, 'part_of');
    return whole === null ? this.#dropOf(row) : this.get(whole);
  }

  /** The last drop that brought this image. */
  newestOf(image: string): Omit<DropPart, 'image'> | null {
    const row = this.#newest.get(image);
    return row === undefined ? null : { id: text(row, 'id'), name: text(row, 'name') };
  }

  #dropOf(row: Row): Drop {
    const drop = dropOf(row);
    const manifest = jsonOrNull<ReleaseManifest>(row, 'manifest');
    if (manifest === null) return drop;
    const images = this.partsOf(drop.id).flatMap(({ image, name }): readonly StoredImage[] => {
      const stored = this.#images.get(image);
      return stored === null ? [] : [{ ...stored, name }];
    });
    return { ...drop, release: { manifest, images } };
  }

  /** Writes down how the file ends, before it is moved: a restart moves it if this process cannot. */
  decided(dropId: string, result: DropResult): void {
    this.#decide.run(JSON.stringify(result), dropId);
    const { file, sha256: image, outcome, summary } = result;
    this.#audit.add('file.done', Date.parse(result.finishedAt), { drop: dropId, file, image, outcome, summary });
  }

  /** What {@link decided} wrote, or null while the file's jobs go on. */
  resultOf(dropId: string): DropResult | null {
    const row = this.#get.get(dropId);
    return row === undefined ? null : jsonOrNull<DropResult>(row, 'result');
  }
}

function dropOf(row: Row): Drop {
  return {
    id: text(row, 'id'),
    name: text(row, 'name'),
    sha256: text(row, 'image'),
    sizeBytes: integer(row, 'size_bytes'),
    dossier: json<Dossier>(row, 'dossier'),
    seenMs: integer(row, 'seen_ms'),
    folder: textOrNull(row, 'folder') as DropFolderName | null,
    placedName: textOrNull(row, 'placed_name'),
  };
}
