import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createServiceLog, type LogSettings } from '../../../src/service/winston-logger.ts';

const folder = mkdtempSync(join(tmpdir(), 'dropflash-log-'));
afterEach(() => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
});

/** A stdout whose reader may be slow. */
function sink({ reads = true } = {}) {
  const chunks: string[] = [];
  const stdout = new Writable({
    write: (chunk, _encoding, done) => {
      chunks.push(String(chunk));
      if (reads) done();
    },
  });
  return {
    stdout,
    lines: () =>
      chunks
        .join('')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
  };
}

function serviceLog(stdout: Writable, settings: Partial<LogSettings> = {}) {
  return createServiceLog(
    { level: 'info', format: 'json', file: null, ...settings },
    { stdout, colours: false, clock: systemClock },
  );
}

describe('the service log', () => {
  it('writes a line per event, with the fields of its ancestors, when it is closed at the latest', async () => {
    const { stdout, lines } = sink();
    const log = serviceLog(stdout);
    log.logger.child({ job: 'j1' }).child({ device: 'd1' }).info('job.started', { bytes: 5 });
    await log.close();
    expect(lines()).toEqual([
      { ts: expect.any(String), level: 'info', event: 'job.started', job: 'j1', device: 'd1', bytes: 5 },
    ]);
  });

  it('changes its level while it runs, for child loggers too', async () => {
    const { stdout, lines } = sink();
    const log = serviceLog(stdout);
    const child = log.logger.child({ job: 'j1' });
    child.debug('a.hidden');
    log.setLevel('trace');
    child.trace('a.shown');
    log.setLevel('error');
    child.warn('b.hidden');
    await log.close();
    expect(lines().map((line) => line.event)).toEqual(['a.shown']);
  });

  it('is closed once, and silent afterwards', async () => {
    const { stdout, lines } = sink();
    const log = serviceLog(stdout);
    const closing = log.close();
    expect(log.close()).toBe(closing);
    await closing;
    log.logger.error('too.late');
    await turn();
    expect(lines()).toEqual([]);
    expect(stdout.writableEnded).toBe(false);
  });

  it('does not wait for ever for a reader that stopped reading', async () => {
    const { stdout } = sink({ reads: false });
    const log = serviceLog(stdout);
    log.logger.info('a.b');
    log.logger.info('a.b');
    await log.close();
  });

  it('drops and counts lines while nobody reads, instead of filling the memory', async () => {
    const waiting: (() => void)[] = [];
    const chunks: string[] = [];
    const stdout = new Writable({
      write: (chunk, _encoding, done) => {
        chunks.push(String(chunk));
        if (chunks.length === 1) waiting.push(done);
        else done();
      },
    });
    const log = serviceLog(stdout);
    for (let line = 0; line < 6_000; line += 1) log.logger.info('a.b', { line, text: 'x'.repeat(1_900) });
    expect(stdout.writableLength).toBeLessThan(1024 * 1024);
    waiting[0]?.();
    await expect.poll(() => chunks.length).toBeGreaterThan(4_000);
    log.logger.info('a.b', { line: 'last' });
    await log.close();
    const all = chunks.map((chunk) => JSON.parse(chunk));
    const dropped = all.find((line) => line.event === 'log.dropped');
    expect(dropped.lines).toBeGreaterThan(0);
    expect(all.length - 2 + dropped.lines).toBe(6_000);
  });

  it('goes on when the reader of stdout goes away', async () => {
    const stdout = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const file = { path: join(folder, 'x.log'), maxBytes: 1e6, keep: 1 };
    const log = serviceLog(stdout, { file });
    log.logger.info('a.one');
    await turn();
    log.logger.info('a.two');
    await log.close();
    expect(readFileSync(file.path, 'utf8').split('\n')).toHaveLength(3);
  });
});

describe('the log file', () => {
  it('is cut without losing or splitting a line, keeps the newest first and adds to what is there', async () => {
    const file = { path: join(folder, 'deep', 'x.log'), maxBytes: 20_000, keep: 50 };
    for (const run of [0, 1]) {
      const log = serviceLog(sink().stdout, { file });
      for (let line = 0; line < 1_000; line += 1) {
        log.logger.info('a.b', { line: run * 1_000 + line });
        if (line % 10 === 9) await turn();
      }
      await log.close();
    }
    const names = readdirSync(join(folder, 'deep'));
    const files = names.map((name) => readFileSync(join(folder, 'deep', name), 'utf8'));
    const lines = files.flatMap((text) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).line as number),
    );
    expect(lines.sort((a, b) => a - b)).toEqual(Array.from({ length: 2_000 }, (_, index) => index));
    expect(Math.max(...files.map((text) => text.length))).toBeLessThanOrEqual(20_000);
    expect(readFileSync(file.path, 'utf8')).toContain('"line":1999');
    expect(readFileSync(`${file.path}.${names.length - 1}`, 'utf8')).toContain('"line":0}');
  });

  it('keeps no more files than it may', async () => {
    const log = serviceLog(sink().stdout, { file: { path: join(folder, 'x.log'), maxBytes: 200, keep: 2 } });
    for (let line = 0; line < 20; line += 1) log.logger.info('a.b', { line });
    await log.close();
    expect(readdirSync(folder).sort()).toEqual(['x.log', 'x.log.1', 'x.log.2']);
  });

  it('that cannot be written is told once on stdout, where the log goes on', async () => {
    writeFileSync(join(folder, 'taken'), '');
    const { stdout, lines } = sink();
    const log = serviceLog(stdout, { file: { path: join(folder, 'taken', 'x.log'), maxBytes: 1e6, keep: 1 } });
    log.logger.info('a.one');
    log.logger.info('a.two');
    await expect.poll(() => lines().map((line) => line.event)).toContain('log.file-failed');
    log.logger.info('a.three');
    await log.close();
    expect(
      lines()
        .map((line) => line.event)
        .sort(),
    ).toEqual(['a.one', 'a.three', 'a.two', 'log.file-failed']);
  });
});
