import * as z from 'zod';
import { compareVersions, hasOrder } from '../firmware/version-order.ts';
import type { Proof } from '../model/proof.ts';
import { PORT_PROTOCOL, type VersionRules } from '../model/rule.ts';
import { duration, expecting, listOf, oneOf, refuse, text } from './values.ts';

const DAY_MS = 86_400_000;

const versionWords = 'a version such as "2.0.0"';
const rungSchema = text(versionWords).refine(hasOrder, expecting(versionWords));

const ladderSchema = listOf(rungSchema, 'versions').superRefine((rungs, context) => {
  const descends = rungs.some((rung, index) => index > 0 && (compareVersions(rungs[index - 1] ?? '', rung) ?? 0) >= 0);
  if (descends) refuse(context, 'expected versions that ascend: the oldest rung first, each once');
});

/** Which versions may follow which. */
export const versionRulesSchema = z
  .strictObject(
    {
      downgrade: oneOf(['refuse', 'allow'])
        .default('refuse')
        .describe(
          'Whether an older version may replace a newer one. Versions without an order are never refused for it.',
        ),
      ladder: ladderSchema
        .default([])
        .describe(
          'Versions that a device must run before it gets a later one, oldest first; the images come from earlier drops.',
        ),
      within: duration(1000, 30 * DAY_MS)
        .prefault('10m')
        .describe(
          'How long a device may take to say which version it runs, or a rung to be dropped, before its job ends and holds up nobody any more.',
        ),
    },
    expecting('a mapping with downgrade, ladder and within'),
  )
  .transform(({ downgrade, ladder, within }): VersionRules => ({ downgrade, ladder, withinMs: within }));

interface ClimbingRule {
  readonly update: { readonly protocol: string };
  readonly verify?: { readonly proof: Proof } | undefined;
  readonly versions: VersionRules;
}

/** A rung that nobody saw a device stand on is none. */
export function checkLadder({ update, verify, versions: { ladder } }: ClimbingRule, context: z.RefinementCtx): void {
  const conflict = (message: string) =>
    context.addIssue({ code: 'custom', path: ['versions'], message, params: { code: 'CONFIG_CONFLICT' } });
  if (ladder.length === 0) return;
  if (update.protocol === PORT_PROTOCOL)
    conflict('boards on ports are written whole, whatever they ran before: they need no ladder');
  if (verify?.proof === 'sent' || verify?.proof === 'accepted')
    conflict(`a ladder needs the proof returned or more for each rung; this rule asks for ${verify.proof}`);
}
