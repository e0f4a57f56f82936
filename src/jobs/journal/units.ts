import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ErrorReport } from '../../errors.ts';
import type { BoardIdentity, Unit, UnitData, UnitImage, UnitState } from '../../model/unit.ts';
import { isUnitOver, nextUnitState, RUNNING_UNIT_STATES, type UnitEvent } from '../line/unit-state.ts';
import type { AuditOutbox } from './audit.ts';
import { asJson, integer, integerOrNull, json, jsonOrNull, type Row, text, textOrNull } from './row.ts';

/** What is learnt of a run while it goes on. */
export type UnitChange = Partial<Omit<Unit, 'id' | 'slot' | 'port' | 'state' | 'startedMs' | 'endedMs'>>;

/** Runs that match all that is given, newest first. */
export interface UnitFilter {
  readonly states?: readonly UnitState[];
  readonly mac?: string;
  readonly rule?: string;
  readonly limit: number;
}

/** The unit records: one for each run on the line. */
export class UnitTable {
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #get: StatementSync;
  readonly #running: StatementSync;
  readonly #succeeded: StatementSync;
  readonly #list: StatementSync;
  readonly #audit: AuditOutbox;

  constructor(database: DatabaseSync, audit: AuditOutbox) {
    this.#audit = audit;
    this.#insert = database.prepare(
      `INSERT INTO units (id, slot, port, state, images, retries, steps, started_ms)
       VALUES (?, ?, ?, 'connecting', '[]', 0, '{}', ?)`,
    );
    this.#update = database.prepare(
      `UPDATE units SET state = ?, rule = ?, release = ?, mac = ?, board = ?, images = ?, unit_data = ?, backup = ?, baud_rate = ?,
       retries = ?, steps = ?, error = ?, log_excerpt = ?, ended_ms = ? WHERE id = ?`,
    );
    this.#get = database.prepare('SELECT * FROM units WHERE id = ?');
    const running = RUNNING_UNIT_STATES.map((state) => `'${state}'`).join(', ');
    this.#running = database.prepare(`SELECT * FROM units WHERE ended_ms IS NULL AND state IN (${running})`);
    this.#succeeded = database.prepare(
      `SELECT * FROM units WHERE mac = ? AND release = ? AND state = 'succeeded' ORDER BY started_ms DESC, rowid DESC LIMIT 1`,
    );
    this.#list = database.prepare(
      `SELECT * FROM units
       WHERE ($states IS NULL OR state IN (SELECT value FROM json_each($states)))
         AND ($mac IS NULL OR mac = $mac) AND ($rule IS NULL OR rule = $rule)
       ORDER BY started_ms DESC, rowid DESC LIMIT $limit`,
    );
  }

  /** Enters a run that is about to open its port. */
  insert(unit: Pick<Unit, 'id' | 'slot' | 'port' | 'startedMs'>): Unit {
    const { id, slot, port, startedMs } = unit;
    this.#insert.run(id, slot, port, startedMs);
    const begun: Unit = {
      ...unit,
      state: 'connecting',
      rule: null,
      release: null,
      board: null,
      images: [],
      unitData: null,
      backup: null,
      baudRate: null,
      retries: 0,
      steps: {},
      error: null,
      logExcerpt: null,
      endedMs: null,
    };
    this.#audit.add('unit.begin', startedMs, subjectOf(begun));
    return begun;
  }

  /** Moves a run along its table; call it inside a transaction, to which the audit log's entry belongs. Returns the run as it is now. */
  transition(unit: Unit, event: UnitEvent, change: UnitChange, atMs: number): Unit {
    const state = nextUnitState(unit.state, event);
    const after: Unit = { ...unit, ...change, state, endedMs: isUnitOver(state) ? atMs : null };
    this.#update.run(
      after.state,
      after.rule,
      after.release,
      after.board?.mac ?? null,
      asJson(after.board),
      JSON.stringify(after.images),
      asJson(after.unitData),
      after.backup,
      after.baudRate,
      after.retries,
      JSON.stringify(after.steps),
      asJson(after.error),
      after.logExcerpt,
      after.endedMs,
      after.id,
    );
    this.#audit.add(`unit.${event}`, atMs, subjectOf(after));
    return after;
  }

  get(id: string): Unit | null {
    const row = this.#get.get(id);
    return row === undefined ? null : unitOf(row);
  }

  /** Runs that have no end: under way, or left by a process that died. */
  running(): readonly Unit[] {
    return this.#running.all().map(unitOf);
  }

  /** The last good run of this release on this board. */
  lastSuccess(mac: string, release: string): Unit | null {
    const row = this.#succeeded.get(mac, release);
    return row === undefined ? null : unitOf(row);
  }

  /** Newest first. */
  list(filter: UnitFilter): readonly Unit[] {
    const states = filter.states === undefined ? null : JSON.stringify(filter.states);
    const { mac = null, rule = null, limit } = filter;
    return this.#list.all({ states, mac, rule, limit }).map(unitOf);
  }
}

/** A run as the audit log names it. */
function subjectOf({ id, slot, port, rule, release, board, images, unitData, error }: Unit): Record<string, unknown> {
  return {
    unit: id,
    device: slot,
    port,
    rule,
    release,
    mac: board?.mac ?? null,
    chip: board?.chip ?? null,
    images: images.map(({ offset, sha256 }) => ({ offset, sha256 })),
    row: unitData?.key ?? null,
    code: error?.code ?? null,
  };
}

function unitOf(row: Row): Unit {
  return {
    id: text(row, 'id'),
    slot: text(row, 'slot'),
    port: text(row, 'port'),
    state: text(row, 'state') as UnitState,
    rule: textOrNull(row, 'rule'),
    release: textOrNull(row, 'release'),
    board: jsonOrNull<BoardIdentity>(row, 'board'),
    images: json<UnitImage[]>(row, 'images'),
    unitData: jsonOrNull<UnitData>(row, 'unit_data'),
    backup: textOrNull(row, 'backup'),
    baudRate: integerOrNull(row, 'baud_rate'),
    retries: integer(row, 'retries'),
    steps: json<Unit['steps']>(row, 'steps'),
    error: jsonOrNull<ErrorReport>(row, 'error'),
    logExcerpt: textOrNull(row, 'log_excerpt'),
    startedMs: integer(row, 'started_ms'),
    endedMs: integerOrNull(row, 'ended_ms'),
  };
}
