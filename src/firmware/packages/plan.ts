import type { Chip } from '../../model/chip.ts';
import type { FlashRange, PackageSource } from '../../model/image.ts';
import type { FlashSettings, PartEncryption } from './flash-set.ts';

/** What a manifest says, before any of its files has been looked at. */
export interface PackagePlan {
  readonly source: PackageSource;
  readonly name: string | null;
  readonly version: string | null;
  readonly sets: readonly PlannedSet[];
}

/** What a package says of itself, before its files are read. */
export interface PlannedSet {
  readonly chip: Chip | null;
  readonly flashSizeBytes: number | null;
  readonly isEncrypted: boolean;
  readonly settings: FlashSettings;
  readonly parts: readonly PlannedPart[];
  readonly erase: readonly FlashRange[];
  /** Not to be written nor erased by any means; null: nothing of the kind. */
  readonly keep: FlashRange | null;
  /** Whose record says which slot is booted. */
  readonly bootRecord: 'esp-idf' | 'pycom';
}

/** One file of a package and its place in flash. */
export interface PlannedPart {
  readonly name: string;
  readonly path: string;
  readonly offset: number;
  /** The place it was given; null: as much as it needs. */
  readonly roomBytes: number | null;
  readonly encryption: PartEncryption;
}
