import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { JobBook } from '../../../src/jobs/job-book.ts';
import { Journal } from '../../../src/jobs/journal/journal.ts';
import { openRuleBook, planContext } from '../../../src/jobs/rule-book.ts';
import { Windows } from '../../../src/jobs/windows.ts';
import { aRule, aWindow } from '../../fixtures/records.ts';
import { runs } from '../../runs.ts';
import { RecordingLogger } from '../watcher/support.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const FROM_MS = Date.parse('2026-10-20T00:00:00Z');

/** The windows of one rule, as one process after the other sees them at moments of the test's choice. */
class Watchman {
  readonly #folder = mkdtempSync(join(tmpdir(), 'dropflash-windows-'));
  readonly #journal = Journal.open(Journal.pathIn(this.#folder));
  readonly #log = new RecordingLogger();
  readonly #rules = openRuleBook(
    [aRule({ when: aWindow({ cron: '30 */6 * * *', forMs: HOUR_MS, timezone: 'Europe/Berlin' }) })],
    planContext(this.#journal, new Map()),
  );
  #windows = this.#start();

  look(nowMs: number): void {
    for (const turn of this.#windows.look(nowMs).due) this.#windows.begin(turn);
  }

  restart(): void {
    this.#windows = this.#start();
  }

  /** When the windows opened that it kept, and how many it reported as missed. */
  get account(): { readonly kept: readonly string[]; readonly missed: number } {
    const of = (event: string) => this.#log.lines.filter((line) => line['event'] === event);
    const missed = of('window.missed').reduce((sum, { starts }) => sum + Number(starts), 0);
    return { kept: of('window.opened').map(({ opensAt }) => String(opensAt)), missed };
  }

  [Symbol.dispose](): void {
    this.#journal.close();
    rmSync(this.#folder, { recursive: true });
  }

  #start(): Windows {
    const book = new JobBook(this.#journal, systemClock);
    return new Windows({ journal: this.#journal, book, rules: () => this.#rules, log: this.#log });
  }
}

/** Every start of a quarter of a year, read off a clock in Berlin minute by minute: the first time that it shows 0:30, 6:30, 12:30 or 18:30. */
function readOffTheClock(): number[] {
  const wall = new Intl.DateTimeFormat('de', { timeZone: 'Europe/Berlin', dateStyle: 'short', timeStyle: 'short' });
  const seen = new Set<string>();
  const starts: number[] = [];
  for (let atMs = FROM_MS + MINUTE_MS; atMs <= FROM_MS + 91 * 24 * HOUR_MS; atMs += MINUTE_MS) {
    const shown = wall.format(atMs);
    if (seen.has(shown) || !/(?:00|06|12|18):30$/.test(shown)) continue;
    seen.add(shown);
    starts.push(atMs);
  }
  return starts;
}

describe('the starts of a window', () => {
  const all = readOffTheClock();

  it('are each kept once or reported as missed, whenever somebody looks, and whichever process', () => {
    const gap = fc.record({
      minutes: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 3 * 24 * 60 })),
      restarts: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(gap, { minLength: 1, maxLength: 30 }), (gaps) => {
        using watchman = new Watchman();
        watchman.look(FROM_MS);
        const looks = [FROM_MS];
        for (const { minutes, restarts } of gaps) {
          if (restarts) watchman.restart();
          const atMs = (looks.at(-1) ?? 0) + minutes * MINUTE_MS;
          watchman.look(atMs);
          looks.push(atMs);
        }
        const starts = all.filter((start) => start <= (looks.at(-1) ?? 0));
        const wasSeen = (start: number) => looks.some((atMs) => start <= atMs && atMs < start + HOUR_MS);
        const { kept, missed } = watchman.account;
        expect(kept).toEqual(starts.filter(wasSeen).map((start) => new Date(start).toISOString()));
        expect(missed).toBe(starts.length - kept.length);
      }),
      runs(40),
    );
  });
});
