import { FlashError } from '../../errors.ts';
import { CHIP_FACTS } from '../../firmware/chips.ts';
import { count } from '../../firmware/findings.ts';
import { type ChipIdentity, describeChip, revisionText } from './identify.ts';
import type { ImageToPlace } from './placement.ts';

/** What of the guards before writing a person has given up. */
export interface SafetyRules {
  /** Secure boot, encryption and secure download mode are the owner's business. */
  readonly allowSecure: boolean;
  /** The size in the header will be changed to what the flash has. */
  readonly replacesFlashSize: boolean;
}

/** What may stand on the port. */
export interface TargetChip extends ChipIdentity {
  readonly flashSizeBytes: number | null;
}

/**
 * Everything that can be refused before a byte of flash is changed, but for the places (placement.ts). Pure.
 *
 * @throws FlashError what is wrong with the image; IMAGE_WRONG_CHIP, IMAGE_NOT_FIRMWARE, SERIAL_WRONG_REVISION, SERIAL_SECURED,
 *   SERIAL_NO_SPACE
 */
export function refuseUnsafe(images: readonly ImageToPlace[], target: TargetChip, rules: SafetyRules): void {
  refuseSecured(target, rules);
  for (const image of images) {
    const [problem] = image.dossier.problems;
    if (problem !== undefined) throw new FlashError(problem.code, problem.message);
    refuseCompressed(image);
    refuseOtherChip(image, target);
    refuseOtherRevision(image, target);
    if (!rules.replacesFlashSize) refuseLargerFlash(image, target);
  }
}

function refuseSecured({ security }: TargetChip, { allowSecure }: SafetyRules): void {
  const found = [
    security.hasSecureBoot ? 'secure boot' : null,
    security.hasFlashEncryption ? 'flash encryption' : null,
    security.isSecureDownload ? 'secure download mode' : null,
  ].filter((name) => name !== null);
  if (found.length === 0 || allowSecure) return;
  throw new FlashError('SERIAL_SECURED', `the chip has ${found.join(' and ')} switched on`, {
    details: { ...security },
  });
}

/** Only eboot inflates an image, after an update over the air. */
function refuseCompressed({ name, dossier }: ImageToPlace): void {
  if (dossier.container === 'none') return;
  throw new FlashError(
    'IMAGE_NOT_FIRMWARE',
    `${name}: it is compressed (${dossier.container}); write the image inside it`,
  );
}

/** Kinds that say for which chip they are; data and filesystems do not. */
const CHIP_BOUND = new Set(['app', 'bootloader', 'merged']);

function refuseOtherChip({ name, dossier }: ImageToPlace, target: TargetChip): void {
  if (dossier.chip === target.chip || (dossier.chip === null && !CHIP_BOUND.has(dossier.kind))) return;
  const built = dossier.chip === null ? 'no chip that is known' : CHIP_FACTS[dossier.chip].label;
  throw new FlashError(
    'IMAGE_WRONG_CHIP',
    `${name} is for ${built}, and the chip on the port is ${describeChip(target)}`,
    {
      details: { image: dossier.chip, device: target.chip },
    },
  );
}

function refuseOtherRevision({ name, dossier }: ImageToPlace, target: TargetChip): void {
  const { minChipRevision: min, maxChipRevision: max } = dossier;
  const { revision } = target;
  if (revision === null || dossier.chip === null) return;
  if ((min === null || revision >= min) && (max === null || revision <= max)) return;
  const from = min === null ? '' : ` from ${revisionText(min)}`;
  const to = max === null ? '' : ` up to ${revisionText(max)}`;
  const message = `${name} is for revisions${from}${to}, and the chip on the port is ${describeChip(target)}`;
  throw new FlashError('SERIAL_WRONG_REVISION', message, { details: { min, max, revision } });
}

/** The ROM and the bootloader believe the header; a build for more flash than there is starts, and fails at its first write. */
function refuseLargerFlash({ name, dossier }: ImageToPlace, { chip, flashSizeBytes }: TargetChip): void {
  const isRead = dossier.kind === 'bootloader' || dossier.kind === 'merged' || chip === 'esp8266';
  if (!isRead || flashSizeBytes === null || dossier.flashSizeBytes === null) return;
  if (dossier.flashSizeBytes <= flashSizeBytes) return;
  const sizes = `${count(dossier.flashSizeBytes)} bytes of flash, and the board has ${count(flashSizeBytes)}`;
  throw new FlashError('SERIAL_NO_SPACE', `${name} is built for ${sizes}`);
}
