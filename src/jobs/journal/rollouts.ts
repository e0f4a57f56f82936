import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { PauseCause, RolloutSettings, RolloutState } from '../../model/rollout.ts';
import type { RolloutDecisions } from '../rollout.ts';
import type { AuditOutbox } from './audit.ts';
import { integer, json, type Row, text, textOrNull } from './row.ts';

/** The rollout of a release. */
export interface RolloutRecord extends RolloutDecisions {
  readonly release: string;
  /** Why it stands still; null unless it is paused. */
  readonly cause: PauseCause | null;
  /** For people: why it is in its state. */
  readonly reason: string | null;
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** What of a rollout changes; all else is fixed at its start. */
export type RolloutChange = Partial<
  Pick<RolloutRecord, 'state' | 'stage' | 'cause' | 'reason' | 'forgiven' | 'approved'>
>;

/** What {@link RolloutTable} notes of each change. */
export type RolloutEvent = 'start' | 'advance' | 'pause' | 'resume' | 'approve' | 'abort' | 'finish';

/** One line of a rollout's history. */
export interface RolloutDecisionRecord {
  readonly atMs: number;
  readonly what: RolloutEvent;
  /** `dropflash`, or the person's name. */
  readonly by: string;
  readonly detail: string | null;
}

/** The rollouts, and who decided what about them. */
export class RolloutTable {
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #decide: StatementSync;
  readonly #get: StatementSync;
  readonly #current: StatementSync;
  readonly #newest: StatementSync;
  readonly #decisions: StatementSync;

  readonly #audit: AuditOutbox;

  constructor(database: DatabaseSync, audit: AuditOutbox) {
    this.#audit = audit;
    this.#insert = database.prepare(
      `INSERT INTO rollouts (release, settings, state, stage, forgiven, approved, created_ms, updated_ms)
       VALUES (?, ?, 'running', 0, 0, -1, ?, ?)`,
    );
    this.#update = database.prepare(
      `UPDATE rollouts SET state = ?, stage = ?, cause = ?, reason = ?, forgiven = ?, approved = ?, updated_ms = ?
       WHERE release = ?`,
    );
    this.#decide = database.prepare(
      'INSERT INTO rollout_decisions (release, at_ms, what, by, detail) VALUES (?, ?, ?, ?, ?)',
    );
    this.#get = database.prepare(
      'SELECT * FROM rollouts WHERE release = COALESCE((SELECT led_by FROM releases WHERE id = $id), $id)',
    );
    this.#current = database.prepare(
      `SELECT * FROM rollouts
       WHERE release IN (SELECT COALESCE(led_by, id) FROM releases WHERE state = 'current')
       ORDER BY rollouts.created_ms, release`,
    );
    this.#newest = database.prepare('SELECT * FROM rollouts ORDER BY created_ms DESC, release LIMIT ?');
    this.#decisions = database.prepare('SELECT * FROM rollout_decisions WHERE release = ? ORDER BY seq');
  }

  insert(release: string, settings: RolloutSettings, atMs: number): void {
    this.#insert.run(release, JSON.stringify(settings), atMs, atMs);
    this.#decide.run(release, atMs, 'start', 'dropflash', null);
    this.#audit.add('rollout.start', atMs, { release, by: 'dropflash', settings });
  }

  /** Changes a rollout and notes who did it; call it inside a transaction when more belongs to the step. */
  decide(
    rollout: RolloutRecord,
    change: RolloutChange,
    { what, by, detail, atMs }: RolloutDecisionRecord,
  ): RolloutRecord {
    const after: RolloutRecord = { ...rollout, ...change, updatedMs: atMs };
    const { release, state, stage, cause, reason, forgiven, approved } = after;
    this.#update.run(state, stage, cause, reason, forgiven, approved, atMs, release);
    this.#decide.run(release, atMs, what, by, detail);
    this.#audit.add(`rollout.${what}`, atMs, { release, by, detail });
    return after;
  }

  /** That of a release, which another one of its drop may lead. */
  get(release: string): RolloutRecord | null {
    const row = this.#get.get({ id: release });
    return row === undefined ? null : rolloutOf(row);
  }

  /** Those of which a release is current, oldest first. */
  current(): readonly RolloutRecord[] {
    return this.#current.all().map(rolloutOf);
  }

  newest(limit: number): readonly RolloutRecord[] {
    return this.#newest.all(limit).map(rolloutOf);
  }

  decisionsOf(release: string): readonly RolloutDecisionRecord[] {
    return this.#decisions.all(release).map((row) => ({
      atMs: integer(row, 'at_ms'),
      what: text(row, 'what') as RolloutEvent,
      by: text(row, 'by'),
      detail: textOrNull(row, 'detail'),
    }));
  }
}

function rolloutOf(row: Row): RolloutRecord {
  return {
    release: text(row, 'release'),
    settings: json<RolloutSettings>(row, 'settings'),
    state: text(row, 'state') as RolloutState,
    stage: integer(row, 'stage'),
    cause: textOrNull(row, 'cause') as PauseCause | null,
    reason: textOrNull(row, 'reason'),
    forgiven: integer(row, 'forgiven'),
    approved: integer(row, 'approved'),
    createdMs: integer(row, 'created_ms'),
    updatedMs: integer(row, 'updated_ms'),
  };
}
