import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { FlashError } from '../../errors.ts';
import { AttemptTable } from './attempts.ts';
import { AuditOutbox } from './audit.ts';
import { DeviceTable } from './devices.ts';
import { DropTable } from './drops.ts';
import { HistoryTable } from './history.ts';
import { ImageTable } from './images.ts';
import { JobTable } from './jobs.ts';
import { PublicationTable } from './publications.ts';
import { ReleaseTable } from './releases.ts';
import { RolloutTable } from './rollouts.ts';
import { migrate, refuseOther } from './schema.ts';
import { transaction } from './transaction.ts';
import { UnitRowTable } from './unit-rows.ts';
import { UnitTable } from './units.ts';
import { VisitorTable } from './visitors.ts';
import { WindowTable } from './windows.ts';

/** How long one process waits for another one's write, milliseconds: the commands only read, so this is ample. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * What the daemon knows and has done, in one SQLite file. Every write, those of {@link relaxed} apart, is on the disk when the
 * call returns (WAL with full synchronisation), so that what is done next can rely on it after any crash.
 */
export class Journal {
  readonly audit: AuditOutbox;
  readonly images: ImageTable;
  readonly drops: DropTable;
  readonly releases: ReleaseTable;
  readonly devices: DeviceTable;
  readonly jobs: JobTable;
  readonly attempts: AttemptTable;
  readonly units: UnitTable;
  readonly unitRows: UnitRowTable;
  readonly rollouts: RolloutTable;
  readonly publications: PublicationTable;
  readonly visitors: VisitorTable;
  readonly windows: WindowTable;
  readonly history: HistoryTable;
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.audit = new AuditOutbox(database);
    this.images = new ImageTable(database);
    this.drops = new DropTable(database, this.images, this.audit);
    this.releases = new ReleaseTable(database);
    this.devices = new DeviceTable(database);
    this.jobs = new JobTable(database, this.audit);
    this.attempts = new AttemptTable(database);
    this.units = new UnitTable(database, this.audit);
    this.unitRows = new UnitRowTable(database);
    this.rollouts = new RolloutTable(database, this.audit);
    this.publications = new PublicationTable(database, this.audit);
    this.visitors = new VisitorTable(database);
    this.windows = new WindowTable(database);
    this.history = new HistoryTable(database);
  }

  /** The journal of a data folder. */
  static pathIn(dataPath: string): string {
    return join(dataPath, 'journal.sqlite');
  }

  /** Opens or makes the journal for writing. Throws JOURNAL_UNUSABLE, JOURNAL_TOO_NEW. */
  static open(path: string): Journal {
    return translated(path, () => {
      mkdirSync(dirname(path), { recursive: true });
      const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
      migrate(database, path);
      return new Journal(database);
    });
  }

  /** Opens the journal to look at it, while a daemon may be writing. Throws JOURNAL_UNUSABLE where there is none, JOURNAL_TOO_NEW, JOURNAL_TOO_OLD. */
  static openToRead(path: string): Journal {
    return translated(path, () => {
      const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
      refuseOther(database, path);
      return new Journal(database);
    });
  }

  /** All of `work`, or nothing of it. Calls within one another join the outermost. */
  transaction<T>(work: () => T): T {
    return transaction(this.#database, work);
  }

  /** For what only people want to know: seen by readers at once, and on the disk with the next write that is not relaxed. */
  relaxed<T>(work: () => T): T {
    if (this.#database.isTransaction) return work();
    this.#database.exec('PRAGMA synchronous = NORMAL');
    try {
      return work();
    } finally {
      this.#database.exec('PRAGMA synchronous = FULL');
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

function translated<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    if (cause instanceof FlashError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FlashError('JOURNAL_UNUSABLE', `the journal ${path} cannot be opened: ${why}`, { cause });
  }
}
