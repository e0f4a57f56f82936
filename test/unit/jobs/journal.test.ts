import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FlashError } from '../../../src/errors.ts';
import { Journal } from '../../../src/jobs/journal/journal.ts';
import type { TakenFile } from '../../../src/model/drop.ts';
import { aDevice } from '../../fixtures/records.ts';

let folder: string;
let path: string;
let journal: Journal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-journal-'));
  path = Journal.pathIn(join(folder, 'data'));
  journal = Journal.open(path);
});

afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true });
});

function takenFile(sha256 = 'ab'): TakenFile {
  const dossier = { kind: 'app' } as TakenFile['dossier'];
  return { name: 'sensor-1.0.bin', sha256, sizeBytes: 3, seenMs: 1, dossier };
}

/** A drop with a release and one queued job for device `d`. */
function planned() {
  const drop = journal.drops.taken(takenFile());
  journal.releases.insert({
    id: 'r1',
    rule: 'sensors',
    slot: 'sensors/app/esp8266',
    image: 'ab',
    dropId: drop.id,
    createdMs: 2,
    expiresMs: 100,
  });
  return journal.jobs.insert({ id: 'j1', release: 'r1', rule: 'sensors', device: 'd', image: 'ab', createdMs: 3 });
}

function reopen(): void {
  journal.close();
  journal = Journal.open(path);
}

describe('journal', () => {
  it('keeps a drop, its place and its result over a restart', () => {
    const drop = journal.drops.taken(takenFile());
    reopen();
    expect(journal.drops.unfinished()).toEqual([drop]);
    journal.drops.placed(drop.id, 'working', 'sensor-1.0.bin');
    expect(journal.drops.unfinished()[0]).toMatchObject({ folder: 'working', placedName: 'sensor-1.0.bin' });
    journal.drops.placed(drop.id, 'done', null);
    expect(journal.drops.unfinished()).toEqual([]);
  });

  it('keeps file names with any character', () => {
    const name = 'a\nb"\u{1F600}\\.bin';
    const { id } = journal.drops.taken({ ...takenFile(), name });
    reopen();
    expect(journal.drops.get(id)?.name).toBe(name);
  });

  it('writes each transition of a job with its history', () => {
    const job = planned();
    const running = journal.jobs.transition(job, 'start', { attempts: 1, step: 'prepare' }, 10);
    expect(journal.attempts.open('j1', 10)).toBe(1);
    const committed = journal.jobs.entered(running, 'commit', 11);
    const failed = new FlashError('JOB_NOT_RETURNED', 'gone').toJSON();
    journal.jobs.transition(committed, 'fail', { error: failed }, 12, 'gone');
    const end = { number: 1, endedMs: 12, step: 'commit', sentBytes: 3, proof: null, error: failed } as const;
    journal.attempts.close('j1', end);
    reopen();
    expect(journal.jobs.get('j1')).toMatchObject({ state: 'failed', step: 'commit', attempts: 1, error: failed });
    expect(journal.jobs.transitionsOf('j1').map(({ from, to }) => [from, to])).toEqual([
      [null, 'queued'],
      ['queued', 'running'],
      ['running', 'failed'],
    ]);
    expect(journal.attempts.ofJob('j1')).toEqual([{ ...end, startedMs: 10 }]);
  });

  it('keeps a relaxed write over a restart', () => {
    const job = journal.jobs.transition(planned(), 'start', { step: 'prepare' }, 10);
    journal.relaxed(() => journal.jobs.entered(job, 'write', 11));
    reopen();
    expect(journal.jobs.get('j1')).toMatchObject({ state: 'running', step: 'write', updatedMs: 11 });
  });

  it('numbers the attempts of a job one after the other, those that a crash cut off included', () => {
    planned();
    expect(journal.attempts.open('j1', 10)).toBe(1);
    const error = new FlashError('JOB_INTERRUPTED', 'the daemon ended').toJSON();
    journal.attempts.abandon('j1', { step: 'write', error, endedMs: 20 });
    expect(journal.attempts.open('j1', 30)).toBe(2);
    reopen();
    expect(journal.attempts.ofJob('j1')).toMatchObject([
      { number: 1, startedMs: 10, endedMs: 20, step: 'write', error },
      { number: 2, startedMs: 30, endedMs: null },
    ]);
  });

  it('refuses a second current release in a slot and a second job of a release for a device', () => {
    const job = planned();
    const again = {
      id: 'r2',
      rule: 'sensors',
      slot: 'sensors/app/esp8266',
      image: 'ab',
      createdMs: 5,
      expiresMs: null,
    };
    const { dropId } = journal.releases.current()[0] ?? { dropId: '' };
    expect(() => journal.releases.insert({ ...again, dropId })).toThrow(/UNIQUE/);
    expect(() => journal.jobs.insert({ ...job, id: 'j2' })).toThrow(/UNIQUE/);
  });

  it('finds expired releases and lists jobs by filter', () => {
    planned();
    expect(journal.releases.expired(99)).toEqual([]);
    expect(journal.releases.expired(100).map(({ id }) => id)).toEqual(['r1']);
    expect(journal.jobs.list({ devices: ['c', 'd'], states: ['queued'], limit: 5 })).toHaveLength(1);
    expect(journal.jobs.list({ states: ['failed', 'running'], limit: 5 })).toEqual([]);
    expect(journal.jobs.list({ release: 'other', limit: 5 })).toEqual([]);
  });

  it('remembers devices and what they hold', () => {
    journal.images.put({ ...takenFile() });
    journal.devices.put(aDevice());
    journal.devices.put(aDevice({ address: '127.0.1.9' }));
    journal.devices.holds('mdns:arduino/sensor-1', 'app', 'ab', 'accepted', 7);
    journal.devices.holds('mdns:arduino/sensor-1', 'app', 'ab', 'returned', 8);
    reopen();
    expect(journal.devices.all()).toEqual([aDevice({ address: '127.0.1.9' })]);
    expect(journal.devices.held(['other', 'mdns:arduino/sensor-1'], 'app')).toEqual({
      image: 'ab',
      proof: 'returned',
      atMs: 8,
    });
    expect(journal.devices.held(['mdns:arduino/sensor-1'], 'filesystem')).toBeNull();
  });

  it('undoes all of a transaction that throws', () => {
    expect(() =>
      journal.transaction(() => {
        journal.devices.put(aDevice());
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(journal.devices.all()).toEqual([]);
  });

  it('can be read while it is written', () => {
    const reader = Journal.openToRead(path);
    journal.devices.put(aDevice());
    expect(reader.devices.all()).toHaveLength(1);
    expect(() => reader.devices.put(aDevice())).toThrow(/readonly/);
    reader.close();
  });

  it('refuses a journal of a later version, and a file that is none', () => {
    journal.close();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 999');
    database.close();
    expect(() => Journal.open(path)).toThrow(expect.objectContaining({ code: 'JOURNAL_TOO_NEW' }));
    const none = join(folder, 'none.sqlite');
    expect(() => Journal.openToRead(none)).toThrow(expect.objectContaining({ code: 'JOURNAL_UNUSABLE' }));
    journal = Journal.open(join(folder, 'fresh.sqlite'));
  });
});

describe('a journal of an older version', () => {
  it('is brought up to date by the daemon, and not by those who look', () => {
    planned();
    journal.close();
    const database = new DatabaseSync(path);
    database.exec('DROP INDEX releases_slot; DROP INDEX releases_undo_of; ALTER TABLE images DROP COLUMN removed_ms');
    database.exec('DROP INDEX jobs_release_active');
    database.exec('DROP INDEX drops_part_of; DROP INDEX releases_led_by; ALTER TABLE releases DROP COLUMN led_by');
    database.exec('ALTER TABLE drops DROP COLUMN part_of; ALTER TABLE drops DROP COLUMN manifest');
    database.exec('DROP TABLE windows; ALTER TABLE releases DROP COLUMN refresh_of');
    database.exec('DROP TABLE publications; DROP TABLE publication_numbers; DROP TABLE visitors');
    database.exec('DROP TABLE said_versions; DROP INDEX drops_image; DROP INDEX releases_image');
    database.exec('ALTER TABLE releases DROP COLUMN undo_of');
    database.exec('DROP TABLE proven_images; ALTER TABLE jobs DROP COLUMN version_before');
    database.exec('ALTER TABLE jobs DROP COLUMN stuck_from_ms');
    database.exec('DROP TABLE audit_outbox; DROP TABLE audit_head');
    database.exec('DROP TABLE rollout_decisions; DROP TABLE rollouts; ALTER TABLE jobs DROP COLUMN wave');
    database.exec('DROP TABLE unit_rows; DROP TABLE units; PRAGMA user_version = 1');
    database.close();
    expect(() => Journal.openToRead(path)).toThrow(expect.objectContaining({ code: 'JOURNAL_TOO_OLD' }));
    journal = Journal.open(path);
    expect(journal.jobs.get('j1')?.state).toBe('queued');
    expect(journal.units.insert({ id: 'u1', slot: 's', port: 'p', startedMs: 1 })).toEqual(journal.units.get('u1'));
  });
});
