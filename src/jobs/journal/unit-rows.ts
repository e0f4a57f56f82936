import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { UnitData, UnitRowState } from '../../model/unit.ts';
import { integer, type Row, text } from './row.ts';

/** A row of per-unit data that was handed out, and to whom. */
export interface UnitRowRecord extends UnitData {
  readonly state: UnitRowState;
  readonly mac: string;
  /** The run that last had to do with it. */
  readonly unit: string;
  readonly changedMs: number;
}

/** Who asks for a row. */
export interface RowClaim {
  readonly series: string;
  readonly mac: string;
  readonly unit: string;
  readonly atMs: number;
}

/** A row of a file, as far as handing out goes. */
export type RowOffer = Pick<UnitData, 'key' | 'fileSha256' | 'line'>;

/** Which rows of per-unit data are gone, by series and key. A row is here from its reservation on, for ever. */
export class UnitRowTable {
  readonly #ofBoard: StatementSync;
  readonly #get: StatementSync;
  readonly #insert: StatementSync;
  readonly #claim: StatementSync;
  readonly #move: StatementSync;
  readonly #list: StatementSync;

  constructor(database: DatabaseSync) {
    this.#ofBoard = database.prepare(`SELECT * FROM unit_rows WHERE series = ? AND mac = ? AND state <> 'void'`);
    this.#get = database.prepare('SELECT * FROM unit_rows WHERE series = ? AND key = ?');
    this.#insert = database.prepare(
      `INSERT INTO unit_rows (series, key, file_sha256, line, state, mac, unit, changed_ms)
       VALUES (?, ?, ?, ?, 'reserved', ?, ?, ?)`,
    );
    this.#claim = database.prepare(
      `UPDATE unit_rows SET state = 'reserved', file_sha256 = ?, line = ?, unit = ?, changed_ms = ? WHERE series = ? AND key = ?`,
    );
    this.#move = database.prepare('UPDATE unit_rows SET state = ?, changed_ms = ? WHERE series = ? AND key = ?');
    this.#list = database.prepare('SELECT * FROM unit_rows WHERE series = ? ORDER BY key');
  }

  /**
   * The row for a board: its own, where it has one in this file, else the first that nobody ever had; null where all are gone. Call it
   * in the transaction that lets the writing begin.
   */
  reserve({ series, mac, unit, atMs }: RowClaim, offers: readonly RowOffer[]): UnitData | null {
    const own = this.ofBoard(series, mac);
    const again = offers.find(({ key }) => key === own?.key);
    if (again !== undefined) {
      this.#claim.run(again.fileSha256, again.line, unit, atMs, series, again.key);
      return { series, ...again };
    }
    if (own !== null) this.move(own, 'void', atMs);
    const free = offers.find(({ key }) => this.#get.get(series, key) === undefined);
    if (free === undefined) return null;
    this.#insert.run(series, free.key, free.fileSha256, free.line, mac, unit, atMs);
    return { series, ...free };
  }

  move({ series, key }: Pick<UnitData, 'series' | 'key'>, state: UnitRowState, atMs: number): void {
    this.#move.run(state, atMs, series, key);
  }

  /** The row that a board has now. */
  ofBoard(series: string, mac: string): UnitRowRecord | null {
    const row = this.#ofBoard.get(series, mac);
    return row === undefined ? null : rowOf(row);
  }

  list(series: string): readonly UnitRowRecord[] {
    return this.#list.all(series).map(rowOf);
  }
}

function rowOf(row: Row): UnitRowRecord {
  return {
    series: text(row, 'series'),
    key: text(row, 'key'),
    fileSha256: text(row, 'file_sha256'),
    line: integer(row, 'line'),
    state: text(row, 'state') as UnitRowState,
    mac: text(row, 'mac'),
    unit: text(row, 'unit'),
    changedMs: integer(row, 'changed_ms'),
  };
}
