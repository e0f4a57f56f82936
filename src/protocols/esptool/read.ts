import { createHash } from 'node:crypto';
import { FlashError } from '../../errors.ts';
import { hexOf } from '../../firmware/bytes.ts';
import { hex } from '../../firmware/findings.ts';
import type { FlashRange } from '../../model/image.ts';
import { withRetries } from './again.ts';
import { encodeWords } from './codec.ts';
import { DEFAULT_TIMEOUT_MS, Op, READ_FRAME_BYTES, READ_FRAMES_IN_FLIGHT, SLOW_READ_BYTES } from './constants.ts';
import { refuseBeyondReach } from './reach.ts';
import type { ChipSession } from './session.ts';

/** A stream that lost a byte cannot be picked up again, so not too much may depend on one. */
const CHUNK_BYTES = 0x40000;
/** Without the stub every 64 bytes are a command. */
const ROM_CHUNK_BYTES = 0x1000;
const MD5_BYTES = 16;

/**
 * Reads flash, in chunks that are compared by the chip's MD5. What is damaged is read again, at last at a lower rate.
 *
 * @throws FlashError SERIAL_*; SERIAL_UNSUPPORTED on an ESP8266 without stub and in secure download mode
 */
export async function readFlash(
  session: ChipSession,
  range: FlashRange,
  onProgress: (readBytes: number) => void = () => undefined,
): Promise<Uint8Array> {
  const end = range.offset + range.sizeBytes;
  const flashBytes = session.flash?.sizeBytes ?? null;
  // The stub would take the order, and never deliver.
  if (flashBytes !== null && end > flashBytes) {
    throw new FlashError('SERIAL_NO_SPACE', `flash ends at ${hex(flashBytes)}; ${hex(end)} cannot be read`);
  }
  refuseBeyondReach(session, end);
  const bytes = new Uint8Array(range.sizeBytes);
  const step = session.isStub ? CHUNK_BYTES : ROM_CHUNK_BYTES;
  for (let at = 0; at < bytes.length; at += step) {
    session.settings.signal.throwIfAborted();
    const sizeBytes = Math.min(step, bytes.length - at);
    const chunk = await readChunk(session, { offset: range.offset + at, sizeBytes }, (read) => onProgress(at + read));
    bytes.set(chunk, at);
  }
  return bytes;
}

function readChunk(
  session: ChipSession,
  range: FlashRange,
  onProgress: (readBytes: number) => void,
): Promise<Uint8Array> {
  const { log } = session.settings;
  return withRetries(
    session,
    () => (session.isStub ? readByStub(session, range, onProgress) : readByRom(session, range)),
    ({ code }, attempt) => log.warn('serial.read-again', { code, ...range, attempt, baudRate: session.baudRate }),
  );
}

/** Raw frames of flash, each acknowledged by the count of bytes so far, and their MD5 at the end (esp-flasher-stub, READ_FLASH). */
async function readByStub(
  session: ChipSession,
  { offset, sizeBytes }: FlashRange,
  onProgress: (readBytes: number) => void,
): Promise<Uint8Array> {
  const { loader } = session;
  const { frames } = loader;
  const data = encodeWords(offset, sizeBytes, READ_FRAME_BYTES, READ_FRAMES_IN_FLIGHT);
  await loader.command({ op: Op.READ_FLASH, data });
  const bytes = new Uint8Array(sizeBytes);
  const hash = createHash('md5');
  for (let at = 0; at < sizeBytes; ) {
    const frame = await nextFrame(session, at, offset);
    if (frame.length !== Math.min(READ_FRAME_BYTES, sizeBytes - at)) throw lost(offset + at, `${frame.length} bytes`);
    bytes.set(frame, at);
    hash.update(frame);
    at += frame.length;
    await frames.send(encodeWords(at));
    onProgress(at);
  }
  const md5 = await nextFrame(session, sizeBytes, offset);
  if (md5.length !== MD5_BYTES || hexOf(md5) !== hash.digest('hex')) throw lost(offset, 'another MD5');
  return bytes;
}

async function nextFrame(session: ChipSession, at: number, offset: number): Promise<Uint8Array> {
  const frame = await session.loader.frames.find((found) => found, DEFAULT_TIMEOUT_MS);
  if (frame !== null) return frame;
  throw new FlashError(
    'SERIAL_NO_ANSWER',
    `reading stopped at ${hex(offset + at)}: nothing for ${DEFAULT_TIMEOUT_MS} ms`,
  );
}

function lost(offset: number, what: string): FlashError {
  return new FlashError('SERIAL_LINE_NOISE', `what was read from ${hex(offset)} on arrived damaged (${what})`);
}

async function readByRom(session: ChipSession, { offset, sizeBytes }: FlashRange): Promise<Uint8Array> {
  if (!session.canVerify) {
    throw new FlashError('SERIAL_UNSUPPORTED', 'the loader in the ROM of this chip cannot read flash');
  }
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += SLOW_READ_BYTES) {
    const wanted = Math.min(SLOW_READ_BYTES, sizeBytes - at);
    const { data } = await session.loader.command({
      op: Op.READ_FLASH_SLOW,
      data: encodeWords(offset + at, wanted),
      payloadBytes: SLOW_READ_BYTES,
    });
    bytes.set(data.subarray(0, wanted), at);
  }
  return bytes;
}
