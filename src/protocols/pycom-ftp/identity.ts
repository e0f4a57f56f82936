import type { MicroPythonBanner } from '../../model/image.ts';
import { ALWAYS_8MB, CC3200_SLOT_BYTES, LAST_WITH_MD5_TAIL, LAST_WITH_OLD_SLOTS, SLOT_BYTES } from './constants.ts';
import type { PycomOptions } from './options.ts';

/**
 * What a device said of itself when telnet greeted: the firmware that runs. Null where it was not to be had. The boot loader is of the
 * same generation: an old one starts no new image, and an update over the air never replaces it.
 */
export type Identity = MicroPythonBanner | null;

/** How the boot loader checks an image. Null: not known. */
export function generationOf(identity: Identity): 'md5-tail' | 'sha256' | null {
  if (identity === null) return null;
  if (identity.mcu === 'CC3200') return 'md5-tail';
  return compare(numbersOf(identity.version), LAST_WITH_MD5_TAIL) <= 0 ? 'md5-tail' : 'sha256';
}

/**
 * Whether a broken upload spoils the next one: firmware of the ESP32 up to 1.17.1 keeps the length of the first upload after a start, and its
 * boot loader compares the MD5 over that length. Where nothing is known, the worst is assumed of an image that only such a device takes.
 */
export function keepsFirstLength(identity: Identity, isTailed: boolean): boolean {
  if (identity === null) return isTailed;
  return identity.mcu !== 'CC3200' && generationOf(identity) === 'md5-tail';
}

/** The room that an image has on a device. */
export interface Slot {
  readonly sizeBytes: number;
  /** Where the number comes from, for a message. */
  readonly why: string;
}

/** How much fits. The device does not look: what is too large runs over the partition behind the slot. */
export function slotOf(identity: Identity, flash: PycomOptions['flash'], isCc3200: boolean): Slot {
  if (isCc3200) return { sizeBytes: CC3200_SLOT_BYTES, why: 'a WiPy 1' };
  if (identity === null) {
    if (flash !== 'auto') return { sizeBytes: SLOT_BYTES[flash], why: `a module with ${flash} of flash` };
    return { sizeBytes: SLOT_BYTES.old, why: 'a module that does not tell its version' };
  }
  const { board, version } = identity;
  if (compare(numbersOf(version), LAST_WITH_OLD_SLOTS) <= 0) {
    return { sizeBytes: SLOT_BYTES.old, why: `a module with firmware ${version}` };
  }
  if (flash !== 'auto') return { sizeBytes: SLOT_BYTES[flash], why: `a ${board} with ${flash} of flash` };
  return ALWAYS_8MB.includes(board)
    ? { sizeBytes: SLOT_BYTES['8MB'], why: `a ${board}` }
    : { sizeBytes: SLOT_BYTES['4MB'], why: `a ${board}, which may have no more than 4 MB of flash,` };
}

/** `1.20.2.r6` as [1, 20, 2]; letters end it. */
function numbersOf(version: string): readonly number[] {
  return (/^\d+(\.\d+)*/.exec(version)?.[0] ?? '').split('.').map(Number);
}

function compare(left: readonly number[], right: readonly number[]): number {
  for (let at = 0; at < 3; at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
