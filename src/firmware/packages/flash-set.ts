import { FlashError } from '../../errors.ts';
import type { Chip } from '../../model/chip.ts';
import type { Dossier, FlashMap, FlashRange, PackageSource } from '../../model/image.ts';
import { CHIP_FACTS } from '../chips.ts';
import { count } from '../findings.ts';

/**
 * - `none`: written as it is.
 * - `on-write`: plain, and encrypted by the chip while it is written, where flash encryption is on (esptool, `--encrypt-files`).
 * - `done`: encrypted already, for its own place; nothing can be read out of it.
 */
export type PartEncryption = 'none' | 'on-write' | 'done';

/** One image at its place. */
export interface FlashPart {
  /** The role the manifest gives it (`bootloader`, `app`), else its file name. */
  readonly name: string;
  /** In the package; null: made here, so that what was written boots. */
  readonly path: string | null;
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly dossier: Dossier;
  readonly encryption: PartEncryption;
}

/** What the bootloader's header is to say; null: what it says already. */
export interface FlashSettings {
  /** `QIO`, `QOUT`, `DIO`, `DOUT`. */
  readonly mode: string | null;
  /** `detect`: what the flash chip itself says. */
  readonly sizeBytes: number | 'detect' | null;
  readonly frequencyMhz: number | null;
  /** Of an ESP8266 with the SDK's bootloader: the header has a size of its own for each map. */
  readonly flashMap?: FlashMap | undefined;
}

/** Everything that goes onto one board: first `erase`, then `parts` in order of their offsets. */
export interface FlashSet {
  /** Null: neither the manifest nor any image names one. */
  readonly chip: Chip | null;
  /** The flash it is meant for; null: any that is large enough. */
  readonly flashSizeBytes: number | null;
  /** For boards with flash encryption only: its images are encrypted already. */
  readonly isEncrypted: boolean;
  readonly settings: FlashSettings;
  /** Whole sectors. */
  readonly erase: readonly FlashRange[];
  readonly parts: readonly FlashPart[];
}

/** A package with its bytes: at least one set, and nothing wrong with any. */
export interface FirmwarePackage {
  readonly source: PackageSource;
  readonly name: string | null;
  readonly version: string | null;
  readonly sets: readonly FlashSet[];
}

/** What is known of the board on the other end. */
export interface Board {
  readonly chip: Chip;
  readonly flashSizeBytes: number;
  readonly isEncrypted: boolean;
}

/** What stands in the header is left as it is. */
export const KEEP_SETTINGS: FlashSettings = { mode: null, sizeBytes: null, frequencyMhz: null };

/**
 * The set for a board: the one made for its flash size before the one for any.
 *
 * @throws FlashError PACKAGE_NO_SET
 */
export function chooseSet({ sets }: Pick<FirmwarePackage, 'sets'>, board: Board): FlashSet {
  const fitting = sets.filter((set) => fits(set, board));
  const chosen = fitting.find(({ flashSizeBytes }) => flashSizeBytes !== null) ?? fitting[0];
  if (chosen !== undefined) return chosen;
  const message = `it has images for ${sets.map(describeSet).join('; ')}; the board is ${describeSet(board)}`;
  throw new FlashError('PACKAGE_NO_SET', message);
}

function fits(set: FlashSet, board: Board): boolean {
  const isChip = set.chip === null || set.chip === board.chip;
  const isSize = set.flashSizeBytes === null || set.flashSizeBytes === board.flashSizeBytes;
  return isChip && isSize && canBeRead(set, board) && endOf(set) <= board.flashSizeBytes;
}

/** A board with flash encryption makes noise of what is written plainly. */
function canBeRead(set: FlashSet, { isEncrypted }: Board): boolean {
  if (set.isEncrypted || !isEncrypted) return set.isEncrypted === isEncrypted;
  return set.parts.some(({ encryption }) => encryption === 'on-write');
}

function endOf({ parts, erase }: FlashSet): number {
  const ends = [
    ...parts.map(({ offset, bytes }) => offset + bytes.length),
    ...erase.map(({ offset, sizeBytes }) => offset + sizeBytes),
  ];
  return Math.max(0, ...ends);
}

function describeSet(set: Pick<FlashSet, 'chip' | 'flashSizeBytes' | 'isEncrypted'>): string {
  const chip = set.chip === null ? 'any chip' : CHIP_FACTS[set.chip].label;
  const flash = set.flashSizeBytes === null ? '' : ` with ${count(set.flashSizeBytes)} bytes of flash`;
  return `${chip}${flash}${set.isEncrypted ? ', encrypted' : ''}`;
}
