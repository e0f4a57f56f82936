import { describe, expect, it } from 'vitest';
import { aRule } from '../../fixtures/records.ts';
import { FleetRun, fleetOf } from './fleet-run.ts';

const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const DAY_MS = 86_400_000;
const FIRST_NOON = Date.parse('2026-01-01T12:00:00Z');
const DAYS = 365;

/** Zones that change their clocks in different weeks, by an hour and by half of one, on both sides of the equator. */
const ZONES = [
  { timezone: 'Europe/Berlin', cron: '30 2 * * *', from: 150, changes: ['2026-03-29T01:00Z', '2026-10-25T00:30Z'] },
  { timezone: 'America/New_York', cron: '30 2 * * *', from: 150, changes: ['2026-03-08T07:00Z', '2026-11-01T07:30Z'] },
  {
    timezone: 'Australia/Lord_Howe',
    cron: '15 2 * * *',
    from: 135,
    changes: ['2026-04-04T15:45Z', '2026-10-03T15:30Z'],
  },
] as const;

/**
 * When the window of each local day begins, read off the clock on the wall every quarter of an hour: the first reading of a date that
 * shows the time of the window or a later one. Knows nothing of cron, offsets and changes of the clocks.
 */
function readOffTheClock(timezone: string, fromMinute: number): number[] {
  const wall = new Intl.DateTimeFormat('en-CA', {
    timeZone: timezone,
    dateStyle: 'short',
    timeStyle: 'short',
    hour12: false,
  });
  const starts: number[] = [];
  const seen = new Set<string>();
  for (let atMs = FIRST_NOON - DAY_MS; atMs < FIRST_NOON + DAYS * DAY_MS; atMs += QUARTER_MS) {
    const [date = '', time = ''] = wall.format(atMs).split(', ');
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    if (seen.has(date) || (hour % 24) * 60 + minute < fromMinute) continue;
    seen.add(date);
    if (atMs > FIRST_NOON) starts.push(atMs);
  }
  return starts;
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString().replace(':00.000Z', 'Z');
}

describe('a year of nights', () => {
  it.each(ZONES)(
    'in $timezone: each image starts once, at the time that the wall shows',
    async ({ timezone, cron, from, changes }) => {
      const due = readOffTheClock(timezone, from);
      expect(due).toHaveLength(DAYS);
      const when = { kind: 'window', cron, forMs: 20 * MINUTE_MS, timezone, blackouts: [] } as const;
      const firmware = { ...aRule().firmware, file: '*' };
      const rule = aRule({ when, firmware, devices: { ...aRule().devices, name: 'd*' } });
      using run = new FleetRun({ rule, devices: fleetOf(1), startMs: FIRST_NOON });
      for (const [day, dueMs] of due.entries()) {
        await run.drop(`1.0.${day}`);
        run.clock.sleep(dueMs - 3 * MINUTE_MS - run.clock.now());
        await run.pass(10 * MINUTE_MS);
        run.clock.sleep(FIRST_NOON + (day + 1) * DAY_MS - run.clock.now());
      }
      const starts = run
        .jobs()
        .flatMap(({ id, image }) =>
          run.journal.jobs.attemptsOf(id).map(({ startedMs }) => `${image} ${iso(startedMs)}`),
        );
      const table = due.map((dueMs, day) => `1.0.${day} ${iso(dueMs)}`);
      expect(starts.toSorted()).toEqual(table.toSorted());
      for (const change of changes) expect(table.some((line) => line.endsWith(change))).toBe(true);
      expect(run.takings).toHaveLength(DAYS);
    },
  );

  it('of which one was slept through: the image starts in the next', async () => {
    const when = { kind: 'window', cron: '0 2 * * *', forMs: 60 * MINUTE_MS, timezone: 'UTC', blackouts: [] } as const;
    using run = new FleetRun({ rule: aRule({ when }), devices: [], startMs: FIRST_NOON });
    run.rule = aRule({
      when,
      firmware: { ...aRule().firmware, file: '*' },
      devices: { ...aRule().devices, name: 'd*' },
    });
    for (const device of fleetOf(1)) run.appear(device);
    await run.drop('1.0.0');
    run.clock.sleep(20 * 60 * MINUTE_MS);
    await run.until(() => run.takings.length > 0);
    const [job] = run.jobs();
    const started = run.journal.jobs.attemptsOf(job?.id ?? '').map(({ startedMs }) => iso(startedMs));
    expect(started).toEqual(['2026-01-03T02:00Z']);
  });
});
