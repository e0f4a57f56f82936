import { versionIn } from '../firmware/image-version.ts';
import { compareVersions } from '../firmware/version-order.ts';
import type { StoredImage } from '../model/image.ts';
import type { Rule } from '../model/rule.ts';
import { isOlder } from '../rules/version-step.ts';
import { type CurrentImage, type Standing, standingBeside } from './drop-versions.ts';

/** A dropped image, alone or as part of a release. */
export interface DroppedImage {
  /** The drop that stands for this image. */
  readonly drop: string;
  readonly image: StoredImage;
  /** The rules that are to take it; null: all that do. */
  readonly rules: readonly string[] | null;
}

/** An image that a rule takes. */
export interface Taking {
  readonly rule: Rule;
  readonly dropped: DroppedImage;
  /** What the release will be the newest of. */
  readonly slot: string;
}

/** What the rules make of the images of one drop. */
export interface DropPlan {
  /** Each becomes the release of its rule. */
  readonly takings: readonly Taking[];
  /** Each is kept as a rung of the ladder of its rule. */
  readonly rungs: readonly (Taking & { readonly version: string })[];
  /** Image → why it, or a rule that was named for it, came to nothing. */
  readonly objections: ReadonlyMap<DroppedImage, readonly string[]>;
}

/** The questions that the plan of a drop asks of rules and journal, so that it can be made without either. */
export interface DropRules {
  /** The rules whose `firmware:` accepts an image, and the reasons of the others where there are none. */
  readonly accepting: (image: StoredImage) => { readonly rules: readonly Rule[]; readonly reasons: readonly string[] };
  /** What a release of this image would be the newest of. */
  readonly slotOf: (rule: Rule, image: StoredImage) => string;
  /** What a slot has now. */
  readonly current: (slot: string) => CurrentImage | null;
}

/** Judges the images of one drop together. Pure. */
export function planImages(images: readonly DroppedImage[], rules: DropRules): DropPlan {
  const takings: Taking[] = [];
  const rungs: (Taking & { version: string })[] = [];
  const objections = new Map<DroppedImage, string[]>();
  for (const dropped of images) {
    const { claims, reasons } = claimsOn(dropped, rules);
    const told = [...reasons];
    for (const rule of claims) {
      const slot = rules.slotOf(rule, dropped.image);
      const standing = standingOf(rule, dropped, images, rules);
      if (standing.kind === 'release') takings.push({ rule, dropped, slot });
      if (standing.kind === 'rung') rungs.push({ rule, dropped, slot, version: standing.version });
      if (standing.kind === 'older') told.unshift(standing.reason);
    }
    objections.set(dropped, told);
  }
  return { takings, rungs, objections };
}

/** Whether every image of a release found its rules; else why not: its images belong together. */
export function whyIncomplete({ takings, rungs, objections }: DropPlan): string | null {
  const lacking = [...objections].flatMap(([dropped, reasons]) => {
    const isTaken = [...takings, ...rungs].some((taking) => taking.dropped === dropped);
    if (isTaken && (dropped.rules === null || reasons.length === 0)) return [];
    return [`${dropped.image.name}: ${reasons.join('. ')}`];
  });
  return lacking.length === 0 ? null : lacking.join('; ');
}

function claimsOn({ image, rules: named }: DroppedImage, { accepting }: DropRules) {
  const { rules, reasons } = accepting(image);
  if (named === null) return { claims: rules, reasons: rules.length === 0 ? reasons : [] };
  const claims = rules.filter(({ name }) => named.includes(name));
  const refused = named.filter((name) => !claims.some((rule) => rule.name === name));
  return { claims, reasons: refused.map((name) => whyRefused(name, reasons)) };
}

function whyRefused(name: string, reasons: readonly string[]): string {
  return reasons.find((reason) => reason.startsWith(`rule "${name}":`)) ?? `rule "${name}" does not take it`;
}

/** Of two images of one drop for the same slot, the older can only be a rung on the way to the newer. */
function standingOf(rule: Rule, dropped: DroppedImage, images: readonly DroppedImage[], rules: DropRules): Standing {
  const slot = rules.slotOf(rule, dropped.image);
  const rivals = images.filter(
    (other) =>
      other !== dropped &&
      rules.slotOf(rule, other.image) === slot &&
      claimsOn(other, rules).claims.some(({ name }) => name === rule.name),
  );
  const version = versionIn(dropped.image);
  const above = rivals.find((rival) => isOlder(version, versionIn(rival.image)));
  const beside = rivals.find((rival) => !isOlder(version, versionIn(rival.image)) && !isBelow(rival, dropped));
  if (beside !== undefined)
    return { kind: 'older', reason: `rule "${rule.name}": ${beside.image.name} is for the same devices` };
  if (above === undefined) return standingBeside(rule, dropped.image, rules.current(slot));
  if (version !== null && rule.versions.ladder.some((rung) => compareVersions(rung, version) === 0)) {
    return { kind: 'rung', version };
  }
  return { kind: 'older', reason: `rule "${rule.name}": ${above.image.name} is newer and for the same devices` };
}

function isBelow(one: DroppedImage, other: DroppedImage): boolean {
  return isOlder(versionIn(one.image), versionIn(other.image));
}
