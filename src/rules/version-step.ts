import { compareVersions } from '../firmware/version-order.ts';
import type { VersionRules } from '../model/rule.ts';

/**
 * What a device may run. More than one where it was sent an image and has not been seen to come back; a null among them: an image that
 * tells no version. Empty: nothing is known.
 */
export type PossibleVersions = readonly (string | null)[];

/** What the version rules say of one device and one image. */
export type VersionStep =
  | { readonly kind: 'go' }
  /** `from` is newer than the image. */
  | { readonly kind: 'downgrade'; readonly from: string }
  /** This rung of the ladder comes first. */
  | { readonly kind: 'rung'; readonly rung: string; readonly from: string }
  /** It cannot be told whether a rung comes first. */
  | { readonly kind: 'unknown'; readonly why: string };

/** The way of a device to `version`; null: the image tells none. Pure. */
export function versionStep(
  possible: PossibleVersions,
  version: string | null,
  { downgrade, ladder }: VersionRules,
): VersionStep {
  const newer = downgrade === 'allow' ? undefined : possible.find((from) => isOlder(version, from));
  if (newer != null) return { kind: 'downgrade', from: newer };
  if (ladder.length === 0) return { kind: 'go' };
  return climb(possible, version, ladder);
}

/** Whether the order of the two is known, and `left` comes before `right`. */
export function isOlder(left: string | null, right: string | null): boolean {
  return left !== null && right !== null && (compareVersions(left, right) ?? 0) < 0;
}

function climb(possible: PossibleVersions, version: string | null, ladder: readonly string[]): VersionStep {
  if (version === null || ladder.some((rung) => compareVersions(rung, version) === null)) {
    return { kind: 'unknown', why: `the image ${tells(version)}, which has no place on the ladder` };
  }
  const below = ladder.filter((rung) => isOlder(rung, version));
  const steps = possible.map((from) => stepFrom(from, below));
  const [first] = steps;
  if (below.length === 0) return { kind: 'go' };
  if (first === undefined) return { kind: 'unknown', why: 'it is not known which version it runs' };
  const doubt = steps.find((step) => step.kind === 'unknown');
  if (doubt !== undefined) return doubt;
  const isAgreed = steps.every((step) => rungOf(step) === rungOf(first));
  const names = possible.join(' or ');
  return isAgreed ? first : { kind: 'unknown', why: `it may run ${names}: it was not seen since it was sent an image` };
}

function stepFrom(from: string | null, rungs: readonly string[]): VersionStep {
  if (from === null || rungs.some((rung) => compareVersions(from, rung) === null)) {
    return { kind: 'unknown', why: `it runs an image that ${tells(from)}, which has no place on the ladder` };
  }
  const rung = rungs.find((candidate) => isOlder(from, candidate));
  return rung === undefined ? { kind: 'go' } : { kind: 'rung', rung, from };
}

function rungOf(step: VersionStep): string | null {
  return step.kind === 'rung' ? step.rung : null;
}

function tells(version: string | null): string {
  return version === null ? 'tells no version' : `tells the version ${JSON.stringify(version)}`;
}
