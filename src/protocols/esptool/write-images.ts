import { FlashError } from '../../errors.ts';
import { readDossier } from '../../firmware/dossier.ts';
import { hex } from '../../firmware/findings.ts';
import type { Chip } from '../../model/chip.ts';
import type { FlashRange, ImageKind } from '../../model/image.ts';
import type { PlacedImage } from '../../model/unit.ts';
import { readBoardTable } from './board-table.ts';
import { eraseAll, eraseRegion } from './erase.ts';
import { type FlashSettings, withFlashSettings } from './flash-settings.ts';
import type { SerialOptions } from './options.ts';
import { hasPartitions, type ImageToPlace, type Placement, placeImages } from './placement.ts';
import { type PreparedImage, type PreparedImages, prepareImage } from './prepared-image.ts';
import { refuseBeyondReach } from './reach.ts';
import { refuseUnsafe } from './safety.ts';
import type { ChipSession } from './session.ts';
import { unpackImages } from './unpack.ts';
import { isInFlash } from './verify.ts';
import { writeImage } from './write.ts';

/** Images for one board, and who is told how far they are. */
export interface WriteRequest {
  readonly images: readonly ImageToPlace[];
  readonly options: Omit<SerialOptions, 'offset' | 'baudRate' | 'reset' | 'useStub'>;
  readonly prepared: PreparedImages;
  /** Everything was checked: from now on the flash changes. */
  onBegin(placements: readonly Placement[]): void | Promise<void>;
  /** Of all images together; never goes back. */
  onProgress(writtenBytes: number, totalBytes: number): void;
}

/** What became of one image. */
export interface WrittenImage extends Placement {
  /** `identical`: it was there already and was left alone. */
  readonly outcome: 'written' | 'identical';
  /** The chip's MD5 over it is right. */
  readonly isVerified: boolean;
  readonly md5: string;
}

/**
 * Writes images to the chip of a session: decides where each goes, refuses what would harm, writes what is not there already, compares.
 *
 * @throws FlashError SERIAL_*, IMAGE_*; until `onBegin` nothing on the chip was changed
 */
export async function writeImages(session: ChipSession, request: WriteRequest): Promise<WrittenImage[]> {
  const { placements, erase } = await plan(session, request);
  const { options } = request;
  const prepared = await Promise.all(
    placements.map(({ bytes }) => request.prepared.prepare(bytes, session.canInflate)),
  );
  session.settings.signal.throwIfAborted();
  await request.onBegin(placements);
  if (options.eraseAll) await eraseAll(session);
  for (const range of erase) await eraseRegion(session, range);
  const progress = new Progress(placements, request.onProgress);
  const written: WrittenImage[] = [];
  for (const [index, placement] of placements.entries()) {
    const image = prepared[index];
    if (image !== undefined) written.push(await writeOne(session, { placement, image, progress, options }));
  }
  return written;
}

/**
 * Writes bytes that are no file's into a data partition of the table that is in flash now, and compares.
 *
 * @throws FlashError SERIAL_*
 */
export async function writePlaced(
  session: ChipSession,
  data: PlacedImage,
  { options, onProgress }: Pick<WriteRequest, 'options' | 'onProgress'>,
): Promise<void> {
  const { identity, flash } = session;
  const board = { chip: identity.chip, flashSizeBytes: flash?.sizeBytes ?? null, table: await readBoardTable(session) };
  const [placement] = placeImages(
    [{ ...data, dossier: { ...readDossier(data.bytes, data.name), kind: 'data' } }],
    board,
  );
  if (placement === undefined) return;
  refuseBeyondReach(session, placement.offset + placement.bytes.length);
  const image = await prepareImage(data.bytes, session.canInflate);
  const progress = new Progress([placement], onProgress);
  await writeOne(session, { placement, image, progress, options: { ...options, eraseAll: false } });
}

interface Plan {
  readonly placements: readonly Placement[];
  readonly erase: readonly FlashRange[];
}

async function plan(session: ChipSession, { images, options, prepared }: WriteRequest): Promise<Plan> {
  const { identity } = session;
  const { chip, security } = identity;
  const flashSizeBytes = session.flash?.sizeBytes ?? null;
  const board = { chip, flashSizeBytes, isEncrypted: security.hasFlashEncryption };
  const set = await unpackImages(images, board, options.settings, prepared);
  const settings = resolved(set.settings, flashSizeBytes);
  refuseUnsafe(
    set.images,
    { ...identity, flashSizeBytes },
    { allowSecure: options.allowSecure, replacesFlashSize: settings.sizeBytes !== null },
  );
  const isSecured = security.hasSecureBoot || security.hasFlashEncryption;
  if (isSecured && Object.values(settings).some((value) => value !== null)) {
    throw new FlashError('SERIAL_SECURED', 'flash settings cannot be changed on a chip with secure boot or encryption');
  }
  const table = set.images.some((image) => needsTable(image, chip)) ? await readBoardTable(session) : null;
  const placements = placeImages(set.images, { chip, flashSizeBytes, table });
  for (const { offset, bytes } of placements) refuseBeyondReach(session, offset + bytes.length);
  for (const { offset, sizeBytes } of set.erase) refuseBeyondReach(session, offset + sizeBytes);
  return {
    placements: placements.map((one) => ({ ...one, bytes: withFlashSettings(one, chip, settings) })),
    erase: set.erase,
  };
}

function resolved(settings: SerialOptions['settings'], flashSizeBytes: number | null): FlashSettings {
  const { sizeBytes } = settings;
  return { ...settings, sizeBytes: sizeBytes === 'detect' ? flashSizeBytes : sizeBytes };
}

const NEEDS_TABLE: readonly ImageKind[] = ['app', 'otadata', 'filesystem', 'data', 'partition-table'];

/** Applications of an ESP8266 have one place, but for those of the RTOS SDK. */
function needsTable(image: ImageToPlace, chip: Chip): boolean {
  const { kind } = image.dossier;
  return kind === 'app' ? hasPartitions(image, chip) : NEEDS_TABLE.includes(kind);
}

interface OneWrite {
  readonly placement: Placement;
  readonly image: PreparedImage;
  readonly progress: Progress;
  readonly options: WriteRequest['options'];
}

async function writeOne(
  session: ChipSession,
  { placement, image, progress, options }: OneWrite,
): Promise<WrittenImage> {
  const { log } = session.settings;
  const { offset, name } = placement;
  const result = { ...placement, md5: image.md5 };
  if (options.skipIdentical && session.canVerify && !options.eraseAll && (await isInFlash(session, offset, image))) {
    log.info('serial.identical', { image: name, offset: hex(offset) });
    progress.finish(image.bytes.length);
    return { ...result, outcome: 'identical', isVerified: true };
  }
  log.debug('serial.write', { image: name, reason: placement.reason, baudRate: session.baudRate });
  const onProgress = (writtenBytes: number) => progress.report(writtenBytes);
  await writeImage(session, { offset, image, verify: options.verify, onProgress });
  progress.finish(image.bytes.length);
  return { ...result, outcome: 'written', isVerified: options.verify && session.canVerify };
}

/** Adds up images; an image that is begun again does not make the sum go back. */
class Progress {
  readonly #totalBytes: number;
  readonly #onProgress: WriteRequest['onProgress'];
  #finishedBytes = 0;
  #highest = 0;

  constructor(placements: readonly Placement[], onProgress: WriteRequest['onProgress']) {
    this.#totalBytes = placements.reduce((sum, { bytes }) => sum + bytes.length, 0);
    this.#onProgress = onProgress;
  }

  report(writtenBytes: number): void {
    const sum = Math.min(this.#finishedBytes + writtenBytes, this.#totalBytes);
    if (sum <= this.#highest) return;
    this.#highest = sum;
    this.#onProgress(sum, this.#totalBytes);
  }

  finish(imageBytes: number): void {
    this.report(imageBytes);
    this.#finishedBytes += imageBytes;
  }
}
