import * as z from 'zod';
import type { When } from '../model/rule.ts';
import { duration, expecting, listOf, oneOf, refuse, text, timezone } from './values.ts';

const DAY_MS = 86_400_000;

const MOMENT = 'a day such as 2026-12-24 or a moment such as 2026-12-24T18:00';

const EXPECTED = 'now, attach, visit, a maintenance window { cron, for, timezone } or a date { at, timezone }';

const MISSING = {
  cron: 'missing; expected a cron expression such as "0 2 * * *", or a date with at',
  for: 'missing; expected how long the window stays open, such as 3h',
};

/** A date that the calendar has. YAML leaves both kinds as text. */
const moment = () =>
  text(MOMENT)
    .regex(/^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2})?$/, expecting(MOMENT))
    .refine(isOfCalendar, expecting(MOMENT));

function isOfCalendar(value: string): boolean {
  const text = value.includes('T') ? `${value}:00.000Z` : `${value}T00:00:00.000Z`;
  const atMs = Date.parse(text);
  // What came before has no time zones to speak of, and years of fewer digits mean others to Date.
  return atMs >= 0 && new Date(atMs).toISOString() === text;
}

const blackoutSchema = z
  .strictObject(
    {
      from: moment().describe('Its first day or moment, in the time zone of the rule.'),
      until: moment().describe('Its last day, which is part of it, or the moment of its end.'),
    },
    expecting('a mapping with from and until'),
  )
  .superRefine(({ from, until }, context) => {
    const isInOrder = until.includes('T') || from.includes('T') ? from < endText(until) : from <= until;
    if (!isInOrder) refuse(context, `expected a time that ends after it begins, found ${from} to ${until}`);
  });

/** To be compared with a moment as text: a day goes on after any of its moments. */
function endText(until: string): string {
  return until.includes('T') ? until : `${until}~`;
}

/** What times are read by. */
export interface WhenContext {
  /** What is wrong with a cron expression, or null. */
  readonly cronProblem: (expression: string) => string | null;
  /** The zone of times that name none. */
  readonly timezone: () => string;
}

/** When the attempts of a rule may start. */
export function whenSchema({ cronProblem, timezone: machineZone }: WhenContext) {
  const cron = text('a cron expression').superRefine((expression, context) => {
    const problem = cronProblem(expression);
    if (problem !== null) refuse(context, `expected a cron expression such as "0 2 * * *"; ${problem}`);
  });
  const mapping = z
    .strictObject(
      {
        cron: cron.optional().describe('When the maintenance window opens, as a cron expression.'),
        for: duration(60_000, 7 * DAY_MS)
          .optional()
          .describe('How long it stays open; needed with `cron`. Attempts start only while it is open.'),
        at: moment().optional().describe('Instead of a window: attempts may start from this day or moment on.'),
        timezone: timezone()
          .optional()
          .describe('Time zone of `cron`, `at` and the blackouts, by its IANA name. Without it: that of this machine.'),
        blackouts: listOf(blackoutSchema, 'blackouts')
          .default([])
          .describe('Times in which nothing starts, whatever `cron` or `at` say.'),
        missed: oneOf(['skip', 'run'])
          .optional()
          .describe(
            'With `cron`: what becomes of a window that passed while dropflash did not run or the machine slept. skip: the next one is waited for; run: it is made up for at once. Without it: skip.',
          ),
        refresh: oneOf(['needed', 'always'])
          .optional()
          .describe(
            'With `cron`: which devices each window brings the current image to. needed: those that do not have it; always: all of them once more. Without it: needed.',
          ),
      },
      expecting(EXPECTED),
    )
    .transform((given, context): When => {
      const { cron, for: forMs, at, blackouts, missed, refresh } = given;
      const both = { timezone: given.timezone ?? machineZone(), blackouts };
      if (at !== undefined) {
        const ofWindows = [cron, forMs, missed, refresh];
        if (ofWindows.every((value) => value === undefined)) return { kind: 'date', at, ...both };
        return refuse(
          context,
          'a date has no window: expected either cron, for, missed and refresh, or at',
          'CONFIG_CONFLICT',
        );
      }
      if (cron !== undefined && forMs !== undefined)
        return { kind: 'window', cron, forMs, ...both, missed: missed ?? 'skip', refresh: refresh ?? 'needed' };
      const missing = cron === undefined ? 'cron' : 'for';
      const params = { code: 'CONFIG_MISSING_KEY' };
      context.addIssue({ code: 'custom', path: [missing], message: MISSING[missing], params });
      return z.NEVER;
    });
  const now = z.literal('now').transform((): When => ({ kind: 'now' }));
  const attach = z.literal('attach').transform((): When => ({ kind: 'attach' }));
  const visit = z.literal('visit').transform((): When => ({ kind: 'visit' }));
  return z.union([now, attach, visit, mapping], expecting(EXPECTED));
}
