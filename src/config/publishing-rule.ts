import type * as z from 'zod';
import type { DeviceSelector, Verify, VersionRules } from '../model/rule.ts';

/** What a rule has whose devices fetch by themselves: it is for whoever comes to its place. */
export const NO_DEVICES: DeviceSelector = {
  name: null,
  board: null,
  service: null,
  address: null,
  mac: null,
  chip: null,
  tags: null,
  port: null,
  usb: null,
};

/** What of a rule depends on whether it sends or publishes. */
interface MediumRule {
  readonly devices?: unknown;
  readonly when: { readonly kind: string };
  readonly update: { readonly protocol: string };
  readonly verify?: Pick<Verify, 'proof'> | undefined;
  readonly rollout?: unknown;
  readonly undo: string;
  readonly versions: VersionRules;
}

/** A rule that publishes sends nothing to anyone: what is for devices that are sent to is an oversight on it, and the other way round. */
export function checkMedium(rule: MediumRule, isPull: boolean, context: z.RefinementCtx): void {
  const { devices, when, verify, rollout, undo, versions } = rule;
  const { protocol } = rule.update;
  const conflict = (key: string, message: string) =>
    context.addIssue({ code: 'custom', path: [key], message, params: { code: 'CONFIG_CONFLICT' } });
  if (!isPull) {
    if (when.kind === 'visit')
      conflict('when', `"when: visit" is for devices that fetch by themselves, not for ${protocol}`);
    return;
  }
  if (devices !== undefined) conflict('devices', `${protocol} publishes: its devices are those that come to fetch`);
  if (!['now', 'visit'].includes(when.kind))
    conflict('when', `with ${protocol} a device comes when it wants to; leave "when" out`);
  if (verify !== undefined && verify.proof !== 'sent' && verify.proof !== 'accepted')
    conflict('verify', `with ${protocol} no more than sent and accepted can be seen; write one of these as "proof"`);
  if (rollout !== undefined)
    conflict('rollout', `${protocol} publishes to all who come; give each stage a place of its own`);
  if (undo !== 'never') conflict('undo', `with ${protocol} nothing can be brought back to a device`);
  if (versions.ladder.length > 0)
    conflict('versions', `with ${protocol} a device takes what stands there; no ladder can be laid`);
}
