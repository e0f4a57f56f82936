import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { FlashError } from '../errors.ts';

/** Held as long as this process lives or until `release`. */
export interface InstanceLock {
  /** Safe to call twice. */
  release(): void;
}

/** SQLite's primary result code for "someone else holds the lock" (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5;

/**
 * Makes this process the only daemon on a data folder. Throws SERVICE_ALREADY_RUNNING, with the other's process id where it is
 * known, or SERVICE_DATA_FOLDER where the folder cannot be used.
 *
 * The lock is the operating system's own file lock, taken through an SQLite exclusive transaction on an empty database: it dies
 * with the process, however that ends, so a stale one cannot be left behind. The pid file beside it only serves the message.
 * (docs/decisions/0012-instance-lock.md)
 */
export function acquireInstanceLock(dataFolder: string, pid: number): InstanceLock {
  const pidFile = join(dataFolder, 'daemon.pid');
  const database = openLockFile(dataFolder);
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) throw alreadyRunning(dataFolder, readPid(pidFile));
    throw unusable(dataFolder, error);
  }
  try {
    writeFileSync(pidFile, `${pid}\n`);
  } catch (error) {
    database.close();
    throw unusable(dataFolder, error);
  }
  const release = () => {
    process.off('exit', release);
    if (!database.isOpen) return;
    // First the name, then the lock: never the name of the next holder.
    rmSync(pidFile, { force: true });
    database.close();
  };
  // Also keeps the database from being garbage-collected, and the lock with it, where the caller keeps no reference.
  process.once('exit', release);
  return { release };
}

function openLockFile(dataFolder: string): DatabaseSync {
  try {
    mkdirSync(dataFolder, { recursive: true });
    return new DatabaseSync(join(dataFolder, 'daemon.lock'), { timeout: 0 });
  } catch (error) {
    throw unusable(dataFolder, error);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

function readPid(pidFile: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
    return Number.isInteger(pid) ? pid : null;
  } catch {
    return null;
  }
}

function alreadyRunning(dataFolder: string, pid: number | null): FlashError {
  const who = pid === null ? 'another dropflash' : `another dropflash (process ${pid})`;
  return new FlashError('SERVICE_ALREADY_RUNNING', `${who} is already running on the data folder ${dataFolder}`, {
    details: { dataFolder, pid },
  });
}

function unusable(dataFolder: string, cause: unknown): FlashError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new FlashError('SERVICE_DATA_FOLDER', `the data folder ${dataFolder} cannot be used: ${why}`, {
    cause,
    details: { dataFolder },
  });
}
