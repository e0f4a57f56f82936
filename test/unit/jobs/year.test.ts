import { describe, expect, it } from 'vitest';
import type { WindowWhen } from '../../../src/jobs/schedule.ts';
import { aRule, aWindow } from '../../fixtures/records.ts';
import { FleetRun, fleetOf } from './fleet-run.ts';

const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const FIRST_NOON = Date.parse('2026-01-01T12:00:00Z');
const DAYS = 365;
/** The machine is awake so long before and after a start; an update takes 14 s. */
const AROUND_MS = 20_000;

/** Zones that change their clocks in different weeks, by an hour and by half of one, on both sides of the equator. */
const ZONES = [
  { timezone: 'Europe/Berlin', cron: '30 2 * * *', from: 150, changes: ['2026-03-29T01:00Z', '2026-10-25T00:30Z'] },
  { timezone: 'America/New_York', cron: '30 1 * * *', from: 90, changes: ['2026-03-08T06:30Z', '2026-11-01T05:30Z'] },
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

function ruleOf(when: WindowWhen) {
  return aRule({ when, firmware: { ...aRule().firmware, file: '*' }, devices: { ...aRule().devices, name: 'd*' } });
}

/** When each attempt of the run began, with its image. */
function startsOf(run: FleetRun): string[] {
  const attempts = run
    .jobs()
    .flatMap(({ id, image }) => run.journal.attempts.ofJob(id).map(({ startedMs }) => ({ image, startedMs })));
  return attempts
    .toSorted((left, right) => left.startedMs - right.startedMs)
    .map(({ image, startedMs }) => `${image} ${iso(startedMs)}`);
}

function missedBy(run: FleetRun): unknown[] {
  return run.journal.audit.pending(10_000).flatMap(({ event, fields }) => (event === 'window.missed' ? [fields] : []));
}

describe('a year of nights', () => {
  it('with an image each day: each starts once, in the night that follows', async () => {
    const [zone] = ZONES;
    const due = readOffTheClock(zone.timezone, zone.from);
    expect(due).toHaveLength(DAYS);
    const rule = ruleOf(aWindow({ cron: zone.cron, timezone: zone.timezone, forMs: 20 * MINUTE_MS }));
    using run = new FleetRun({ rule, devices: fleetOf(1), startMs: FIRST_NOON });
    for (const [day, dueMs] of due.entries()) {
      await run.drop(`1.0.${day}`);
      run.clock.sleep(dueMs - AROUND_MS - run.clock.now());
      await run.pass(2 * AROUND_MS);
      run.clock.sleep(FIRST_NOON + (day + 1) * DAY_MS - run.clock.now());
    }
    const table = due.map((dueMs, day) => `1.0.${day} ${iso(dueMs)}`);
    expect(startsOf(run)).toEqual(table);
    for (const change of zone.changes) expect(table.some((line) => line.endsWith(change))).toBe(true);
    expect(run.takings).toHaveLength(DAYS);
    expect(missedBy(run)).toEqual([]);
  });

  it.each(ZONES)('in $timezone, with refresh: always: one image, once each night', async (zone) => {
    const due = readOffTheClock(zone.timezone, zone.from);
    const when = aWindow({ cron: zone.cron, timezone: zone.timezone, forMs: 20 * MINUTE_MS, refresh: 'always' });
    using run = new FleetRun({ rule: ruleOf(when), devices: fleetOf(1), startMs: FIRST_NOON });
    await run.drop('1.0.0');
    for (const [day, dueMs] of due.entries()) {
      run.clock.sleep(dueMs - AROUND_MS - run.clock.now());
      // Past the hour that comes twice: the window is open again then, and it is the same start.
      await run.pass(zone.changes.some((change) => change === iso(dueMs)) ? 100 * MINUTE_MS : 2 * AROUND_MS);
      run.clock.sleep(FIRST_NOON + (day + 1) * DAY_MS - run.clock.now());
    }
    expect(startsOf(run)).toEqual(due.map((dueMs) => `1.0.0 ${iso(dueMs)}`));
    expect(run.counts()).toEqual({ succeeded: DAYS });
  });
});

describe('a window that nobody was awake in', () => {
  /** Sleeps from the first noon until 08:00 of the third day after it: three windows pass. */
  async function overslept(over: Partial<WindowWhen>): Promise<FleetRun> {
    const run = new FleetRun({ rule: ruleOf(aWindow(over)), devices: fleetOf(2), startMs: FIRST_NOON });
    await run.drop('1.0.0');
    await run.pass(MINUTE_MS);
    run.clock.sleep(Date.parse('2026-01-04T08:00:00Z') - run.clock.now());
    return run;
  }

  it('is reported as missed, and the next one is waited for', async () => {
    using run = await overslept({});
    await run.until(() => run.takings.length > 0);
    expect(startsOf(run)).toEqual(Array(2).fill('1.0.0 2026-01-05T02:00Z'));
    expect(missedBy(run)).toEqual([
      {
        rule: 'sensors',
        starts: 3,
        first: '2026-01-02T02:00:00.000Z',
        last: '2026-01-04T02:00:00.000Z',
        missed: 'skip',
        next: '2026-01-05T02:00:00.000Z',
        jobs: 2,
      },
    ]);
  });

  it.each(['at work', 'killed meanwhile'])(
    'is made up for at once with missed: run, for as long as it would have been open (%s)',
    async (how) => {
      using run = await overslept({ missed: 'run', refresh: 'always' });
      if (how !== 'at work') await run.crash();
      await run.until(() => run.counts()['succeeded'] === 2);
      expect(startsOf(run)).toEqual(Array(2).fill('1.0.0 2026-01-04T08:00Z'));
      expect(missedBy(run)).toMatchObject([{ starts: 3, next: 'now' }]);
      if (how !== 'at work') await run.crash();
      await run.drop('2.0.0');
      await run.until(() => run.counts()['succeeded'] === 4);
      await run.pass(3 * HOUR_MS);
      await run.drop('3.0.0');
      await run.until(() => run.counts()['succeeded'] === 6);
      // The third image came when the time that was made up for was over.
      expect(startsOf(run).at(-1)).toBe('3.0.0 2026-01-05T02:00Z');
      expect(missedBy(run)).toHaveLength(1);
    },
  );

  it('is none where blackouts leave nothing of it, and not for a rule that is new', async () => {
    using run = await overslept({ blackouts: [{ from: '2026-01-01', until: '2026-01-04T02:30' }] });
    await run.pass(MINUTE_MS);
    expect(missedBy(run)).toMatchObject([{ starts: 1, first: '2026-01-04T02:00:00.000Z' }]);
    run.rule = ruleOf(aWindow({ cron: '0 3 * * *' }));
    await run.pass(HOUR_MS);
    expect(missedBy(run)).toHaveLength(1);
  });

  it('is none for a clock that was a year ahead and is put right', async () => {
    using run = new FleetRun({
      rule: ruleOf(aWindow({ refresh: 'always' })),
      devices: fleetOf(1),
      startMs: FIRST_NOON,
    });
    await run.drop('1.0.0');
    await run.until(() => run.takings.length === 1);
    await run.pass(4 * HOUR_MS);
    run.clock.setBy(365 * DAY_MS);
    await run.pass(3 * HOUR_MS);
    run.clock.setBy(-365 * DAY_MS);
    await run.until(() => run.takings.length === 2);
    expect(startsOf(run)).toEqual(['1.0.0 2026-01-02T02:00Z', '1.0.0 2026-01-03T02:00Z']);
    // A hundred of them, no more than anybody reads, when the year passed; none when it was taken back.
    expect(missedBy(run)).toMatchObject([{ starts: 100 }]);
  });
});

describe('a nightly refresh', () => {
  it('is for the devices that do not have the image: new ones, long absent ones, and those that failed for a reason that passes', async () => {
    const devices = fleetOf(4);
    const [first, second, third, absent] = devices;
    if (!first || !second || !third || !absent) throw new Error('there are four');
    const asleep = { ...absent, presence: 'away' as const };
    using run = new FleetRun({ rule: ruleOf(aWindow()), devices: [first, second, third, asleep], startMs: FIRST_NOON });
    run.manner = (device) => (device === second.name ? 'silent' : device === third.name ? 'refuses' : 'good');
    await run.drop('1.0.0');
    await run.pass(DAY_MS);
    expect(run.counts()).toEqual({ succeeded: 1, failed: 2, 'not released': 1 });
    run.manner = () => 'good';
    run.appear(absent);
    const [fresh] = fleetOf(5).slice(4);
    if (fresh !== undefined) run.appear(fresh);
    await run.pass(DAY_MS);
    // A device that refuses does so until somebody has changed something.
    expect(run.counts()).toEqual({ succeeded: 4, failed: 1 });
    expect(run.takings.map(({ device }) => device).toSorted()).toEqual(['d0001', 'd0002', 'd0004', 'd0005']);
    await run.pass(7 * DAY_MS);
    expect(run.takings).toHaveLength(4);
  });

  it('with refresh: always leaves alone what was taken back, and what failed for good', async () => {
    using run = new FleetRun({
      rule: ruleOf(aWindow({ refresh: 'always' })),
      devices: fleetOf(4),
      startMs: FIRST_NOON,
    });
    await run.drop('1.0.0');
    await run.pass(DAY_MS);
    run.manner = (device) => (device === 'd0002' ? 'refuses' : 'good');
    await run.drop('2.0.0');
    await run.pass(DAY_MS);
    const [undone] = run.devices.values();
    if (undone === undefined) throw new Error('there is a device');
    run.manner = () => 'good';
    expect(run.engine.orders.undoDevice(undone, 'ann').planned).toHaveLength(1);
    await run.pass(3 * DAY_MS);
    const taken = Object.groupBy(run.takings, ({ device }) => device);
    const images = Object.entries(taken).map(
      ([device, all = []]) => `${device} ${all.map(({ image }) => image[0]).join('')}`,
    );
    expect(images.toSorted()).toEqual(['d0001 121', 'd0002 1', 'd0003 12222', 'd0004 12222']);
  });

  it('with refresh: always goes through its waves each night, and never over a rollout that was stopped', async () => {
    const rollout = {
      canary: { by: 'count', count: 1 },
      waves: { by: 'list', sizes: [{ unit: 'percent', amount: 100 }] },
      soakMs: 600_000,
      stopAt: { failures: 1, percent: null },
      pauseAfter: null,
    } as const;
    using run = new FleetRun({
      rule: { ...ruleOf(aWindow({ refresh: 'always' })), rollout },
      devices: fleetOf(3),
      startMs: FIRST_NOON,
    });
    await run.drop('1.0.0');
    await run.pass(2 * DAY_MS);
    expect(run.takings).toHaveLength(6);
    run.manner = (device) => (device === 'd0001' ? 'vanishes' : 'good');
    await run.pass(5 * DAY_MS);
    expect([run.rollout().state, run.rollout().cause]).toEqual(['paused', 'failures']);
    // The canary of the third night, and nothing after it.
    expect(run.takings).toHaveLength(7);
  });
});
