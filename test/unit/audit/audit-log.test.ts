import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditLog } from '../../../src/audit/audit-log.ts';
import { seal, unseal } from '../../../src/audit/chain.ts';
import { verifyAudit } from '../../../src/audit/verify.ts';
import { systemClock } from '../../../src/clock.ts';
import { Journal } from '../../../src/jobs/journal/journal.ts';
import { runs } from '../../runs.ts';
import { turnsWhile } from '../../turns.ts';
import { RecordingLogger, until } from '../watcher/support.ts';

let folder: string;
let journal: Journal;
let log: RecordingLogger;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-audit-'));
  journal = Journal.open(Journal.pathIn(folder));
  log = new RecordingLogger();
});

afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true });
});

const FILE = 'audit.jsonl';
const path = (name = FILE) => join(folder, name);
const lines = (name = FILE) => readFileSync(path(name), 'utf8').trimEnd().split('\n');
const verdict = () => verifyAudit(folder, { head: journal.audit.head() });
const kinds = () => verdict().findings.map(({ kind, line }) => `${kind} ${line ?? ''}`.trim());

/** A daemon that starts, writes so many entries, and stops. */
async function run(entries: number, maxBytes = 1_000_000): Promise<void> {
  const part = new AuditLog({ folder, journal, enrich: (fields) => fields, clock: systemClock, log, maxBytes }).part();
  await part.start(new AbortController().signal);
  for (let count = 0; count < entries; count += 1)
    journal.audit.add('job.start', count, { job: `j${count}`, text: 'é\n"' });
  await part.stop(1_000);
}

/** Resolves when all of these are written. */
async function tell(...jobs: readonly string[]): Promise<void> {
  for (const job of jobs) journal.audit.add('job.start', 1, { job });
  await until(() => journal.audit.pending(1).length === 0, 'it is written');
}

/** Does it until the file's time of change tells: file systems count in ticks of some milliseconds. */
async function noticeably(work: () => void): Promise<void> {
  const { ctimeNs } = statSync(path(), { bigint: true });
  await until(() => {
    work();
    return statSync(path(), { bigint: true }).ctimeNs !== ctimeNs;
  }, 'the change has a time of its own');
}

function setBack({ atime, mtime }: Stats): void {
  utimesSync(path(), atime, mtime);
}

describe('the audit log', () => {
  it('has every entry once, in order, chained', async () => {
    await run(3);
    await run(2);
    expect(verdict()).toMatchObject({ isIntact: true, records: 5, findings: [], files: [FILE], head: { seq: 5 } });
    expect(lines().map((line) => unseal(line)?.data['job'])).toEqual(['j0', 'j1', 'j2', 'j0', 'j1']);
    expect(journal.audit.pending(10)).toEqual([]);
  });

  it('tells nothing of a transaction that was taken back', async () => {
    expect(() =>
      journal.transaction(() => {
        journal.audit.add('job.start', 1, {});
        throw new Error('no');
      }),
    ).toThrow('no');
    await run(0);
    expect(verdict().records).toBe(0);
  });

  it('goes on over files, of which none is overwritten', async () => {
    for (let round = 0; round < 4; round += 1) await run(10, 1_000);
    const { files, ...rest } = verdict();
    expect(rest).toMatchObject({ isIntact: true, records: 40 });
    expect(files.length).toBeGreaterThan(3);
    expect(files[0]).toBe('audit-000000000001.jsonl');
    rmSync(path(files[1]));
    expect(kinds()).toEqual(['cut 1']);
  });

  it('writes what it could not write as soon as it can', async () => {
    const clock = {
      ...systemClock,
      setTimer: (_ms: number, callback: () => void) => systemClock.setTimer(10, callback),
    };
    const part = new AuditLog({ folder, journal, enrich: (fields) => fields, clock, log }).part();
    // A folder in its place cannot be opened for writing.
    await import('node:fs/promises').then(({ mkdir }) => mkdir(path()));
    await part.start(new AbortController().signal);
    journal.audit.add('job.start', 1, {});
    expect(log.lines).toMatchObject([{ event: 'audit.failed', code: 'AUDIT_NOT_WRITTEN' }]);
    rmSync(path(), { recursive: true });
    await until(() => journal.audit.pending(1).length === 0, 'it is written');
    await part.stop(1_000);
    expect(verdict()).toMatchObject({ isIntact: true, records: 1 });
  });
});

/** The folder of a daemon that died: so much of its file is there, and the journal has heard of `settled` entries of four. */
async function startAfter(
  file: Buffer,
  settled: number,
): Promise<{ readonly jobs: unknown[]; readonly isIntact: boolean }> {
  const place = mkdtempSync(join(folder, 'crash-'));
  const own = Journal.open(Journal.pathIn(place));
  for (const index of [0, 1, 2, 3]) own.audit.add('job.start', index, { job: `j${index}`, text: 'é\n"' });
  const link = unseal(file.toString().split('\n')[settled - 1] ?? '');
  if (link !== null) own.transaction(() => own.audit.settle(settled, link));
  writeFileSync(join(place, FILE), file);
  const part = new AuditLog({
    folder: place,
    journal: own,
    enrich: (fields) => fields,
    clock: systemClock,
    log,
  }).part();
  await part.start(new AbortController().signal);
  await part.stop(1_000);
  const records = readFileSync(join(place, FILE), 'utf8').split('\n').map(unseal);
  const jobs = records.filter((record) => record?.event === 'job.start').map((record) => record?.data['job']);
  const { isIntact, unfinishedBytes } = verifyAudit(place, { head: own.audit.head() });
  own.close();
  return { jobs, isIntact: isIntact && unfinishedBytes === 0 };
}

describe('after a crash', () => {
  it('at any byte of a write, the torn line is closed and every entry is there once', async () => {
    await run(4);
    const whole = readFileSync(path());
    const afterTwo = Buffer.byteLength(lines().slice(0, 2).join('\n')) + 1;
    const inTheLastTwo = fc.integer({ min: afterTwo, max: whole.length });
    await fc.assert(
      fc.asyncProperty(inTheLastTwo, async (cut) => {
        const after = await startAfter(whole.subarray(0, cut), 2);
        expect(after).toEqual({ jobs: ['j0', 'j1', 'j2', 'j3'], isIntact: true });
      }),
      { ...runs(30), examples: [[whole.length], [whole.length - 1], [afterTwo], [afterTwo + 1]] },
    );
    expect(await startAfter(Buffer.alloc(0), 0)).toEqual({ jobs: ['j0', 'j1', 'j2', 'j3'], isIntact: true });
  });

  it('whatever bytes a power cut left in place of the last ones are closed too', async () => {
    await run(2);
    const whole = readFileSync(path());
    for (const mess of [Buffer.alloc(100), Buffer.from('\n\n\n'), Buffer.from('{"seq":3}\nmore\n')]) {
      const after = await startAfter(Buffer.concat([whole, mess]), 2);
      expect(after).toEqual({ jobs: ['j0', 'j1', 'j2', 'j3'], isIntact: true });
    }
  });
});

describe('verification', () => {
  it('finds a changed byte wherever it is', async () => {
    await run(6);
    const whole = readFileSync(path());
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] ?? 0) ^ by;
        writeFileSync(path(), changed);
        expect(verdict().isIntact).toBe(false);
      }),
      runs(150),
    );
  });

  it.each<[string, (lines: string[]) => string[], string[]]>([
    ['a record changed', (all) => all.with(2, (all[2] ?? '').replace('j2', 'j9')), ['changed 3']],
    ['a record cut out', (all) => all.toSpliced(2, 1), ['cut 3']],
    ['a record repeated', (all) => all.toSpliced(2, 0, all[1] ?? ''), ['inserted 3']],
    ['a line inserted', (all) => all.toSpliced(2, 0, 'hello'), ['changed 3', 'inserted 4']],
    ['the end cut off', (all) => all.slice(0, 4), ['lost']],
    ['everything gone', () => [], ['lost']],
    [
      'a record made anew, hash and all',
      (all) =>
        all.with(
          2,
          seal({ seq: 2, hash: unseal(all[1] ?? '')?.hash ?? '' }, { atMs: 1, event: 'x', entry: 3, data: {} }).line,
        ),
      ['rewritten 4'],
    ],
    [
      'a record made anew, with all that follow',
      (all) => {
        let link = { seq: 2, hash: unseal(all[1] ?? '')?.hash ?? '' };
        return all.map((line, index) => {
          if (index < 2) return line;
          const sealed = seal(link, { atMs: 1, event: 'job.start', entry: index + 1, data: { job: 'mine' } });
          link = sealed.link;
          return sealed.line;
        });
      },
      ['replaced'],
    ],
  ])('says where: %s', async (_case, change, expected) => {
    await run(6);
    const noted = verdict().head.hash;
    const changed = change(lines());
    writeFileSync(path(), changed.map((line) => `${line}\n`).join(''));
    expect(kinds()).toEqual(expected);
    // Without the journal, a hash that was noted elsewhere still tells.
    expect(verifyAudit(folder, { head: null, contains: noted }).isIntact).toBe(expected[0] === '');
  });

  it('does not mind a record that is being written', async () => {
    await run(2);
    appendFileSync(path(), '{"seq":3,"at"');
    expect(verdict()).toMatchObject({ isIntact: true, unfinishedBytes: 13 });
  });

  it('finds damage at the start as well, keeps the file, and goes on behind the gap', async () => {
    await run(3);
    truncateSync(path(), 100);
    await run(2);
    expect(log.lines).toContainEqual(expect.objectContaining({ event: 'audit.broken', code: 'AUDIT_BROKEN' }));
    expect(readdirSync(folder).filter((name) => name.startsWith('audit'))).toHaveLength(2);
    expect(verdict()).toMatchObject({ isIntact: false, head: { seq: 6 } });
    expect(verdict().findings.length).toBeGreaterThan(0);
  });

  it.each<[string, () => void]>([
    ['deleted', () => rmSync(path())],
    ['cut', () => truncateSync(path(), 300)],
    [
      'replaced',
      () => {
        const text = readFileSync(path(), 'utf8');
        rmSync(path());
        writeFileSync(path(), text.replace('j1', 'j7'));
      },
    ],
    ['added to', () => appendFileSync(path(), 'a line of somebody\n')],
  ])(
    'finds with the next record that the file was %s while it runs, and loses no record after that',
    async (_what, harm) => {
      const part = new AuditLog({ folder, journal, enrich: (fields) => fields, clock: systemClock, log }).part();
      await part.start(new AbortController().signal);
      for (const job of ['j0', 'j1', 'j2']) journal.audit.add('job.start', 1, { job });
      await until(() => journal.audit.pending(10).length === 0, 'three are written');
      harm();
      journal.audit.add('job.start', 2, { job: 'after' });
      await until(() => journal.audit.pending(10).length === 0, 'the fourth is written');
      await part.stop(1_000);
      expect([...log.of('audit.broken'), ...log.of('audit.torn')]).toHaveLength(1);
      expect(lines().map((line) => unseal(line)?.data['job'])).toContain('after');
    },
  );

  it.each<[string, (text: string) => string, (before: Stats) => void]>([
    ['the middle', (text) => text.replace('"j1"', '"j7"'), () => undefined],
    ['the last record', (text) => text.replace('"j2"', '"j7"'), () => undefined],
    ['the middle, and its date was set back', (text) => text.replace('"j1"', '"j7"'), setBack],
  ])('finds with the next record that somebody wrote over %s', async (_what, edited, after) => {
    const part = new AuditLog({ folder, journal, enrich: (fields) => fields, clock: systemClock, log }).part();
    await part.start(new AbortController().signal);
    await tell('j0', 'j1', 'j2');
    const before = statSync(path());
    await noticeably(() => {
      writeFileSync(path(), edited(readFileSync(path(), 'utf8')), { flag: 'r+' });
      after(before);
    });
    expect(statSync(path())).toMatchObject({ ino: before.ino, size: before.size });
    await tell('after');
    await part.stop(1_000);
    expect(log.of('audit.broken')).toMatchObject([{ code: 'AUDIT_BROKEN' }]);
    expect(lines().map((line) => unseal(line)?.data['job'])).toEqual([undefined, 'after']);
    expect(verdict()).toMatchObject({ isIntact: false, head: { seq: 5 } });
  });

  it.each<[string, () => void]>([
    ['mode', () => chmodSync(path(), 0o600)],
    ['owner', () => chownSync(path(), statSync(path()).uid, statSync(path()).gid)],
    ['dates', () => utimesSync(path(), new Date(0), new Date(0))],
  ])('says nothing where only the %s of the file changed', async (_what, touch) => {
    const part = new AuditLog({ folder, journal, enrich: (fields) => fields, clock: systemClock, log }).part();
    await part.start(new AbortController().signal);
    await tell('j0');
    await noticeably(touch);
    await tell('j1');
    await noticeably(touch);
    await tell('j2');
    await part.stop(1_000);
    expect(log.lines).toEqual([]);
    expect(verdict()).toMatchObject({ isIntact: true, records: 3, files: [FILE] });
  });

  it('does not hold up the daemon while a long file is read again', async () => {
    const audit = new AuditLog({ folder, journal, enrich: (fields) => fields, clock: systemClock, log });
    journal.audit.add('job.start', 1, { text: 'x'.repeat(3_000_000) });
    await audit.drain();
    await noticeably(() => chmodSync(path(), 0o600));
    journal.audit.add('job.start', 2, {});
    expect(await turnsWhile(audit.drain())).toBeGreaterThan(20);
    await audit.part().stop(1_000);
    expect(verdict()).toMatchObject({ isIntact: true, records: 2 });
  });

  it('is not led astray by files of other names', async () => {
    await run(2);
    renameSync(path(), path('audit-1.jsonl'));
    expect(kinds()).toEqual(['lost']);
  });
});
