import { FlashError } from '../../errors.ts';
import { hexOf } from '../../firmware/bytes.ts';
import { count, hex } from '../../firmware/findings.ts';
import { encodeWords } from './codec.ts';
import { MD5_MS_PER_MB, Op, SECTOR_BYTES, timeoutForSize } from './constants.ts';
import { md5Of, type PreparedImage } from './prepared-image.ts';
import type { ChipSession } from './session.ts';

const MD5_BYTES = 16;
const MD5_HEX_DIGITS = 32;

/** MD5 of a range of flash, computed by the chip; lower case hex. A stub answers in bytes, a ROM in text. */
async function readFlashMd5(session: ChipSession, offset: number, sizeBytes: number): Promise<string> {
  const { data } = await session.loader.command({
    op: Op.SPI_FLASH_MD5,
    data: encodeWords(offset, sizeBytes, 0, 0),
    timeoutMs: timeoutForSize(MD5_MS_PER_MB, sizeBytes),
    payloadBytes: session.isStub ? MD5_BYTES : MD5_HEX_DIGITS,
  });
  return session.isStub ? hexOf(data) : Buffer.from(data).toString('latin1').toLowerCase();
}

/** Whether flash holds exactly this image already. Looks at the first sector first: where that differs the rest need not be read. */
export async function isInFlash(session: ChipSession, offset: number, image: PreparedImage): Promise<boolean> {
  const { bytes, md5 } = image;
  if (bytes.length > SECTOR_BYTES) {
    const first = bytes.subarray(0, SECTOR_BYTES);
    if ((await readFlashMd5(session, offset, first.length)) !== (await md5Of(first))) return false;
  }
  return (await readFlashMd5(session, offset, bytes.length)) === md5;
}

/** @throws FlashError SERIAL_VERIFY_FAILED */
export async function verifyImage(session: ChipSession, offset: number, image: PreparedImage): Promise<void> {
  const found = await readFlashMd5(session, offset, image.bytes.length);
  if (found === image.md5) return;
  const what = `${count(image.bytes.length)} bytes at ${hex(offset)}`;
  throw new FlashError('SERIAL_VERIFY_FAILED', `${what} have MD5 ${found} in flash; ${image.md5} was written`, {
    step: 'write',
    details: { offset, sizeBytes: image.bytes.length, expected: image.md5, found },
  });
}
