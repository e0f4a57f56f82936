import type { Refusal } from '../model/plan.ts';
import type { Rule } from '../model/rule.ts';
import type { DeviceCheck } from './device-selector.ts';
import type { Subject } from './subject.ts';

/** As many near misses as a person will read. */
const MISSES_SHOWN = 5;

interface Candidate {
  readonly rule: Rule;
  readonly deviceChecks: readonly DeviceCheck[];
}

/**
 * The refusal of a device that no rule is for. The reason is put together when it is first read: a plan of a large fleet has
 * thousands of them, and most are never looked at.
 */
export function noMatch(candidates: readonly Candidate[], subject: Subject): Refusal {
  let reason: string | undefined;
  return {
    code: 'RULE_NO_MATCH',
    get reason() {
      reason ??= explain(candidates, subject);
      return reason;
    },
  };
}

/** Nearest first: the rules of which the fewest fields speak against the device. */
function explain(candidates: readonly Candidate[], subject: Subject): string {
  if (candidates.length === 0) return 'no rule accepts this image';
  const misses = candidates
    .map(({ rule, deviceChecks }) => ({ rule, failed: deviceChecks.filter((check) => !check.test(subject)) }))
    .sort((left, right) => left.failed.length - right.failed.length);
  const shown = misses
    .slice(0, MISSES_SHOWN)
    .map(({ rule, failed }) => `rule ${rule.name}: ${failed.map((check) => check.miss(subject)).join(', ')}`);
  const hidden = misses.length - shown.length;
  return [...shown, ...(hidden === 0 ? [] : [`and ${hidden} more`])].join('; ');
}
