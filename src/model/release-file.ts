import type { StoredImage } from './image.ts';
import type { RolloutSettings } from './rollout.ts';

/** One image of a release file. */
export interface ReleaseEntry {
  /** Its path, seen from the release file. */
  readonly file: string;
  /** What its bytes must have, in lower case hex; null: not said. */
  readonly sha256: string | null;
  /** The rules that are to take it; null: all that do. */
  readonly rules: readonly string[] | null;
}

/** What a `release.yaml` says: several images that belong together. */
export interface ReleaseManifest {
  readonly name: string | null;
  readonly version: string | null;
  readonly notes: string | null;
  /** At least one, each file once. */
  readonly images: readonly ReleaseEntry[];
  /** One rollout over all images, instead of those of the rules; null: each rule has its own. */
  readonly rollout: RolloutSettings | null;
}

/** A release file that was dropped with all its images. */
export interface DroppedRelease {
  readonly manifest: ReleaseManifest;
  /** One for each entry of the manifest, in its order. */
  readonly images: readonly StoredImage[];
}
