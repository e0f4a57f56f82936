import { FlashError } from '../../errors.ts';
import { chooseSet, type FlashPart, type FlashSet } from '../../firmware/packages/flash-set.ts';
import type { Chip } from '../../model/chip.ts';
import type { FlashRange } from '../../model/image.ts';
import type { SerialOptions } from './options.ts';
import type { ImageToPlace } from './placement.ts';
import type { PreparedImages } from './prepared-image.ts';

/** What goes onto one board, packages opened. */
export interface ImageSet {
  readonly images: readonly ImageToPlace[];
  /** Erased first. */
  readonly erase: readonly FlashRange[];
  readonly settings: SerialOptions['settings'];
}

/** What a package has to fit. */
export interface SetBoard {
  readonly chip: Chip;
  /** Null: cannot be asked. */
  readonly flashSizeBytes: number | null;
  readonly isEncrypted: boolean;
}

/**
 * Replaces each package by the images that it has for this board. What the rule says of the flash settings goes before what a package says.
 *
 * @throws FlashError PACKAGE_*; SERIAL_WRONG_PLACE, SERIAL_SECURED
 */
export async function unpackImages(
  images: readonly ImageToPlace[],
  board: SetBoard,
  settings: SerialOptions['settings'],
  packages: PreparedImages,
): Promise<ImageSet> {
  const unpacked: ImageToPlace[] = [];
  const erase: FlashRange[] = [];
  let { mode, frequencyMhz, sizeBytes, flashMap } = settings;
  for (const image of images) {
    if (image.dossier.kind !== 'package') {
      unpacked.push(image);
      continue;
    }
    const set = await setFor(image, board, packages);
    unpacked.push(...set.parts.map((part) => partOf(image, part)));
    erase.push(...set.erase);
    mode ??= set.settings.mode;
    frequencyMhz ??= set.settings.frequencyMhz;
    sizeBytes ??= set.settings.sizeBytes;
    flashMap ??= set.settings.flashMap;
  }
  return { images: unpacked, erase, settings: { mode, frequencyMhz, sizeBytes, flashMap } };
}

async function setFor(
  { name, bytes, offset }: ImageToPlace,
  board: SetBoard,
  packages: PreparedImages,
): Promise<FlashSet> {
  const { flashSizeBytes } = board;
  if (offset !== 'auto') {
    throw new FlashError('SERIAL_WRONG_PLACE', `${name}: it is a package, whose images have places of their own`);
  }
  if (flashSizeBytes === null) throw new FlashError('SERIAL_NO_FLASH', 'the size of the flash chip is not known');
  return chooseSet(await packages.open(bytes), { ...board, flashSizeBytes });
}

function partOf(image: ImageToPlace, { name, bytes, dossier, offset, encryption }: FlashPart): ImageToPlace {
  if (encryption === 'on-write') {
    const message = `${image.name}: ${name} has to be encrypted by the chip while it is written, which dropflash does not do`;
    throw new FlashError('SERIAL_SECURED', message);
  }
  return { name: `${image.name}: ${name}`, bytes, dossier, offset, isEncrypted: encryption === 'done' };
}
