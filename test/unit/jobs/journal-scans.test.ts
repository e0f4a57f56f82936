import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Journal } from '../../../src/jobs/journal/journal.ts';

/** Tables that get rows with every device and every image, for years. */
const GROWING = ['jobs', 'attempts', 'transitions', 'proven_images', 'releases', 'drops'];

/** Read in the order of the rows until the limit; and what is only asked where a rung of a ladder is missing. */
const MAY_SCAN = [
  /^SELECT (?:(?! WHERE ).)* ORDER BY (?:\w+\.)?rowid DESC LIMIT \?$/,
  /^SELECT images\.\*, drops\.name AS drop_name/,
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-scans-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** Statements for which SQLite would look at every row of a table that grows without end. */
function scansOf(use: (journal: Journal) => void): string[] {
  const scans: string[] = [];
  const prepare = DatabaseSync.prototype.prepare;
  vi.spyOn(DatabaseSync.prototype, 'prepare').mockImplementation(function (this: DatabaseSync, sql): StatementSync {
    const text = sql.replaceAll(/\s+/g, ' ').trim();
    if (!/^(?:SELECT|WITH|UPDATE|DELETE)/.test(text)) return prepare.call(this, sql);
    for (const { detail } of prepare.call(this, `EXPLAIN QUERY PLAN ${sql}`).all()) {
      const scanned =
        /^SCAN (\w+)(?! USING INDEX \w+_(?:current|active|open|unfinished))/.exec(String(detail))?.[1] ?? '';
      if (GROWING.includes(scanned) && !MAY_SCAN.some((pattern) => pattern.test(text)))
        scans.push(`${detail}: ${text}`);
    }
    return prepare.call(this, sql);
  });
  const journal = Journal.open(join(folder, 'journal.sqlite'));
  use(journal);
  journal.close();
  return scans;
}

test('what the daemon asks while it works takes no longer for years of history', () => {
  const scans = scansOf(({ jobs }) => {
    jobs.list({ release: 'r1', limit: 10 });
    jobs.list({ devices: ['one'], limit: 10 });
    jobs.list({ devices: ['one'], states: ['failed'], limit: 10 });
    jobs.list({ release: 'r1', states: ['failed'], limit: 10 });
  });
  expect(scans).toEqual([]);
});
