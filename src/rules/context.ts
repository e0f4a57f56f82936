import type { Chip } from '../model/chip.ts';
import type { Device } from '../model/device.ts';
import type { ImageKind, StoredImage } from '../model/image.ts';
import type { PossibleVersions } from './version-step.ts';

/** What the rules have to know and do not find in image and device. All of it is asked for at most once per decision. */
export interface PlanContext {
  /** Can this protocol bring this image to this device at all? */
  accepts(protocol: string, device: Device, image: StoredImage): Verdict;
  /** The port this protocol uses on a device of this chip where neither the network nor the config names one. */
  defaultPort(protocol: string, chip: Chip | null): number | null;
  /**
   * The SHA-256 of the image of this kind that the device is known to run or hold, in lower case hex; null: not known.
   * @param sinceMs what it took before (epoch ms) does not count; 0 where left out
   */
  currentImage(device: Device, kind: ImageKind, sinceMs?: number): string | null;
  /** What the journal knows of the version that the device runs. */
  possibleVersions(device: Device, kind: ImageKind): PossibleVersions;
  /** Images that may serve as a rung of a ladder, those that were dropped last first. */
  storedImages(): readonly StoredImage[];
  /** The chip of an image that the device was seen to come back with; null: none was. */
  knownChip(device: Device): Chip | null;
}

/** `reason` is for people. */
export type Verdict = { readonly accepted: true } | { readonly accepted: false; readonly reason: string };
