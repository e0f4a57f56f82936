import type { DatabaseSync } from 'node:sqlite';
import { FlashError } from '../../errors.ts';

/** Each entry brings the journal from its index to the next version. Entries are never changed once released, only added. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE images (
    sha256 TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    dossier TEXT NOT NULL
  ) STRICT;

  CREATE TABLE drops (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    image TEXT NOT NULL REFERENCES images,
    seen_ms INTEGER NOT NULL,
    folder TEXT,
    placed_name TEXT,
    -- What was decided for the file and not yet carried out: a DropResult, written before the file is moved.
    result TEXT,
    finished INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX drops_unfinished ON drops (finished) WHERE finished = 0;

  CREATE TABLE releases (
    id TEXT PRIMARY KEY,
    rule TEXT NOT NULL,
    slot TEXT NOT NULL,
    image TEXT NOT NULL REFERENCES images,
    drop_id TEXT NOT NULL REFERENCES drops,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    state TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX releases_current ON releases (slot) WHERE state = 'current';
  CREATE INDEX releases_drop ON releases (drop_id);

  CREATE TABLE devices (
    id TEXT PRIMARY KEY,
    device TEXT NOT NULL
  ) STRICT;

  -- What a device is known to hold, by target (application or filesystem).
  CREATE TABLE device_images (
    device TEXT NOT NULL,
    target TEXT NOT NULL,
    image TEXT NOT NULL REFERENCES images,
    proof TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (device, target)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    release TEXT NOT NULL REFERENCES releases,
    rule TEXT NOT NULL,
    device TEXT NOT NULL,
    image TEXT NOT NULL REFERENCES images,
    state TEXT NOT NULL,
    step TEXT,
    proof TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    waiting_for TEXT,
    verify TEXT,
    -- When the device accepted the image, or the last byte left: the return is awaited from here on.
    confirm_from_ms INTEGER,
    error TEXT,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX jobs_release_device ON jobs (release, device);
  CREATE INDEX jobs_active ON jobs (state) WHERE state IN ('queued', 'running', 'confirming');
  CREATE INDEX jobs_device ON jobs (device);

  CREATE TABLE attempts (
    job TEXT NOT NULL REFERENCES jobs,
    number INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    step TEXT,
    sent_bytes INTEGER NOT NULL DEFAULT 0,
    proof TEXT,
    error TEXT,
    PRIMARY KEY (job, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE transitions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL REFERENCES jobs,
    at_ms INTEGER NOT NULL,
    event TEXT NOT NULL,
    from_state TEXT,
    to_state TEXT NOT NULL,
    detail TEXT
  ) STRICT;
  CREATE INDEX transitions_job ON transitions (job);
  `,
  `
  -- One run of the production line on one board: the unit record.
  CREATE TABLE units (
    id TEXT PRIMARY KEY,
    slot TEXT NOT NULL,
    port TEXT NOT NULL,
    state TEXT NOT NULL,
    rule TEXT,
    release TEXT REFERENCES releases,
    -- The board's own word; mac stands beside it to be looked up by.
    mac TEXT,
    board TEXT,
    images TEXT NOT NULL,
    unit_data TEXT,
    backup TEXT,
    baud_rate INTEGER,
    retries INTEGER NOT NULL,
    steps TEXT NOT NULL,
    error TEXT,
    log_excerpt TEXT,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER
  ) STRICT;
  CREATE INDEX units_mac ON units (mac);
  CREATE INDEX units_started ON units (started_ms);
  CREATE INDEX units_running ON units (state) WHERE ended_ms IS NULL;

  -- Rows of per-unit data that were handed out. The keys hold what is promised: no row twice, one row for each board.
  CREATE TABLE unit_rows (
    series TEXT NOT NULL,
    key TEXT NOT NULL,
    file_sha256 TEXT NOT NULL,
    line INTEGER NOT NULL,
    state TEXT NOT NULL,
    mac TEXT NOT NULL,
    unit TEXT NOT NULL REFERENCES units,
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (series, key)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX unit_rows_board ON unit_rows (series, mac) WHERE state <> 'void';
  `,
  `
  -- The stage of its rollout that released the job; null: none has yet, or its release has no rollout.
  ALTER TABLE jobs ADD COLUMN wave INTEGER;

  CREATE TABLE rollouts (
    release TEXT PRIMARY KEY REFERENCES releases,
    -- RolloutSettings, as the rule had them when the release was made.
    settings TEXT NOT NULL,
    state TEXT NOT NULL,
    stage INTEGER NOT NULL,
    cause TEXT,
    reason TEXT,
    forgiven INTEGER NOT NULL,
    approved INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
  ) STRICT;

  -- Who decided what about a rollout, and when.
  CREATE TABLE rollout_decisions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    release TEXT NOT NULL REFERENCES rollouts,
    at_ms INTEGER NOT NULL,
    what TEXT NOT NULL,
    by TEXT NOT NULL,
    detail TEXT
  ) STRICT;
  CREATE INDEX rollout_decisions_release ON rollout_decisions (release);
  `,
  `
  DROP INDEX jobs_active;
  CREATE INDEX jobs_active ON jobs (state) WHERE state IN ('queued', 'running', 'confirming', 'soaking');
  -- What the device gave as its version before the image was sent.
  ALTER TABLE jobs ADD COLUMN version_before TEXT;

  -- Every image that a device was proven to run, with the proof of then; device_images has only what it holds now.
  CREATE TABLE proven_images (
    device TEXT NOT NULL,
    target TEXT NOT NULL,
    image TEXT NOT NULL REFERENCES images,
    proof TEXT NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX proven_images_device ON proven_images (device, target, at_ms);
  INSERT INTO proven_images SELECT device, target, image, proof, at_ms FROM device_images WHERE proof = 'returned';
  `,
  `
  -- What the audit log has still to tell (audit.ts), and how far it has come.
  CREATE TABLE audit_outbox (
    entry INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    event TEXT NOT NULL,
    fields TEXT NOT NULL
  ) STRICT;

  CREATE TABLE audit_head (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- The release that this one takes back; null: an ordinary one.
  ALTER TABLE releases ADD COLUMN undo_of TEXT REFERENCES releases;
  `,
  `
  -- What a device gave as its version when it was last asked.
  CREATE TABLE said_versions (
    device TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX drops_image ON drops (image);
  CREATE INDEX releases_image ON releases (image);
  `,
  `
  -- Releases that devices fetch by themselves. Their jobs are those of the devices that came.
  CREATE TABLE publications (
    release TEXT PRIMARY KEY REFERENCES releases,
    protocol TEXT NOT NULL,
    place TEXT NOT NULL,
    part TEXT NOT NULL,
    terms TEXT NOT NULL,
    number INTEGER,
    state TEXT NOT NULL,
    error TEXT,
    published_ms INTEGER,
    ended_ms INTEGER
  ) STRICT;
  CREATE INDEX publications_open ON publications (protocol, place) WHERE state IN ('wanted', 'published');

  -- The last number given in each series: it only ever grows.
  CREATE TABLE publication_numbers (
    series TEXT PRIMARY KEY,
    last INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- Devices that came by themselves, by user and address.
  CREATE TABLE visitors (
    protocol TEXT NOT NULL,
    place TEXT NOT NULL,
    user TEXT NOT NULL,
    address TEXT NOT NULL,
    looks INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    PRIMARY KEY (protocol, place, user, address)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- How far the starts of each rule's maintenance window are dealt with.
  CREATE TABLE windows (
    rule TEXT PRIMARY KEY,
    schedule TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    made_up_until_ms INTEGER
  ) STRICT, WITHOUT ROWID;

  -- The release of the same image that this one brings to all devices once more; null: an ordinary one.
  ALTER TABLE releases ADD COLUMN refresh_of TEXT REFERENCES releases;
  `,
  `
  -- What a dropped release file says (ReleaseManifest); null: the drop is one image.
  ALTER TABLE drops ADD COLUMN manifest TEXT;
  -- The release that brought this image. Such a drop is no file of its own.
  ALTER TABLE drops ADD COLUMN part_of TEXT REFERENCES drops;
  CREATE INDEX drops_part_of ON drops (part_of) WHERE part_of IS NOT NULL;
  -- The release of the same drop that leads the rollout of both; null: it has its own, or none.
  ALTER TABLE releases ADD COLUMN led_by TEXT REFERENCES releases;
  CREATE INDEX releases_led_by ON releases (led_by) WHERE led_by IS NOT NULL;
  `,
  `
  -- After each job's end it is asked whether anything of its release is still to be done.
  CREATE INDEX jobs_release_active ON jobs (release) WHERE state IN ('queued', 'running', 'confirming', 'soaking');
  `,
  `
  -- What a careful person would look at: a list of sentences.
  ALTER TABLE publications ADD COLUMN remarks TEXT NOT NULL DEFAULT '[]';
  `,
  `
  -- Since when a queued job cannot climb the ladder of its rule; null: it can, or its turn has not come.
  ALTER TABLE jobs ADD COLUMN stuck_from_ms INTEGER;
  `,
  `
  -- How many of a visitor's looks found nothing on offer, and when the last of these was; null: none.
  ALTER TABLE visitors ADD COLUMN empty_looks INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE visitors ADD COLUMN empty_ms INTEGER;
  `,
  `
  -- When the bytes of an image that nobody needed left the store; null: they are there.
  ALTER TABLE images ADD COLUMN removed_ms INTEGER;
  -- Years of releases and units lie beside the few that are asked for.
  CREATE INDEX releases_slot ON releases (slot);
  CREATE INDEX releases_undo_of ON releases (undo_of) WHERE undo_of IS NOT NULL;
  CREATE INDEX units_release ON units (release);
  `,
];

/** Brings the database to the newest version. Throws JOURNAL_TOO_NEW for one that a later dropflash wrote. */
export function migrate(database: DatabaseSync, path: string): void {
  const version = versionOf(database);
  refuseNewer(version, path);
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${sql} PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}

/** For those that only look and may change nothing. Throws JOURNAL_TOO_NEW, JOURNAL_TOO_OLD. */
export function refuseOther(database: DatabaseSync, path: string): void {
  const version = versionOf(database);
  refuseNewer(version, path);
  if (version === MIGRATIONS.length) return;
  throw new FlashError(
    'JOURNAL_TOO_OLD',
    `the journal ${path} has version ${version}; this dropflash reads version ${MIGRATIONS.length}`,
  );
}

function versionOf(database: DatabaseSync): number {
  const row = database.prepare('PRAGMA user_version').get();
  return Number(row?.['user_version'] ?? 0);
}

function refuseNewer(version: number, path: string): void {
  if (version <= MIGRATIONS.length) return;
  throw new FlashError(
    'JOURNAL_TOO_NEW',
    `the journal ${path} has version ${version}, this dropflash knows up to ${MIGRATIONS.length}`,
  );
}
