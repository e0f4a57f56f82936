import { createHash } from 'node:crypto';
import type { Rule } from '../model/rule.ts';

/**
 * Names a rule as it was at one time: the first 16 digits of the SHA-256 of all that it says, whatever the order of its keys. Secrets
 * count by where they come from, never by their value.
 */
export function ruleRevision(rule: Rule): string {
  return createHash('sha256')
    .update(canonicalJson(JSON.parse(JSON.stringify(rule))))
    .digest('hex')
    .slice(0, 16);
}

/** Keys sorted, so that equal values have one text. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`;
}
