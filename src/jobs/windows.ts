import type { Logger } from '../log.ts';
import type { Rule } from '../model/rule.ts';
import type { JobBook } from './job-book.ts';
import type { Journal } from './journal/journal.ts';
import type { WindowRecord } from './journal/windows.ts';
import type { RuleBook } from './rule-book.ts';
import { WindowCalendar, type WindowWhen } from './schedule.ts';

/** What the starts of maintenance windows are kept in. */
export interface WindowParts {
  readonly journal: Journal;
  readonly book: JobBook;
  readonly rules: () => RuleBook;
  readonly log: Logger;
}

/** A rule whose `when` is a maintenance window. */
export type WindowRule = Rule & { readonly when: WindowWhen };

/** What is to be said and noted of a window at some moment. All times in epoch ms. */
export interface WindowTurn {
  readonly rule: WindowRule;
  readonly nowMs: number;
  readonly record: WindowRecord;
  /** The start that lets jobs begin now; null: none does. */
  readonly openedMs: number | null;
  /** Starts that passed unattended, newest first; at most {@link MOST_MISSED}. */
  readonly missed: readonly number[];
}

/** A clock that was a year ahead has missed nothing when it is put right. */
const PUT_BACK_MS = 86_400_000;
/** Nobody reads more; a cron of minutes has thousands in a weekend. */
const MOST_MISSED = 100;

/**
 * When the jobs of each rule may start, and the starts of its maintenance window: each is kept once, or reported as missed, also over a
 * restart, a jump of the clock and a machine that slept. The windows themselves are a function of the time alone (schedule.ts).
 */
export class Windows {
  readonly #parts: WindowParts;
  readonly #calendar = new WindowCalendar();
  readonly #records = new Map<string, WindowRecord | null>();
  #seen: { readonly of: readonly Rule[] | null; readonly rules: readonly WindowRule[] } = { of: null, rules: [] };

  constructor(parts: WindowParts) {
    this.#parts = parts;
  }

  /** When the rule's jobs may start next, epoch ms; null: now. */
  opensAt(rule: Rule, nowMs: number): number | null {
    const opensAtMs = this.#calendar.opensAt(rule, nowMs);
    if (opensAtMs === null || !hasWindow(rule)) return opensAtMs;
    const record = this.#recordOf(rule);
    const madeUpUntilMs = record?.madeUpUntilMs ?? 0;
    const freeMs = this.#calendar.freeFrom(rule.when, nowMs);
    if (freeMs >= madeUpUntilMs) return opensAtMs;
    return freeMs === nowMs ? null : Math.min(freeMs, opensAtMs);
  }

  /** Windows of which something is to be noted now, and when to look again, epoch ms or null. */
  look(nowMs: number): { readonly due: readonly WindowTurn[]; readonly wakeAtMs: number | null } {
    const rules = this.#currentRules();
    const next = rules.map((rule) => this.#calendar.opensAt(rule, nowMs)).filter((atMs) => atMs !== null);
    const due = rules.map((rule) => this.#turnOf(rule, nowMs)).filter((turn) => turn !== null);
    return { due, wakeAtMs: next.length === 0 ? null : Math.min(...next) };
  }

  /** Notes and tells of a start. Returns whether jobs of the rule may begin by it: the window is open, or a missed one is made up for. */
  begin({ rule, nowMs, record, openedMs, missed }: WindowTurn): boolean {
    const isMadeUp = openedMs === null && missed.length > 0 && rule.when.missed === 'run';
    const startMs = openedMs ?? missed[0] ?? record.startMs;
    const madeUpUntilMs = isMadeUp ? nowMs + rule.when.forMs : record.madeUpUntilMs;
    const after = { ...record, startMs, madeUpUntilMs };
    this.#parts.journal.windows.put(rule.name, after);
    this.#records.set(rule.name, after);
    if (missed.length > 0) this.#tellMissed(rule, missed, isMadeUp, nowMs);
    if (openedMs !== null) this.#tellOpened(rule, openedMs);
    return openedMs !== null || isMadeUp;
  }

  /** After a reload, what was noted of windows that are gone is forgotten. */
  #currentRules(): readonly WindowRule[] {
    const all = this.#parts.rules().all;
    if (this.#seen.of === all) return this.#seen.rules;
    const rules = all.filter(hasWindow);
    this.#seen = { of: all, rules };
    this.#records.clear();
    this.#parts.journal.windows.keepOnly(rules.map(({ name }) => name));
    return rules;
  }

  #turnOf(rule: WindowRule, nowMs: number): WindowTurn | null {
    const schedule = scheduleKey(rule.when);
    const known = this.#recordOf(rule);
    // Of a window that is new, nothing was missed: not even of one that the clock makes new.
    if (known === null || known.startMs > nowMs + PUT_BACK_MS)
      return { rule, nowMs, record: { schedule, startMs: nowMs, madeUpUntilMs: null }, openedMs: null, missed: [] };
    const starts = this.#calendar.starts(rule.when, known.startMs, nowMs, MOST_MISSED);
    const open = starts.filter((startMs) => startMs + rule.when.forMs > nowMs);
    const missed = starts.slice(open.length);
    const isFree = this.#calendar.opensAt(rule, nowMs) === null;
    const openedMs = isFree ? (open[0] ?? null) : null;
    return openedMs === null && missed.length === 0 ? null : { rule, nowMs, record: known, openedMs, missed };
  }

  /** Null for a rule whose window was never looked at. */
  #recordOf(rule: WindowRule): WindowRecord | null {
    const cached = this.#records.get(rule.name);
    const record = cached === undefined ? this.#parts.journal.windows.get(rule.name) : cached;
    this.#records.set(rule.name, record);
    return record?.schedule === scheduleKey(rule.when) ? record : null;
  }

  #tellOpened(rule: WindowRule, openedMs: number): void {
    const jobs = this.#waiting(rule);
    const level = jobs > 0 || rule.when.refresh === 'always' ? 'info' : 'debug';
    const closesAt = iso(openedMs + rule.when.forMs);
    this.#parts.log[level]('window.opened', { rule: rule.name, opensAt: iso(openedMs), closesAt, jobs });
  }

  #tellMissed(rule: WindowRule, missed: readonly number[], isMadeUp: boolean, nowMs: number): void {
    const jobs = this.#waiting(rule);
    const nextMs = this.opensAt(rule, nowMs);
    const fields = {
      rule: rule.name,
      starts: missed.length,
      first: iso(missed.at(-1) ?? nowMs),
      last: iso(missed[0] ?? nowMs),
      missed: rule.when.missed,
      next: isMadeUp || nextMs === null ? 'now' : iso(nextMs),
      jobs,
    };
    this.#parts.journal.audit.add('window.missed', nowMs, fields);
    const level = jobs > 0 || rule.when.refresh === 'always' ? 'warn' : 'info';
    this.#parts.log[level]('window.missed', fields);
  }

  #waiting({ name }: WindowRule): number {
    return this.#parts.book.in('queued').filter(({ rule }) => rule === name).length;
  }
}

function hasWindow(rule: Rule): rule is WindowRule {
  return rule.when.kind === 'window';
}

/** What makes a window another one. Blackouts do not: they come and go. */
function scheduleKey({ cron, forMs, timezone }: WindowWhen): string {
  return `${cron} for ${forMs} ms in ${timezone}`;
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
