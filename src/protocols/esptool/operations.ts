import type { FlashRange } from '../../model/image.ts';
import { eraseAll, eraseRegion } from './erase.ts';
import type { ChipIdentity } from './identify.ts';
import { describeChip } from './identify.ts';
import { readFlash as readRange } from './read.ts';
import { ChipSession, type SessionSettings } from './session.ts';
import { type FlashChip, flashIdText } from './spi-flash.ts';
import { type WriteRequest, type WrittenImage, writeImages as writeTo } from './write-images.ts';

/** What is on a port. */
export interface ChipInfo extends ChipIdentity {
  /** `ESP32-C3 revision 0.4`. */
  readonly description: string;
  readonly flash: (FlashChip & { readonly idText: string }) | null;
  readonly baudRate: number;
}

/** Asks the chip on a port what it is, changing nothing, and lets its application run again. */
export function chipInfo(settings: SessionSettings): Promise<ChipInfo> {
  return withSession(settings, async (session) => infoOf(session));
}

/** Reads a range of flash, or all of it; compared by the chip's MD5. */
export function readFlash(
  settings: SessionSettings,
  range: FlashRange | 'all',
  onProgress: (readBytes: number, totalBytes: number) => void,
): Promise<{ readonly info: ChipInfo; readonly bytes: Uint8Array }> {
  return withSession(settings, async (session) => {
    const whole = { offset: 0, sizeBytes: session.flash?.sizeBytes ?? 0 };
    const wanted = range === 'all' ? whole : range;
    const bytes = await readRange(session, wanted, (readBytes) => onProgress(readBytes, wanted.sizeBytes));
    return { info: infoOf(session), bytes };
  });
}

/** Erases whole sectors, or all of the flash. */
export function eraseFlash(settings: SessionSettings, range: FlashRange | 'all'): Promise<ChipInfo> {
  return withSession(settings, async (session) => {
    await (range === 'all' ? eraseAll(session) : eraseRegion(session, range));
    return infoOf(session);
  });
}

/** Writes images where they belong, and runs the application. */
export function writeImages(
  settings: SessionSettings,
  request: WriteRequest,
): Promise<{ readonly info: ChipInfo; readonly images: readonly WrittenImage[] }> {
  return withSession(settings, async (session) => {
    const images = await writeTo(session, request);
    return { info: infoOf(session), images };
  });
}

/** After the work the application runs again; the port is closed on every path. */
async function withSession<T>(settings: SessionSettings, work: (session: ChipSession) => Promise<T>): Promise<T> {
  const session = await ChipSession.open(settings);
  try {
    const result = await work(session);
    await session.run();
    return result;
  } finally {
    await session.close();
  }
}

function infoOf({ identity, flash, baudRate }: ChipSession): ChipInfo {
  return {
    ...identity,
    description: describeChip(identity),
    flash: flash === null ? null : { ...flash, idText: flashIdText(flash.id) },
    baudRate,
  };
}
