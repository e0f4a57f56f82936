import { FlashError } from '../../errors.ts';
import { insteadOfPackage } from '../../firmware/packages/instead-of-package.ts';
import type { Device } from '../../model/device.ts';
import type { ImageKind, StoredImage } from '../../model/image.ts';
import type { Acceptance } from '../protocol.ts';
import { CC3200_SLOT_BYTES, SLOT_BYTES } from './constants.ts';
import { generationOf, type Identity, slotOf } from './identity.ts';
import type { PycomOptions } from './options.ts';

const OVER_USB = 'it can only be flashed over USB';

const A_PACKAGE = 'a package holds boot loader and partition table as well, which are never replaced over the air';

/** Why a device cannot take an image of a kind over FTP. */
const NOT_OTA: Partial<Record<ImageKind, string>> = {
  merged: `a factory image starts with the boot loader, and the device would write all of it into one slot; ${OVER_USB}`,
  bootloader: `the boot loader is never replaced over the air; ${OVER_USB}`,
  'partition-table': `the partition table is never replaced over the air; ${OVER_USB}`,
  otadata: `the device keeps its own boot record; ${OVER_USB}`,
  filesystem: `a file system image goes to a place of its own in flash; ${OVER_USB}`,
  data: 'it is no application: encrypted images and patches are not told apart from anything else',
};

/** Can Pycom's update over FTP bring this image to this device? By the dossier alone; what the device says comes later. */
export function acceptsStoredImage(_device: Device, { dossier, sizeBytes }: StoredImage): Acceptance {
  if (dossier.kind === 'package') return refuse(`${A_PACKAGE}: ${insteadOfPackage(dossier)}`);
  const reason = NOT_OTA[dossier.kind];
  if (reason !== undefined) return refuse(reason);
  if (dossier.container !== 'none') return refuse('the device does not inflate; send the image as it is');
  if (dossier.format === 'cc3200') return acceptsSize(sizeBytes, CC3200_SLOT_BYTES, 'a WiPy 1');
  if (dossier.format !== 'esp32' || dossier.chip !== 'esp32') {
    return refuse(
      `it is for ${dossier.chip ?? 'another chip'}, and Pycom's modules have an ESP32 (a WiPy 1: a CC3200)`,
    );
  }
  if ((dossier.digest ?? dossier.md5Tail ?? null) === null) {
    return refuse(
      'it carries neither a SHA-256 (firmware 1.17.2 and later) nor an MD5 at its end (appimg.bin up to 1.17.1), without which the boot loader does not start it',
    );
  }
  return acceptsSize(sizeBytes, SLOT_BYTES['8MB'], 'any module');
}

function acceptsSize(sizeBytes: number, limitBytes: number, what: string): Acceptance {
  if (sizeBytes <= limitBytes) return { accepted: true };
  return refuse(
    `it has ${count(sizeBytes)} bytes, and the slot of ${what} ${count(limitBytes)}; the device would not notice`,
  );
}

function refuse(reason: string): Acceptance {
  return { accepted: false, reason };
}

/**
 * What only the device can tell: whether the image is of the kind that its boot loader checks, for its board, and fits into its slot.
 *
 * @throws FlashError PYCOM_WRONG_MODEL, PYCOM_WRONG_GENERATION, PYCOM_NO_SPACE
 */
export function throwUnlessFits(image: StoredImage, identity: Identity, options: PycomOptions): void {
  if (identity !== null) {
    throwUnlessBoardFits(image, identity, options);
    throwUnlessGenerationFits(image, identity);
  }
  const slot = slotOf(identity, options.flash, image.dossier.format === 'cc3200');
  if (image.sizeBytes <= slot.sizeBytes) return;
  const message = `${image.name} has ${count(image.sizeBytes)} bytes, and the slot of ${slot.why} ${count(slot.sizeBytes)}`;
  throw new FlashError('PYCOM_NO_SPACE', message, {
    step: 'prepare',
    details: { sizeBytes: image.sizeBytes, slotBytes: slot.sizeBytes },
  });
}

function throwUnlessBoardFits(image: StoredImage, identity: NonNullable<Identity>, { checkBoard }: PycomOptions): void {
  const isFor = image.dossier.micropython ?? null;
  const mcu = image.dossier.format === 'cc3200' ? 'CC3200' : 'ESP32';
  const isOther = checkBoard && isFor !== null && isFor.board.toLowerCase() !== identity.board.toLowerCase();
  if (identity.mcu === mcu && !isOther) return;
  const wanted = isFor === null ? `an ${mcu}` : `a ${isFor.board} with ${mcu}`;
  const message = `${image.name} is for ${wanted}; the device says that it is a ${identity.board} with ${identity.mcu}`;
  throw new FlashError('PYCOM_WRONG_MODEL', message, { step: 'prepare' });
}

function throwUnlessGenerationFits({ name, dossier }: StoredImage, identity: NonNullable<Identity>): void {
  const wanted = generationOf(identity);
  const isTailed = (dossier.md5Tail ?? null) !== null;
  if ((wanted === 'md5-tail') === isTailed) return;
  const why = isTailed
    ? `${name} ends in an MD5, which boot loaders up to 1.17.1 check, and the device runs ${identity.version}, whose boot loader checks a SHA-256`
    : `${name} ends in a SHA-256, and the device runs ${identity.version}: its boot loader starts only images that end in an MD5`;
  throw new FlashError('PYCOM_WRONG_GENERATION', why, { step: 'prepare' });
}

function count(bytes: number): string {
  return bytes.toLocaleString('en-US');
}
