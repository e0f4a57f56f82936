import { versionIn } from '../firmware/image-version.ts';
import { compareVersions } from '../firmware/version-order.ts';
import type { StoredImage } from '../model/image.ts';
import type { Rule } from '../model/rule.ts';
import { isOlder } from '../rules/version-step.ts';

/** What a rule does with a dropped image beside the release that it has. */
export type Standing =
  | { readonly kind: 'release' }
  /** It is a rung of the way to the release: kept, and brought to the devices below it. */
  | { readonly kind: 'rung'; readonly version: string }
  /** It would take the fleet back. */
  | { readonly kind: 'older'; readonly reason: string };

/** The release that a rule has for the same target and chip. */
export interface CurrentImage {
  readonly release: string;
  readonly image: StoredImage;
}

/** Judges a dropped image by the versions of the rule; null: the rule has no release that it would supersede. Pure. */
export function standingBeside(rule: Rule, image: StoredImage, current: CurrentImage | null): Standing {
  const [version, newest] = [versionIn(image), versionIn(current?.image ?? null)];
  if (current === null || version === null || newest === null || image.dossier.kind !== 'app')
    return { kind: 'release' };
  if (!isOlder(version, newest)) return { kind: 'release' };
  if (rule.versions.ladder.some((rung) => compareVersions(rung, version) === 0)) return { kind: 'rung', version };
  if (rule.versions.downgrade === 'allow') return { kind: 'release' };
  const reason =
    `rule "${rule.name}": ${version} is older than ${newest} (${current.image.name}, release ${current.release}), which it has; ` +
    `"versions: { downgrade: allow }" in the rule would let it, and so would "dropflash undo ${current.release}"`;
  return { kind: 'older', reason };
}
