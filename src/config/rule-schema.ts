import * as z from 'zod';
import { GUARD_OVERRIDES, PORT_PROTOCOL, type Rule, type UpdateSettings, type Verify } from '../model/rule.ts';
import { didYouMean } from './did-you-mean.ts';
import { backupSchema, checkLineRule, lineSchema, NO_LINE } from './line-schema.ts';
import { optionShape, type ProtocolOptions } from './option-schema.ts';
import { describeValue } from './problem.ts';
import { checkMedium, NO_DEVICES } from './publishing-rule.ts';
import { rolloutSchema } from './rollout-schema.ts';
import type { SecretPlaces } from './secret.ts';
import { devicesSchema, firmwareSchema } from './selector-schema.ts';
import { duration, expecting, listOf, oneOf, text, wholeNumber } from './values.ts';
import { checkVerify, verifySchema, withSigns } from './verify-schema.ts';
import { checkLadder, versionRulesSchema } from './version-rules-schema.ts';
import { type WhenContext, whenSchema } from './when-schema.ts';

const DAY_MS = 86_400_000;

/** What a rule of this build can refer to. */
export interface RuleContext extends WhenContext {
  readonly protocols: readonly ProtocolOptions[];
  readonly secrets: SecretPlaces;
  /** Against the folder of the config file. */
  readonly resolvePath: (path: string) => string;
}

/** The protocol of a rule that names none. */
const DEFAULT_PROTOCOL = 'espota';

const retries = wholeNumber(0, 20).default(5).describe('Further attempts after one that failed for a passing reason.');

function updateSchema({ protocols, secrets }: RuleContext) {
  const branches = protocols.map(({ name, summary, options, placeOf }) => {
    const named = z.literal(name, expecting(`"${name}"`));
    return z.strictObject({
      protocol: (name === DEFAULT_PROTOCOL ? named.default(name) : named).describe(
        `How devices are reached. ${name}: ${summary}`,
      ),
      // How often a device tries that fetches by itself is its own business.
      ...(placeOf === undefined ? { retries } : {}),
      ...optionShape(options, secrets),
    });
  });
  const [first, ...others] = branches;
  if (first === undefined) throw new Error('a config needs at least one protocol');
  const names = protocols.map(({ name }) => name);
  return z
    .discriminatedUnion('protocol', [first, ...others], { error: (issue) => updateMessage(issue, names) })
    .transform(({ protocol, retries = 0, ...options }) => ({ protocol, retries, options }) as UpdateSettings);
}

function updateMessage({ code, input }: z.core.$ZodRawIssue, names: readonly string[]): string {
  if (code !== 'invalid_union') return expecting('a mapping with the settings of the update').error({ input });
  const found = typeof input === 'object' && input !== null && 'protocol' in input ? input.protocol : undefined;
  const near = typeof found === 'string' ? didYouMean(found, names) : null;
  const hint = near === null ? '' : `; did you mean ${near}?`;
  return `expected a protocol (${names.join(', ')}), found ${describeValue(found)}${hint}`;
}

/** Whether devices of this protocol fetch by themselves. */
function isPull({ protocols }: RuleContext, name: string | undefined): boolean {
  return protocols.some((protocol) => protocol.name === name && protocol.placeOf !== undefined);
}

/** Told also where something else is wrong with the rule, so that all its problems come at once. */
const DEVICES_MISSING = {
  path: ['devices'],
  error: 'missing; expected a mapping that says which devices',
  params: { code: 'CONFIG_MISSING_KEY' },
  when: ({ value }: z.core.ParsePayload) => typeof value === 'object' && value !== null,
};

/** What `update:` is read as where a rule has none. The cast: the compiler cannot see that every option has a default. */
const NOTHING_SET = {} as { protocol: string };

/** Devices on the network are seen to come back. Of those that fetch by themselves, and on ports, their own word is all there is. */
function usualVerify(context: RuleContext, protocol: string): Verify {
  const isTakenAtItsWord = protocol === PORT_PROTOCOL || isPull(context, protocol);
  return verifySchema.parse(isTakenAtItsWord ? { proof: 'accepted' } : {});
}

/** A sentence of the config: which images go to which devices, how, when, with what proof. */
export function ruleSchema(context: RuleContext) {
  const expires = z.union(
    [z.literal('never').transform(() => null), duration(60_000, 3650 * DAY_MS)],
    expecting('never or a duration such as 30d'),
  );
  return z
    .strictObject(
      {
        name: text('a name').describe('What logs, jobs and `plan` call the rule. Each name once.'),
        firmware: firmwareSchema.describe('Which images. All keys that are given must match; globs ignore case.'),
        devices: devicesSchema
          .optional()
          .describe(
            'Which devices. All keys that are given must match; globs ignore case. Needed, but where devices fetch by themselves.',
          ),
        update: updateSchema(context).prefault(NOTHING_SET).describe('How the image gets onto a device.'),
        when: whenSchema(context)
          .prefault('now')
          .describe(
            'When attempts may start: now; within a maintenance window; from a date on; attach: as boards are plugged into the ports of this machine; visit: when a device comes to fetch (the only choice of protocols that publish, and there the default).',
          ),
        rollout: rolloutSchema
          .optional()
          .describe(
            'Canaries and waves, and what stops them. Without it: all matching devices at once, within `limits`.',
          ),
        verify: verifySchema
          .optional()
          .describe(
            'What counts as done. Where devices fetch by themselves, and on ports: `proof`, sent or accepted (the default).',
          ),
        line: lineSchema(context.resolvePath)
          .optional()
          .describe('What a rule with `when: attach` does with a board beyond writing it.'),
        backup: backupSchema.optional().describe('Backups of boards on ports. Without it: none.'),
        expires: expires.prefault('never').describe('How long a release waits for devices that are away.'),
        undo: oneOf(['never', 'on-failure'])
          .default('never')
          .describe(
            'on-failure: a device that took the image and is not well since gets back the image that it was last proven to run.',
          ),
        versions: versionRulesSchema
          .prefault({})
          .describe('Which versions of an application may follow which. Of filesystems none is asked.'),
        allow: listOf(oneOf(GUARD_OVERRIDES), 'guards')
          .default([])
          .describe('Guards this rule overrides. Each use is logged. A wrong image can disable a device for good.'),
      },
      expecting('a rule: a mapping with name, firmware and devices'),
    )
    .superRefine(checkLineRule)
    .superRefine(checkLadder)
    .refine((rule) => rule.devices !== undefined || isPull(context, rule.update?.protocol), DEVICES_MISSING)
    .superRefine((rule, issues) => checkMedium(rule, isPull(context, rule.update.protocol), issues))
    .transform(
      ({ expires, rollout, line, backup, devices, verify, when, ...rule }): Rule => ({
        ...rule,
        when: isPull(context, rule.update.protocol) ? { kind: 'visit' } : when,
        devices: devices ?? NO_DEVICES,
        verify: withSigns(verify ?? usualVerify(context, rule.update.protocol), rule.update, context.protocols),
        rollout: rollout ?? null,
        expiresMs: expires,
        line: line ?? NO_LINE,
        backup: backup ?? null,
      }),
    )
    .superRefine(checkVerify);
}
