import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type ErrorReport, FlashError } from '../../errors.ts';
import type { Publication, PublicationState, Terms } from '../../model/publication.ts';
import type { NumberWanted } from '../../protocols/pull.ts';
import type { AuditOutbox } from './audit.ts';
import { integer, integerOrNull, json, jsonOrNull, type Row, text } from './row.ts';

type NewPublication = Pick<Publication, 'release' | 'protocol' | 'place' | 'part' | 'terms' | 'number' | 'remarks'>;

/** What is offered to devices that fetch by themselves, and the numbers that were given for it. */
export class PublicationTable {
  readonly #insert: StatementSync;
  readonly #get: StatementSync;
  readonly #open: StatementSync;
  readonly #at: StatementSync;
  readonly #newest: StatementSync;
  readonly #change: StatementSync;
  readonly #lastNumber: StatementSync;
  readonly #putNumber: StatementSync;

  readonly #audit: AuditOutbox;

  constructor(database: DatabaseSync, audit: AuditOutbox) {
    this.#audit = audit;
    this.#insert = database.prepare(
      `INSERT INTO publications (release, protocol, place, part, terms, number, remarks, state)
       VALUES (?, ?, ?, ?, ?, ?, ?, 'wanted')`,
    );
    const select = `SELECT publications.*, releases.rule, releases.image, releases.created_ms, drops.name AS image_name, images.size_bytes
       FROM publications JOIN releases ON releases.id = release JOIN drops ON drops.id = releases.drop_id
       JOIN images ON images.sha256 = releases.image`;
    const order = 'ORDER BY releases.created_ms, release';
    this.#get = database.prepare(`${select} WHERE release = ?`);
    this.#open = database.prepare(`${select} WHERE publications.state IN ('wanted', 'published') ${order}`);
    this.#at = database.prepare(
      `${select} WHERE publications.state = 'published' AND releases.state = 'current' AND protocol = ? AND place = ? ${order}`,
    );
    this.#newest = database.prepare(`${select} ORDER BY releases.created_ms DESC, release LIMIT ?`);
    this.#change = database.prepare(
      'UPDATE publications SET state = ?, error = ?, published_ms = ?, ended_ms = ? WHERE release = ?',
    );
    this.#lastNumber = database.prepare('SELECT last FROM publication_numbers WHERE series = ?');
    this.#putNumber = database.prepare(
      `INSERT INTO publication_numbers (series, last) VALUES (?, ?)
       ON CONFLICT (series) DO UPDATE SET last = excluded.last`,
    );
  }

  insert(publication: NewPublication): void {
    const { release, protocol, place, part, terms, number, remarks } = publication;
    this.#insert.run(release, protocol, place, part, JSON.stringify(terms), number, JSON.stringify(remarks));
  }

  /** Why a series has no further number after so many more: PUBLISH_NUMBERS_USED. Null: it has one. */
  whyNoNumber(wanted: NumberWanted, more = 0): FlashError | null {
    const { series, last } = wanted;
    const next = this.numberAfter(wanted) + more;
    if (next <= last) return null;
    return new FlashError(
      'PUBLISH_NUMBERS_USED',
      `the numbers of "${series}" are used up: the last one was ${next - 1}, and devices understand none above ${last}`,
      { step: 'prepare', details: { series, last } },
    );
  }

  /** The next number of a series, which is thereby used up, whatever becomes of the publication. */
  takeNumber(wanted: NumberWanted): number {
    const next = this.numberAfter(wanted);
    this.#putNumber.run(wanted.series, next);
    return next;
  }

  /** What the next number of a series would be, whether or not there may be such a one. Uses nothing up. */
  numberAfter({ series, first }: NumberWanted): number {
    const row = this.#lastNumber.get(series);
    return row === undefined ? first : Math.max(first, integer(row, 'last') + 1);
  }

  get(release: string): Publication | null {
    const row = this.#get.get(release);
    return row === undefined ? null : publicationOf(row);
  }

  /** Those that stand at their place or are to, oldest first. */
  open(): readonly Publication[] {
    return this.#open.all().map(publicationOf);
  }

  /** Those that stand at this place, of current releases, oldest first. */
  at(protocol: string, place: string): readonly Publication[] {
    return this.#at.all(protocol, place).map(publicationOf);
  }

  newest(limit: number): readonly Publication[] {
    return this.#newest.all(limit).map(publicationOf);
  }

  /** It has come to its place, or gone from it. */
  become(publication: Publication, state: Exclude<PublicationState, 'wanted'>, atMs: number): Publication {
    const publishedMs = state === 'published' ? atMs : publication.publishedMs;
    const endedMs = state === 'published' ? null : atMs;
    this.#change.run(state, null, publishedMs, endedMs, publication.release);
    const { release, rule, place, number } = publication;
    this.#audit.add(`publication.${state}`, atMs, { release, rule, place, number });
    return { ...publication, state, error: null, publishedMs, endedMs };
  }

  failed(publication: Publication, error: ErrorReport): void {
    const { state, publishedMs, endedMs, release } = publication;
    this.#change.run(state, JSON.stringify(error), publishedMs, endedMs, release);
  }
}

function publicationOf(row: Row): Publication {
  return {
    release: text(row, 'release'),
    rule: text(row, 'rule'),
    protocol: text(row, 'protocol'),
    place: text(row, 'place'),
    part: text(row, 'part'),
    image: text(row, 'image'),
    imageName: text(row, 'image_name'),
    sizeBytes: integer(row, 'size_bytes'),
    terms: json<Terms>(row, 'terms'),
    number: integerOrNull(row, 'number'),
    remarks: json<string[]>(row, 'remarks'),
    state: text(row, 'state') as PublicationState,
    error: jsonOrNull<ErrorReport>(row, 'error'),
    createdMs: integer(row, 'created_ms'),
    publishedMs: integerOrNull(row, 'published_ms'),
    endedMs: integerOrNull(row, 'ended_ms'),
  };
}
