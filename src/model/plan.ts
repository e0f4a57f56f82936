import type { Device } from './device.ts';
import type { StoredImage } from './image.ts';

/** Why a device is left alone. The codes have a section each in docs/rules.md. */
export const REFUSAL_CODES = [
  'RULE_NO_MATCH',
  'RULE_WRONG_CHIP',
  'RULE_CHIP_UNKNOWN',
  'RULE_NOT_OTA',
  'RULE_NO_ADDRESS',
  'RULE_PROTOCOL_REFUSES',
  'RULE_ALREADY_CURRENT',
  'RULE_DOWNGRADE',
  'RULE_RUNG_MISSING',
  'RULE_VERSION_UNKNOWN',
] as const;

/** Why a device is left alone, for machines; docs/rules.md explains each. */
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** The rules' word on one image and one device. */
export type Decision =
  | {
      readonly kind: 'flash';
      readonly device: Device;
      readonly rule: string;
      /** What the device has to run first, by the ladder of the rule; null: nothing. */
      readonly first: Rung | null;
      /** Guards that would have refused, had the rule not overridden them. Logged when the job is planned. */
      readonly overridden: readonly Refusal[];
      /** Later rules that match as well and do not decide. */
      readonly shadowed: readonly string[];
    }
  | {
      readonly kind: 'refuse';
      readonly device: Device;
      /** The rule that decided, or null where none matched. */
      readonly rule: string | null;
      readonly refusal: Refusal;
      readonly shadowed: readonly string[];
    };

/** A step of a ladder that a device has yet to take. */
export interface Rung {
  readonly version: string;
  readonly image: StoredImage;
  /** Why, for people: `it runs 1.4.0`. */
  readonly reason: string;
}

/** Why an image does not go to a device. */
export interface Refusal {
  readonly code: RefusalCode;
  /** With the names and numbers, for a person. */
  readonly reason: string;
}

/** What would happen with an image: rules × image × devices. */
export interface Plan {
  readonly image: StoredImage;
  /** Rules whose `firmware:` accepts the image, in file order. Empty: the file is unmatched. */
  readonly rules: readonly string[];
  readonly decisions: readonly Decision[];
}
