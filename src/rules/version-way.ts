import { versionIn } from '../firmware/image-version.ts';
import { compareVersions } from '../firmware/version-order.ts';
import type { Device } from '../model/device.ts';
import type { StoredImage } from '../model/image.ts';
import type { Refusal, Rung } from '../model/plan.ts';
import type { Rule } from '../model/rule.ts';
import type { PlanContext } from './context.ts';
import type { FirmwareMiss } from './firmware-selector.ts';
import { versionSaid } from './said-version.ts';
import { type PossibleVersions, type VersionStep, versionStep } from './version-step.ts';

/** One image for one device, as far as versions speak. */
export interface VersionCase {
  readonly rule: Rule;
  /** Why the rule's `firmware:` does not accept an image; null: it does. */
  readonly firmwareMiss: FirmwareMiss;
  readonly image: StoredImage;
  readonly device: Device;
  readonly context: PlanContext;
}

/** What the version rules of a rule make of an image and a device. */
export type VersionWay =
  | { readonly kind: 'go' }
  | { readonly kind: 'first'; readonly rung: Rung }
  | { readonly kind: 'refuse'; readonly refusal: Refusal };

/** Only applications have versions that bind: a filesystem or a whole flash says nothing of the one that it replaces. */
export function versionWay(given: VersionCase): VersionWay {
  const { rule, image, device, context } = given;
  const { downgrade, ladder } = rule.versions;
  if (image.dossier.kind !== 'app' || (downgrade === 'allow' && ladder.length === 0)) return { kind: 'go' };
  const version = versionIn(image);
  const possible = versionsOf(device, rule, context);
  const step = versionStep(possible, version, rule.versions);
  switch (step.kind) {
    case 'go':
      return step;
    case 'downgrade': {
      const reason = `it runs ${step.from} and this is ${version}; "versions: { downgrade: allow }" in the rule would let it`;
      return refuse('RULE_DOWNGRADE', reason);
    }
    case 'unknown': {
      const rungs = ladder.join(', ');
      return refuse(
        'RULE_VERSION_UNKNOWN',
        `${step.why}, so that it cannot be told which rungs of the ladder (${rungs}) come first`,
      );
    }
    case 'rung':
      return rungWay(given, step);
  }
}

/** What the device says in its TXT record, where the rule reads that, goes before what it was given once. */
function versionsOf(device: Device, { verify: { version: check } }: Rule, context: PlanContext): PossibleVersions {
  const text = check?.by === 'mdns' ? device.txt[check.key] : undefined;
  const said = text === undefined || check === null ? null : versionSaid(text, check.match);
  return said === null ? context.possibleVersions(device, 'app') : [said];
}

function rungWay(given: VersionCase, { rung, from }: Extract<VersionStep, { kind: 'rung' }>): VersionWay {
  const reason = `it runs ${from} and has to run ${rung} first`;
  const image = imageOfRung(given, rung);
  if (image !== null) return { kind: 'first', rung: { version: rung, image, reason } };
  const { dossier } = given.image;
  const what = dossier.chip === null ? '' : ` for ${dossier.chip}`;
  return refuse(
    'RULE_RUNG_MISSING',
    `${reason}; no application${what} of version ${rung} was dropped that rule "${given.rule.name}" takes`,
  );
}

/** The newest of that version which would replace the same thing on the same chip, and which the rule would take. */
function imageOfRung({ image: { dossier }, firmwareMiss, context }: VersionCase, rung: string): StoredImage | null {
  const isRung = (stored: StoredImage): boolean => {
    const version = versionIn(stored);
    const isSameKind = stored.dossier.kind === dossier.kind && stored.dossier.chip === dossier.chip;
    return isSameKind && version !== null && compareVersions(version, rung) === 0 && firmwareMiss(stored) === null;
  };
  return context.storedImages().find(isRung) ?? null;
}

function refuse(code: Refusal['code'], reason: string): VersionWay {
  return { kind: 'refuse', refusal: { code, reason } };
}
