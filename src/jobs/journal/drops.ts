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
import type { Dossier } from '../../model/image.ts';
import { newId } from '../ids.ts';
import type { AuditOutbox } from './audit.ts';
import type { ImageTable } from './images.ts';
import { integer, json, jsonOrNull, type Row, text, textOrNull } from './row.ts';

/** The dropped files, from their taking to their last folder. */
export class DropTable implements DropLedger {
  readonly #images: ImageTable;
  readonly #insert: StatementSync;
  readonly #place: StatementSync;
  readonly #decide: StatementSync;
  readonly #get: StatementSync;
  readonly #unfinished: StatementSync;

  readonly #audit: AuditOutbox;

  constructor(database: DatabaseSync, images: ImageTable, audit: AuditOutbox) {
    this.#audit = audit;
    this.#images = images;
    this.#insert = database.prepare('INSERT INTO drops (id, name, image, seen_ms) VALUES (?, ?, ?, ?)');
    this.#place = database.prepare('UPDATE drops SET folder = ?, placed_name = ?, finished = ? WHERE id = ?');
    this.#decide = database.prepare('UPDATE drops SET result = ? WHERE id = ?');
    const select = `SELECT drops.*, images.size_bytes, images.dossier FROM drops JOIN images ON images.sha256 = drops.image`;
    this.#get = database.prepare(`${select} WHERE id = ?`);
    this.#unfinished = database.prepare(`${select} WHERE finished = 0 ORDER BY seen_ms, drops.rowid`);
  }

  taken(file: TakenFile, origin: FileOrigin = UNKNOWN_ORIGIN): Drop {
    const id = newId('d');
    this.#images.put(file);
    this.#insert.run(id, file.name, file.sha256, file.seenMs);
    const { name, sha256: image, sizeBytes } = file;
    this.#audit.add('file.taken', file.seenMs, { drop: id, file: name, image, sizeBytes, ...origin });
    return { ...file, id, folder: null, placedName: null };
  }

  rejected({ name: file, sha256: image, error, atMs }: RejectedFile, origin: FileOrigin = UNKNOWN_ORIGIN): void {
    const { code, message } = error;
    this.#audit.add('file.rejected', atMs, { file, image, code, message, ...origin });
  }

  placed(dropId: string, folder: DropFolderName, placedName: string | null): void {
    this.#place.run(folder, placedName, folder === 'working' ? 0 : 1, dropId);
  }

  unfinished(): readonly Drop[] {
    return this.#unfinished.all().map(dropOf);
  }

  get(dropId: string): Drop | null {
    const row = this.#get.get(dropId);
    return row === undefined ? null : dropOf(row);
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
