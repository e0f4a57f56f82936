import type { FlashMap, UserSlot } from '../../model/image.ts';
import { byteAt } from '../bytes.ts';
import { HEADER_BYTES } from './header.ts';

/** High nibble of header byte 3, as the SDK's tools write it (ESP8266_NONOS_SDK, tools/gen_appbin.py, `flash_size_map`). */
const MAPS: Readonly<Record<number, FlashMap>> = {
  0: '256+256',
  2: '512+512',
  3: '512+512',
  4: '512+512',
  5: '1024+1024',
  6: '1024+1024',
};

/** What each half of a flash map can hold, and where it starts (ESP8266_NONOS_SDK, bin/at/README.md and ld/). */
export const USER_SLOTS: Readonly<
  Record<FlashMap, { readonly user1: number; readonly user2: number; readonly sizeBytes: number }>
> = {
  '256+256': { user1: 0x01000, user2: 0x41000, sizeBytes: 236 * 1024 },
  '512+512': { user1: 0x01000, user2: 0x81000, sizeBytes: 492 * 1024 },
  '1024+1024': { user1: 0x01000, user2: 0x101000, sizeBytes: 1004 * 1024 },
};

/**
 * The slot mark of an image that the SDK's own tools made: byte 2 is 0 and byte 3 the number of the slot. In images of other
 * tools the same bytes are flash settings, of which 1 and 2 with mode 0 do not occur.
 *
 * @param settingsAt offset of the header with the real flash settings; null: this image has none
 */
export function readUserSlot(bytes: Uint8Array, settingsAt: number | null): UserSlot | null {
  const user = byteAt(bytes, 3);
  if (byteAt(bytes, 2) !== 0 || (user !== 1 && user !== 2)) return null;
  const flashMap = settingsAt === null ? null : (MAPS[byteAt(bytes, settingsAt + 3) >> 4] ?? null);
  return { user, flashMap };
}

/** Offset of the second header of a version 2 image, which has the flash settings. */
export function innerHeaderAt(codeBytes: number): number {
  return 2 * HEADER_BYTES + codeBytes;
}
