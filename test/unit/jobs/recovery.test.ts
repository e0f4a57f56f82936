import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { JobBook } from '../../../src/jobs/job-book.ts';
import { Journal } from '../../../src/jobs/journal/journal.ts';
import { recover } from '../../../src/jobs/recovery.ts';
import { silentLogger } from '../../../src/log.ts';
import type { TakenFile } from '../../../src/model/drop.ts';
import type { Step } from '../../../src/model/job.ts';

let folder: string;
let path: string;
let journal: Journal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-recovery-'));
  path = Journal.pathIn(folder);
  journal = Journal.open(path);
});

afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true });
});

const FILE: TakenFile = {
  name: 'sensor.bin',
  sha256: 'ab',
  sizeBytes: 3,
  seenMs: 1,
  dossier: { kind: 'app' } as TakenFile['dossier'],
};

function planJob(): void {
  const { id: dropId } = journal.drops.taken(FILE);
  const createdMs = 1;
  journal.releases.insert({ id: 'r', rule: 'all', slot: 'all', image: 'ab', dropId, createdMs, expiresMs: null });
  journal.jobs.insert({ id: 'j', release: 'r', rule: 'all', device: 'd', image: 'ab', createdMs });
}

/** A process that begins an attempt, comes as far as `step`, and is killed. */
function dieAt(step: Step): void {
  const book = new JobBook(journal, systemClock);
  const attempts = (book.get('j')?.attempts ?? 0) + 1;
  book.transition('j', 'start', { attempts, step: 'prepare' }, () => void journal.attempts.open('j', 1));
  book.entered('j', step);
  journal.close();
  journal = Journal.open(path);
}

function recoverAnew(): JobBook {
  const book = new JobBook(journal, systemClock);
  const devices = { get: () => null, list: () => [] };
  recover({ journal, book, devices, clock: systemClock, log: silentLogger });
  return book;
}

describe('recovery after a crash', () => {
  it('begins again before commit, however often it happens, at no cost to the retries', () => {
    planJob();
    for (const step of ['prepare', 'write', 'write'] as const) {
      dieAt(step);
      expect(recoverAnew().get('j')).toMatchObject({ state: 'queued', attempts: 0, step: null });
    }
    const attempts = journal.attempts.ofJob('j');
    expect(attempts.map(({ number, step, error }) => [number, step, error?.code])).toEqual([
      [1, 'prepare', 'JOB_INTERRUPTED'],
      [2, 'write', 'JOB_INTERRUPTED'],
      [3, 'write', 'JOB_INTERRUPTED'],
    ]);
    expect(attempts.every(({ endedMs }) => endedMs !== null)).toBe(true);
  });

  it('sends nothing from commit on: the device may have taken the image', () => {
    planJob();
    dieAt('commit');
    const job = recoverAnew().get('j');
    expect(job).toMatchObject({ state: 'confirming', proof: null, error: { code: 'JOB_OUTCOME_UNKNOWN' } });
    expect(journal.attempts.ofJob('j')).toMatchObject([{ number: 1, step: 'commit' }]);
  });
});
