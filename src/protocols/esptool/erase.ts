import { FlashError } from '../../errors.ts';
import { hex } from '../../firmware/findings.ts';
import type { FlashRange } from '../../model/image.ts';
import { encodeWords } from './codec.ts';
import { CHIP_ERASE_TIMEOUT_MS, ERASE_MS_PER_MB, Op, SECTOR_BYTES, timeoutForSize } from './constants.ts';
import { describeChip } from './identify.ts';
import { refuseBeyondReach } from './reach.ts';
import type { ChipSession } from './session.ts';
import { begin } from './write.ts';

/**
 * Erases a range of whole sectors. Behind the end of the flash chip its addresses begin anew: that would erase what stands at its start.
 *
 * @throws FlashError SERIAL_WRONG_PLACE, SERIAL_NO_SPACE with nothing changed
 */
export async function eraseRegion(session: ChipSession, { offset, sizeBytes }: FlashRange): Promise<void> {
  if (offset % SECTOR_BYTES !== 0 || sizeBytes % SECTOR_BYTES !== 0 || sizeBytes === 0) {
    const range = `${hex(offset)} to ${hex(offset + sizeBytes)}`;
    throw new FlashError('SERIAL_WRONG_PLACE', `${range} are not whole sectors of ${SECTOR_BYTES} bytes`);
  }
  const flashBytes = session.flash?.sizeBytes ?? null;
  if (flashBytes !== null && offset + sizeBytes > flashBytes) {
    const message = `${hex(offset)} to ${hex(offset + sizeBytes)} reaches over the end of the flash at ${hex(flashBytes)}`;
    throw new FlashError('SERIAL_NO_SPACE', message);
  }
  refuseBeyondReach(session, offset + sizeBytes);
  if (!session.isStub) return begin(session, Op.FLASH_BEGIN, { eraseBytes: sizeBytes, blocks: 0, offset });
  const timeoutMs = timeoutForSize(ERASE_MS_PER_MB, sizeBytes);
  await session.loader.command({ op: Op.ERASE_REGION, data: encodeWords(offset, sizeBytes), timeoutMs });
}

/** Erases all of the flash chip. */
export async function eraseAll(session: ChipSession): Promise<void> {
  if (session.isStub) {
    const timeoutMs = Math.max(CHIP_ERASE_TIMEOUT_MS, timeoutForSize(ERASE_MS_PER_MB, session.flash?.sizeBytes ?? 0));
    await session.loader.command({ op: Op.ERASE_FLASH, data: new Uint8Array(), timeoutMs });
    return;
  }
  if (session.identity.security.isSecureDownload) {
    const what = `${describeChip(session.identity)} in secure download mode does not tell how large its flash is; a region can be erased`;
    throw new FlashError('SERIAL_UNSUPPORTED', what);
  }
  const sizeBytes = session.flash?.sizeBytes ?? null;
  if (sizeBytes === null) throw new FlashError('SERIAL_NO_FLASH', 'the size of the flash chip is not known');
  await eraseRegion(session, { offset: 0, sizeBytes });
}
