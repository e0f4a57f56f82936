import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronProblem, MaintenanceWindow, WindowCalendar, type WindowState } from '../../../src/jobs/schedule.ts';
import type { Rule } from '../../../src/model/rule.ts';
import { aWindow } from '../../fixtures/records.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

function windowOf(cron: string, hours: number, timezone: string): MaintenanceWindow {
  return new MaintenanceWindow({ cron, forMs: hours * HOUR_MS, timezone });
}

function readable(state: WindowState): string {
  return state.isOpen
    ? `open until ${new Date(state.closesAtMs).toISOString()}`
    : `opens ${new Date(state.opensAtMs).toISOString()}`;
}

function at(window: MaintenanceWindow, instant: string): string {
  return readable(window.at(Date.parse(instant)));
}

describe('a maintenance window', () => {
  it.each([
    ['2026-06-10T23:59:59.999Z', 'opens 2026-06-11T00:00:00.000Z'],
    ['2026-06-11T00:00:00.000Z', 'open until 2026-06-11T03:00:00.000Z'],
    ['2026-06-11T02:59:59.999Z', 'open until 2026-06-11T03:00:00.000Z'],
    ['2026-06-11T03:00:00.000Z', 'opens 2026-06-12T00:00:00.000Z'],
  ])('at 02:00 in Berlin for 3 h, in summer, at %s: %s', (instant, expected) => {
    expect(at(windowOf('0 2 * * *', 3, 'Europe/Berlin'), instant)).toBe(expected);
  });

  it('that crosses midnight is open after it', () => {
    const window = windowOf('0 22 * * fri', 6, 'UTC');
    expect(at(window, '2026-06-13T03:59:59Z')).toBe('open until 2026-06-13T04:00:00.000Z');
    expect(at(window, '2026-06-13T04:00:00Z')).toBe('opens 2026-06-19T22:00:00.000Z');
  });

  it('longer than a day stays open over days', () => {
    expect(at(windowOf('0 0 1 * *', 72, 'UTC'), '2026-06-03T23:00:00Z')).toBe('open until 2026-06-04T00:00:00.000Z');
  });

  it('that opens again before it closes goes on', () => {
    const window = windowOf('*/30 * * * *', 1, 'UTC');
    expect(at(window, '2026-06-10T10:29:00Z')).toBe('open until 2026-06-10T11:00:00.000Z');
    expect(at(window, '2026-06-10T11:00:00Z')).toBe('open until 2026-06-10T12:00:00.000Z');
  });

  it('finds a leap day years away', () => {
    expect(at(windowOf('0 2 29 2 *', 1, 'UTC'), '2096-03-01T00:00:00Z')).toBe('opens 2104-02-29T02:00:00.000Z');
  });

  it('wants day, month and weekday to fit together', () => {
    expect(at(windowOf('0 2 13 * fri', 1, 'UTC'), '2026-04-01T00:00:00Z')).toBe('opens 2026-11-13T02:00:00.000Z');
  });

  it('knows seconds', () => {
    expect(at(windowOf('15,45 30 2 * * *', 1, 'UTC'), '2026-06-10T02:30:14Z')).toBe('opens 2026-06-10T02:30:15.000Z');
  });
});

describe('when clocks are put forward, a skipped time counts as the moment of it', () => {
  it.each([
    // Berlin: 02:00 to 03:00 on 29 March 2026, at 01:00 UTC.
    ['Europe/Berlin', '30 2 * * *', '2026-03-28T12:00:00Z', 'opens 2026-03-29T01:00:00.000Z'],
    ['Europe/Berlin', '30 2 * * *', '2026-03-29T01:00:00Z', 'open until 2026-03-29T02:00:00.000Z'],
    ['Europe/Berlin', '30 2 * * *', '2026-03-29T12:00:00Z', 'opens 2026-03-30T00:30:00.000Z'],
    ['Europe/Berlin', '0 3 * * *', '2026-03-29T00:00:00Z', 'opens 2026-03-29T01:00:00.000Z'],
    // New York: 02:00 to 03:00 on 8 March 2026, at 07:00 UTC.
    ['America/New_York', '30 2 * * *', '2026-03-08T00:00:00Z', 'opens 2026-03-08T07:00:00.000Z'],
    // Lord Howe: half an hour, 02:00 to 02:30 on 4 October 2026, at 15:30 UTC the day before.
    ['Australia/Lord_Howe', '10 2 * * *', '2026-10-03T12:00:00Z', 'opens 2026-10-03T15:30:00.000Z'],
    ['Australia/Lord_Howe', '45 2 * * *', '2026-10-03T12:00:00Z', 'opens 2026-10-03T15:45:00.000Z'],
    // Beirut: at midnight, 00:00 to 01:00 on 29 March 2026.
    ['Asia/Beirut', '0 0 * * *', '2026-03-28T12:00:00Z', 'opens 2026-03-28T22:00:00.000Z'],
    // Apia left out 30 December 2011 as a whole.
    ['Pacific/Apia', '0 2 30 12 *', '2011-12-29T00:00:00Z', 'opens 2011-12-30T10:00:00.000Z'],
  ])('%s, "%s", at %s: %s', (timezone, cron, instant, expected) => {
    expect(at(windowOf(cron, 1, timezone), instant)).toBe(expected);
  });
});

describe('when clocks are put back, a time that comes twice opens twice', () => {
  it.each([
    // Berlin: 03:00 to 02:00 on 25 October 2026, at 01:00 UTC.
    ['Europe/Berlin', '30 2 * * *', '2026-10-24T12:00:00Z', 'opens 2026-10-25T00:30:00.000Z'],
    ['Europe/Berlin', '30 2 * * *', '2026-10-25T00:50:00Z', 'opens 2026-10-25T01:30:00.000Z'],
    ['Europe/Berlin', '30 2 * * *', '2026-10-25T01:50:00Z', 'opens 2026-10-26T01:30:00.000Z'],
    // New York: 02:00 to 01:00 on 1 November 2026, at 06:00 UTC.
    ['America/New_York', '0 1 * * *', '2026-11-01T05:30:00Z', 'opens 2026-11-01T06:00:00.000Z'],
    ['America/New_York', '0 2 * * *', '2026-11-01T05:30:00Z', 'opens 2026-11-01T07:00:00.000Z'],
    // Lord Howe: 02:00 to 01:30 on 5 April 2026, at 15:00 UTC the day before.
    ['Australia/Lord_Howe', '45 1 * * *', '2026-04-04T14:55:00Z', 'opens 2026-04-04T15:15:00.000Z'],
  ])('%s, "%s", at %s: %s', (timezone, cron, instant, expected) => {
    expect(at(windowOf(cron, 0.1, timezone), instant)).toBe(expected);
  });

  it('so that a window ends at the hour of the clock that one expects', () => {
    const window = windowOf('0 2 * * *', 3, 'Europe/Berlin');
    expect(at(window, '2026-10-25T03:59:59Z')).toBe('open until 2026-10-25T04:00:00.000Z'); // 05:00 CET
  });
});

describe('whatever the clock does', () => {
  it('the answer is that for the time it shows', () => {
    const when = { kind: 'window', cron: '0 2 * * *', forMs: 3 * HOUR_MS, timezone: 'Europe/Berlin' } as const;
    const kept = new MaintenanceWindow(when);
    const instants = fc.integer({ min: Date.parse('2026-01-01'), max: Date.parse('2027-01-01') });
    fc.assert(
      fc.property(fc.array(instants, { minLength: 1, maxLength: 8 }), (jumps) => {
        for (const nowMs of jumps) expect(kept.at(nowMs)).toEqual(new MaintenanceWindow(when).at(nowMs));
      }),
    );
  });
});

interface Reading {
  readonly atMs: number;
  /** `02:30` */
  readonly shown: string;
}

/** The slow way: read the clock at every minute, with nothing but Intl. */
function readings(timezone: string, fromMs: number, untilMs: number): Reading[] {
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: '2-digit', minute: '2-digit' });
  const minutes = Array.from({ length: (untilMs - fromMs) / MINUTE_MS }, (_, minute) => fromMs + minute * MINUTE_MS);
  return minutes.map((atMs) => ({ atMs, shown: clock.format(atMs) }));
}

/** When the clock shows `wanted`, or is put forward over it. */
function openingsByTheClock(wanted: string, clock: readonly Reading[]): number[] {
  return clock
    .filter(({ shown }, index) => {
      const previous = clock[index - 1]?.shown ?? shown;
      return shown === wanted || (previous < wanted && wanted < shown);
    })
    .map(({ atMs }) => atMs);
}

function openingsOf(window: MaintenanceWindow, fromMs: number, untilMs: number): number[] {
  const openings: number[] = [];
  for (let nowMs = fromMs - MINUTE_MS; ; ) {
    const state = window.at(nowMs);
    const next = state.isOpen ? state.closesAtMs : state.opensAtMs;
    if (!state.isOpen) openings.push(next);
    if (next >= untilMs) return openings.filter((opening) => opening >= fromMs && opening < untilMs);
    nowMs = next;
  }
}

describe('agrees with a clock that is read every minute', () => {
  const changes = [
    ['Europe/Berlin', '2026-03-29'],
    ['Europe/Berlin', '2026-10-25'],
    ['America/New_York', '2026-03-08'],
    ['America/New_York', '2026-11-01'],
    ['Australia/Lord_Howe', '2026-04-05'],
    ['Australia/Lord_Howe', '2026-10-04'],
    ['Asia/Kolkata', '2026-06-01'],
  ] as const;
  it.each(changes)('%s around %s', (timezone, date) => {
    const fromMs = Date.parse(date) - DAY_MS;
    const untilMs = fromMs + 3 * DAY_MS;
    const clock = readings(timezone, fromMs, untilMs);
    for (const hour of ['00', '01', '02', '03', '12'])
      for (const minute of ['00', '10', '30', '45']) {
        // Shorter than a minute, so that each opening is seen by itself.
        const window = windowOf(`${minute} ${hour} * * *`, 0.01, timezone);
        expect(openingsOf(window, fromMs, untilMs)).toEqual(openingsByTheClock(`${hour}:${minute}`, clock));
      }
  });
});

describe('a cron expression', () => {
  it.each([
    '0 2 * * *',
    '*/15 * * * *',
    '0 0 2 * * *',
    '0 2 1,15 jan-mar mon-fri',
    '0 2 29 2 1',
    '@daily',
    '0 2 ? * 7',
  ])('%j is right', (expression) => {
    expect(cronProblem(expression)).toBeNull();
  });

  it.each([
    ['', 'illegal characters'],
    ['0 25 * * *', '25 is a invalid expression for hour'],
    ['* * * *', 'expected 5 or 6 fields'],
    ['0 2 31 2 *', 'impossible day'],
    ['0 2 L * *', 'L, W and # are not for maintenance windows'],
    ['0 2 * * 5#2', 'L, W and # are not for maintenance windows'],
  ])('%j is wrong: %s', (expression, problem) => {
    expect(cronProblem(expression)).toContain(problem);
    expect(() => windowOf(expression, 1, 'UTC')).toThrow(RangeError);
  });
});

describe('the calendar of all rules', () => {
  it('tells when jobs may start', () => {
    const calendar = new WindowCalendar();
    const when = aWindow({ forMs: HOUR_MS });
    expect(calendar.opensAt({ when: { kind: 'now' } }, 0)).toBeNull();
    expect(calendar.opensAt({ when }, 0)).toBe(2 * HOUR_MS);
    expect(calendar.opensAt({ when }, 2 * HOUR_MS)).toBeNull();
    expect(calendar.opensAt({ when }, 3 * HOUR_MS)).toBe(DAY_MS + 2 * HOUR_MS);
  });
});

describe('a date', () => {
  const calendar = new WindowCalendar();
  const opens = (when: Rule['when'], instant: string) => {
    const opensAtMs = calendar.opensAt({ when }, Date.parse(instant));
    return opensAtMs === null ? 'now' : new Date(opensAtMs).toISOString();
  };

  it.each([
    ['2026-12-01T02:00', 'Europe/Berlin', '2026-11-30T00:00:00Z', '2026-12-01T01:00:00.000Z'],
    ['2026-12-01', 'Europe/Berlin', '2026-11-30T00:00:00Z', '2026-11-30T23:00:00.000Z'],
    ['2026-12-01T02:00', 'Europe/Berlin', '2026-12-01T01:00:00Z', 'now'],
    ['2026-12-01T02:00', 'Europe/Berlin', '2027-08-01T00:00:00Z', 'now'],
    // Skipped, and shown twice.
    ['2026-03-29T02:30', 'Europe/Berlin', '2026-03-01T00:00:00Z', '2026-03-29T01:00:00.000Z'],
    ['2026-10-25T02:30', 'Europe/Berlin', '2026-03-01T00:00:00Z', '2026-10-25T00:30:00.000Z'],
  ])('%s in %s, at %s: %s', (at, timezone, instant, expected) =>
    expect(opens({ kind: 'date', at, timezone, blackouts: [] }, instant)).toBe(expected),
  );
});

describe('a blackout', () => {
  const when = aWindow({
    cron: '0 22 * * *',
    forMs: 4 * HOUR_MS,
    timezone: 'Europe/Berlin',
    blackouts: [
      { from: '2026-12-31T23:00', until: '2027-01-01T01:00' },
      { from: '2026-12-20', until: '2026-12-26' },
      { from: '2026-12-26', until: '2026-12-28T23:00' },
    ],
  });
  const calendar = new WindowCalendar();

  it.each([
    ['before it, in the window', '2026-12-19T22:59:59Z', 'now'],
    ['from its first midnight on, in the middle of a window', '2026-12-19T23:00:00Z', '2026-12-28T22:00:00.000Z'],
    ['on its last day', '2026-12-26T21:30:00Z', '2026-12-28T22:00:00.000Z'],
    ['at its end, in the window', '2026-12-28T22:00:00Z', 'now'],
    ['within a window', '2026-12-31T22:30:00Z', '2027-01-01T00:00:00.000Z'],
    ['past it', '2027-01-01T00:00:00Z', 'now'],
  ])('%s', (_case, instant, expected) => {
    const opensAtMs = calendar.opensAt({ when }, Date.parse(instant));
    expect(opensAtMs === null ? 'now' : new Date(opensAtMs).toISOString()).toBe(expected);
  });

  it('that goes over all windows there are yet to come moves a date as well', () => {
    const date: Rule['when'] = { kind: 'date', at: '2026-12-24', timezone: 'UTC', blackouts: when.blackouts };
    const opensAtMs = calendar.opensAt({ when: date }, Date.parse('2026-01-01T00:00:00Z'));
    expect(new Date(opensAtMs ?? 0).toISOString()).toBe('2026-12-28T23:00:00.000Z');
  });
});
