import { FlashError } from '../../errors.ts';
import { count } from '../../firmware/findings.ts';
import { MEGABYTE } from './constants.ts';
import { prepareImage } from './prepared-image.ts';
import { refuseBeyondReach } from './reach.ts';
import type { ChipSession } from './session.ts';
import { isInFlash } from './verify.ts';
import { writeImage } from './write.ts';

/**
 * Writes the first bytes of flash as they are, in pieces: what is there already is left alone, and what goes wrong is begun again from its
 * piece only. No guard looks at the contents; the caller knows that they are this board's.
 *
 * @throws FlashError SERIAL_*
 */
export async function restoreFlash(
  session: ChipSession,
  bytes: Uint8Array,
  onProgress: (writtenBytes: number, totalBytes: number) => void,
): Promise<void> {
  const flashBytes = session.flash?.sizeBytes ?? null;
  if (flashBytes !== null && bytes.length > flashBytes)
    throw new FlashError('SERIAL_NO_SPACE', `${count(bytes.length)} bytes, and the flash has ${count(flashBytes)}`);
  refuseBeyondReach(session, bytes.length);
  let highest = 0;
  const report = (written: number) => {
    if (written > highest) onProgress(written, bytes.length);
    highest = Math.max(highest, written);
  };
  for (let offset = 0; offset < bytes.length; offset += MEGABYTE) {
    const piece = bytes.subarray(offset, offset + MEGABYTE);
    const image = await prepareImage(piece, session.canInflate);
    session.settings.signal.throwIfAborted();
    const isThere = session.canVerify && (await isInFlash(session, offset, image));
    if (!isThere) {
      const write = { offset, image, verify: true, onProgress: (written: number) => report(offset + written) };
      await writeImage(session, write);
    }
    report(offset + piece.length);
  }
}
