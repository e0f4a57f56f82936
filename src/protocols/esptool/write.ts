import { withRetries } from './again.ts';
import { encodeWords } from './codec.ts';
import { ERASE_MS_PER_MB, Op, timeoutForSize, WRITE_MS_PER_MB } from './constants.ts';
import { esp8266RomEraseSize } from './erase-size.ts';
import { blocksOf, inflatedSizes, type PreparedImage } from './prepared-image.ts';
import type { ChipSession } from './session.ts';
import { verifyImage } from './verify.ts';

/** One image at its place. */
export interface ImageWrite {
  /** A multiple of 4096. */
  readonly offset: number;
  readonly image: PreparedImage;
  /** Compare the chip's MD5 afterwards, where the loader has one. */
  readonly verify: boolean;
  /** Bytes of the image, not of what is sent: from 0 to its size, going back to 0 when it is begun again. */
  onProgress(writtenBytes: number): void;
}

/**
 * Writes one image, erasing as it goes, and compares. What goes wrong on the way is begun again from the start of the image: the chip's
 * inflater cannot go back, and a block that it may have taken must not be sent twice.
 *
 * @throws FlashError SERIAL_*; the signal's reason, between blocks
 */
export function writeImage(session: ChipSession, write: ImageWrite): Promise<void> {
  const { log } = session.settings;
  return withRetries(
    session,
    () => writeOnce(session, write),
    ({ code }, attempt) => {
      log.warn('serial.write-again', { code, offset: write.offset, attempt, baudRate: session.baudRate });
    },
  );
}

async function writeOnce(session: ChipSession, write: ImageWrite): Promise<void> {
  write.onProgress(0);
  if (session.canInflate && write.image.deflated !== null) await writeDeflated(session, write, write.image.deflated);
  else await writePlain(session, write);
  if (write.verify && session.canVerify) await verifyImage(session, write.offset, write.image);
}

/** FLASH_DEFL_BEGIN, _DATA and _END (esptool documentation, "Writing Compressed Data"). */
async function writeDeflated(session: ChipSession, write: ImageWrite, deflated: Uint8Array): Promise<void> {
  const { loader, flashBlockBytes, settings } = session;
  const sizeBytes = write.image.bytes.length;
  const blocks = blocksOf(deflated, flashBlockBytes);
  // A stub erases what it is about to write; a ROM erases all of it first, in whole blocks.
  const eraseBytes = session.isStub ? sizeBytes : Math.ceil(sizeBytes / flashBlockBytes) * flashBlockBytes;
  await begin(session, Op.FLASH_DEFL_BEGIN, { eraseBytes, blocks: blocks.length, offset: write.offset });
  const sizes = await inflatedSizes(blocks);
  let written = 0;
  for (const [sequence, block] of blocks.entries()) {
    settings.signal.throwIfAborted();
    // The stub answers before it has written a block: what the last one takes is waited for now.
    const busyBytes = (sizes[sequence] ?? 0) + (sizes[sequence - 1] ?? 0);
    await loader.block(Op.FLASH_DEFL_DATA, block, sequence, timeoutForSize(WRITE_MS_PER_MB, busyBytes));
    written += sizes[sequence] ?? 0;
    write.onProgress(Math.min(written, sizeBytes));
  }
  await end(session, Op.FLASH_DEFL_END, sizes.at(-1) ?? 0);
}

async function writePlain(session: ChipSession, write: ImageWrite): Promise<void> {
  const { loader, flashBlockBytes, settings } = session;
  const { bytes } = write.image;
  const blocks = blocksOf(bytes, flashBlockBytes);
  await begin(session, Op.FLASH_BEGIN, { eraseBytes: bytes.length, blocks: blocks.length, offset: write.offset });
  for (const [sequence, block] of blocks.entries()) {
    settings.signal.throwIfAborted();
    const timeoutMs = timeoutForSize(WRITE_MS_PER_MB, 2 * flashBlockBytes);
    await loader.block(Op.FLASH_DATA, filled(block, flashBlockBytes), sequence, timeoutMs);
    write.onProgress(Math.min((sequence + 1) * flashBlockBytes, bytes.length));
  }
  await end(session, Op.FLASH_END, flashBlockBytes);
}

/** The last block of a plain image is filled up with what erased flash reads as. */
function filled(block: Uint8Array, blockBytes: number): Uint8Array {
  if (block.length === blockBytes) return block;
  const whole = new Uint8Array(blockBytes).fill(0xff, block.length);
  whole.set(block);
  return whole;
}

interface Begin {
  readonly eraseBytes: number;
  readonly blocks: number;
  readonly offset: number;
}

/** Also erases without writing, on a ROM: `blocks` 0. */
export async function begin(
  session: ChipSession,
  op: typeof Op.FLASH_BEGIN | typeof Op.FLASH_DEFL_BEGIN,
  { eraseBytes, blocks, offset }: Begin,
): Promise<void> {
  const { chip } = session.identity;
  const isEsp8266Rom = !session.isStub && chip === 'esp8266';
  const told = isEsp8266Rom ? esp8266RomEraseSize(offset, eraseBytes) : eraseBytes;
  const words = [told, blocks, session.flashBlockBytes, offset];
  // ROMs from the ESP32-S2 on want to know whether to encrypt; older ones refuse the word.
  const PLAIN = 0;
  if (!session.isStub && chip !== 'esp8266' && chip !== 'esp32') words.push(PLAIN);
  const timeoutMs = timeoutForSize(ERASE_MS_PER_MB, session.isStub ? 0 : eraseBytes);
  await session.loader.command({ op, data: encodeWords(...words), timeoutMs });
}

/** A stub tells of a failed last block, and of a broken zlib stream, only now. A ROM would leave its loader. */
async function end(
  session: ChipSession,
  op: typeof Op.FLASH_END | typeof Op.FLASH_DEFL_END,
  lastBlockBytes: number,
): Promise<void> {
  if (!session.isStub) return;
  const STAY = 1;
  await session.loader.command({
    op,
    data: encodeWords(STAY),
    timeoutMs: timeoutForSize(WRITE_MS_PER_MB, lastBlockBytes),
  });
}
