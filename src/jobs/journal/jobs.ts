import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ErrorReport } from '../../errors.ts';
import type { Job, JobState, Step } from '../../model/job.ts';
import type { Proof } from '../../model/proof.ts';
import type { Verify } from '../../model/rule.ts';
import { ACTIVE_STATES, type JobEvent, nextState } from '../state.ts';
import type { AuditOutbox } from './audit.ts';
import { asJson, integer, integerOrNull, jsonOrNull, type Row, text, textOrNull } from './row.ts';

/** A job with what only the engine needs. */
export interface JobRecord extends Job {
  /** The rule's demand when the attempt began; a rule may change or vanish while the return is awaited. */
  readonly verify: Verify | null;
  /** When the device accepted the image, or when its last byte may have left; epoch ms. */
  readonly confirmFromMs: number | null;
  /** The stage of its rollout that released it; null: none has, or its release has no rollout. */
  readonly wave: number | null;
  /** What the device gave as its version before the image was sent; null: nothing, or nobody asked. */
  readonly versionBefore: string | null;
  /** Since when a queued job cannot climb the ladder of its rule, epoch ms; null: it can, or its turn has not come. */
  readonly stuckFromMs: number | null;
}

/** What a transition may change besides the state. */
export type JobChange = Partial<
  Pick<
    JobRecord,
    'step' | 'proof' | 'attempts' | 'notBeforeMs' | 'error' | 'verify' | 'confirmFromMs' | 'versionBefore'
  >
>;

/** One line of a job's history. */
export interface TransitionRecord {
  readonly atMs: number;
  readonly event: string;
  readonly from: JobState | null;
  readonly to: JobState;
  readonly detail: string | null;
}

/** Jobs that match all that is given, newest first. */
export interface JobFilter {
  readonly states?: readonly JobState[];
  /** Any of these ids. */
  readonly devices?: readonly string[];
  readonly release?: string;
  readonly limit: number;
}

/** The jobs and every transition they made. */
export class JobTable {
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #step: StatementSync;
  readonly #waiting: StatementSync;
  readonly #due: StatementSync;
  readonly #stuck: StatementSync;
  readonly #putRight: StatementSync;
  readonly #wave: StatementSync;
  readonly #aim: StatementSync;
  readonly #log: StatementSync;
  readonly #get: StatementSync;
  readonly #beginning: StatementSync;
  readonly #active: StatementSync;
  readonly #isActive: StatementSync;
  readonly #byRelease: StatementSync;
  readonly #byDevice: StatementSync;
  /** By their conditions: one statement for all would look at every job there ever was. */
  readonly #lists = new Map<string, StatementSync>();
  readonly #database: DatabaseSync;
  readonly #transitions: StatementSync;

  readonly #audit: AuditOutbox;

  constructor(database: DatabaseSync, audit: AuditOutbox) {
    this.#audit = audit;
    this.#insert = database.prepare(
      `INSERT INTO jobs (id, release, rule, device, image, state, created_ms, updated_ms)
       VALUES (?, ?, ?, ?, ?, 'queued', ?, ?)`,
    );
    this.#update = database.prepare(
      `UPDATE jobs SET state = ?, step = ?, proof = ?, attempts = ?, not_before_ms = ?, waiting_for = ?, verify = ?,
       confirm_from_ms = ?, version_before = ?, stuck_from_ms = NULL, error = ?, updated_ms = ? WHERE id = ?`,
    );
    this.#step = database.prepare('UPDATE jobs SET step = ?, updated_ms = ? WHERE id = ?');
    this.#waiting = database.prepare('UPDATE jobs SET waiting_for = ? WHERE id = ?');
    this.#due = database.prepare('UPDATE jobs SET not_before_ms = 0 WHERE id = ?');
    this.#stuck = database.prepare('UPDATE jobs SET stuck_from_ms = ? WHERE id = ?');
    this.#putRight = database.prepare(
      `UPDATE jobs SET updated_ms = $now, confirm_from_ms = MIN(confirm_from_ms, $now),
         not_before_ms = CASE WHEN not_before_ms > updated_ms THEN $now + not_before_ms - updated_ms ELSE not_before_ms END
       WHERE updated_ms > $now AND release IN (SELECT id FROM releases WHERE state = 'current')
         AND release NOT IN (SELECT release FROM publications) RETURNING *`,
    );
    this.#wave = database.prepare('UPDATE jobs SET wave = ? WHERE id = ?');
    this.#aim = database.prepare('UPDATE jobs SET image = ? WHERE id = ?');
    this.#log = database.prepare(
      'INSERT INTO transitions (job, at_ms, event, from_state, to_state, detail) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#get = database.prepare('SELECT * FROM jobs WHERE id = ?');
    this.#beginning = database.prepare(
      `SELECT id FROM jobs WHERE id >= $text AND id < $text || '~' ORDER BY rowid DESC LIMIT 4`,
    );
    const active = ACTIVE_STATES.map((state) => `'${state}'`).join(', ');
    // What a device fetches by itself is not for the queue: jobs/pull/ has those.
    this.#active = database.prepare(
      `SELECT * FROM jobs WHERE state IN (${active}) AND release NOT IN (SELECT release FROM publications)
       ORDER BY rowid`,
    );
    this.#isActive = database.prepare(
      `SELECT EXISTS (SELECT 1 FROM jobs WHERE release = ? AND state IN (${active})
       AND release NOT IN (SELECT release FROM publications)) AS active`,
    );
    this.#byRelease = database.prepare('SELECT * FROM jobs WHERE release = ? ORDER BY rowid');
    this.#byDevice = database.prepare(
      'SELECT * FROM jobs WHERE release = ? AND device IN (SELECT value FROM json_each(?)) ORDER BY rowid',
    );
    this.#database = database;
    this.#transitions = database.prepare('SELECT * FROM transitions WHERE job = ? ORDER BY seq');
  }

  /** Enters a new job, queued. */
  insert(job: Pick<Job, 'id' | 'release' | 'rule' | 'device' | 'image' | 'createdMs'>): JobRecord {
    const { id, release, rule, device, image, createdMs } = job;
    this.#insert.run(id, release, rule, device, image, createdMs, createdMs);
    this.#log.run(id, createdMs, 'plan', null, 'queued', null);
    this.#audit.add('job.plan', createdMs, subjectOf(job));
    return {
      ...job,
      state: 'queued',
      step: null,
      proof: null,
      attempts: 0,
      notBeforeMs: 0,
      waitingFor: null,
      error: null,
      verify: null,
      confirmFromMs: null,
      wave: null,
      versionBefore: null,
      stuckFromMs: null,
      updatedMs: createdMs,
    };
  }

  /** Moves a job along its table; call it inside a transaction when more belongs to the step. Returns the job as it is now. */
  transition(
    job: JobRecord,
    event: JobEvent,
    change: JobChange,
    atMs: number,
    detail: string | null = null,
  ): JobRecord {
    const after: JobRecord = {
      ...job,
      waitingFor: null,
      stuckFromMs: null,
      ...change,
      state: nextState(job.state, event),
      updatedMs: atMs,
    };
    this.#update.run(
      after.state,
      after.step,
      after.proof,
      after.attempts,
      after.notBeforeMs,
      after.waitingFor,
      asJson(after.verify),
      after.confirmFromMs,
      after.versionBefore,
      asJson(after.error),
      atMs,
      job.id,
    );
    this.#log.run(job.id, atMs, event, job.state, after.state, detail);
    const { proof, attempts, step, error } = after;
    const outcome = { state: after.state, step, proof, attempts, code: error?.code ?? null, detail };
    this.#audit.add(`job.${event}`, atMs, { ...subjectOf(job), ...outcome });
    return after;
  }

  /** The attempt under way has entered a step. */
  entered(job: JobRecord, step: Step, atMs: number): JobRecord {
    this.#step.run(step, atMs, job.id);
    return { ...job, step, updatedMs: atMs };
  }

  /** A queued job need not wait out its pause. */
  due(job: JobRecord): JobRecord {
    this.#due.run(job.id);
    return { ...job, notBeforeMs: 0 };
  }

  /**
   * Somebody has set the clock back: what the jobs of current releases have done in a time to come counts as done now, and a pause after it
   * begins anew. Returns the jobs that this concerns. What happened when, by the clock of that time, stays in their history.
   */
  putRight(nowMs: number): readonly JobRecord[] {
    return this.#putRight.all({ now: nowMs }).map(jobOf);
  }

  /** A queued job cannot climb its ladder since then; null: all is open again. */
  stuck(job: JobRecord, fromMs: number | null): JobRecord {
    this.#stuck.run(fromMs, job.id);
    return { ...job, stuckFromMs: fromMs };
  }

  /** A stage of its rollout has released the job, or (null) has given its place to another. */
  released(job: JobRecord, wave: number | null): JobRecord {
    this.#wave.run(wave, job.id);
    return { ...job, wave };
  }

  /** The attempt that follows brings this image. */
  aimed(job: JobRecord, image: string): JobRecord {
    this.#aim.run(image, job.id);
    return { ...job, image };
  }

  /** Says for people why a queued job is not running. */
  waits(job: JobRecord, waitingFor: string | null): JobRecord {
    this.#waiting.run(waitingFor, job.id);
    return { ...job, waitingFor };
  }

  get(id: string): JobRecord | null {
    const row = this.#get.get(id);
    return row === undefined ? null : jobOf(row);
  }

  /** Ids that begin with these characters, newest first; none for an empty text. For somebody who did not write one to its end. */
  beginningWith(text: string): readonly string[] {
    return text === '' ? [] : this.#beginning.all({ text: text.toLowerCase() }).map((row) => String(row['id']));
  }

  /** Everything of the queue that is not final, oldest first. */
  active(): readonly JobRecord[] {
    return this.#active.all().map(jobOf);
  }

  /** Is anything of this release still to be done here? */
  isActive(release: string): boolean {
    return this.#isActive.get(release)?.['active'] === 1;
  }

  ofRelease(release: string): readonly JobRecord[] {
    return this.#byRelease.all(release).map(jobOf);
  }

  /** The jobs of a release for one device, under any of its ids: more than one only where two devices turned out to be one. */
  ofDevice(release: string, deviceIds: readonly string[]): readonly JobRecord[] {
    return this.#byDevice.all(release, JSON.stringify(deviceIds)).map(jobOf);
  }

  /** Newest first. */
  list(filter: JobFilter): readonly JobRecord[] {
    const conditions = conditionsOf(filter);
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}`;
    const statement =
      this.#lists.get(where) ?? this.#database.prepare(`SELECT * FROM jobs ${where} ORDER BY rowid DESC LIMIT ?`);
    this.#lists.set(where, statement);
    return statement.all(...conditions.map(({ value }) => value), filter.limit).map(jobOf);
  }

  transitionsOf(jobId: string): readonly TransitionRecord[] {
    return this.#transitions.all(jobId).map((row) => ({
      atMs: integer(row, 'at_ms'),
      event: text(row, 'event'),
      from: textOrNull(row, 'from_state') as JobState | null,
      to: text(row, 'to_state') as JobState,
      detail: textOrNull(row, 'detail'),
    }));
  }
}

/** The plus keeps SQLite to the index of a release or a device where one is asked for. */
function conditionsOf({
  release,
  devices,
  states,
}: JobFilter): readonly { readonly sql: string; readonly value: string }[] {
  const conditions: { sql: string; value: string }[] = [];
  if (release !== undefined) conditions.push({ sql: 'release = ?', value: release });
  const oneOf = 'IN (SELECT value FROM json_each(?))';
  if (devices !== undefined) conditions.push({ sql: `device ${oneOf}`, value: JSON.stringify(devices) });
  if (states !== undefined) conditions.push({ sql: `+state ${oneOf}`, value: JSON.stringify(states) });
  return conditions;
}

/** What every audit record of a job names. */
function subjectOf({ id, release, rule, device, image }: Pick<Job, 'id' | 'release' | 'rule' | 'device' | 'image'>) {
  return { job: id, release, rule, device, image };
}

/** Jobs of an earlier dropflash know of no version and no soak. */
function verifyOf(row: Row): Verify | null {
  const verify = jsonOrNull<Verify>(row, 'verify');
  return verify === null ? null : { ...NO_VERSION, ...verify };
}

const NO_VERSION = { version: null, soakMs: 0 };

function jobOf(row: Row): JobRecord {
  return {
    id: text(row, 'id'),
    release: text(row, 'release'),
    rule: text(row, 'rule'),
    device: text(row, 'device'),
    image: text(row, 'image'),
    state: text(row, 'state') as JobState,
    step: textOrNull(row, 'step') as Step | null,
    proof: textOrNull(row, 'proof') as Proof | null,
    attempts: integer(row, 'attempts'),
    notBeforeMs: integer(row, 'not_before_ms'),
    waitingFor: textOrNull(row, 'waiting_for'),
    error: jsonOrNull<ErrorReport>(row, 'error'),
    verify: verifyOf(row),
    confirmFromMs: integerOrNull(row, 'confirm_from_ms'),
    wave: integerOrNull(row, 'wave'),
    versionBefore: textOrNull(row, 'version_before'),
    stuckFromMs: integerOrNull(row, 'stuck_from_ms'),
    createdMs: integer(row, 'created_ms'),
    updatedMs: integer(row, 'updated_ms'),
  };
}
