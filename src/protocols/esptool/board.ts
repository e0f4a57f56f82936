import type { Clock } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { SerialPortFacts } from '../../model/device.ts';
import type { OptionValues } from '../../model/fields.ts';
import type { FirmwareImage, Partition } from '../../model/image.ts';
import type { BoardIdentity, PlacedImage } from '../../model/unit.ts';
import type { Links } from '../../transports/links.ts';
import { readBoardTable } from './board-table.ts';
import { describeChip } from './identify.ts';
import { readOptions, type SerialOptions } from './options.ts';
import type { PreparedImages } from './prepared-image.ts';
import { readFlash } from './read.ts';
import { restoreFlash } from './restore.ts';
import { ChipSession } from './session.ts';
import { flashIdText } from './spi-flash.ts';
import { unpackImages } from './unpack.ts';
import { writeImages, writePlaced } from './write-images.ts';

type OnBytes = (doneBytes: number, totalBytes: number) => void;

/** What every conversation with a board needs beside its port. */
export interface BoardSurroundings {
  readonly links: Pick<Links, 'openSerial'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly prepared: PreparedImages;
}

/**
 * Opens a port and puts the board behind it into its loader, for work in several steps. `signal` is for all that is done with the board.
 *
 * @throws FlashError SERIAL_*; leaves nothing open
 */
export async function connectBoard(
  port: SerialPortFacts,
  values: OptionValues,
  around: BoardSurroundings,
  signal: AbortSignal,
): Promise<EspBoard> {
  const options = readOptions(values);
  const session = await ChipSession.open({ ...options, port, signal, ...around });
  try {
    return new EspBoard(session, identityOf(session), options, around.prepared);
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** A board is known by its MAC; without it, no record could say which one it was. */
function identityOf({ identity, flash }: ChipSession): BoardIdentity {
  const { chip, revision, mac, security } = identity;
  if (mac === null) {
    const what = `${describeChip(identity)} in secure download mode tells neither its MAC nor what is in its flash`;
    throw new FlashError('SERIAL_UNSUPPORTED', what);
  }
  return {
    chip,
    revision,
    mac,
    flashId: flash === null ? null : flashIdText(flash.id),
    flashSizeBytes: flash?.sizeBytes ?? null,
    hasFlashEncryption: security.hasFlashEncryption,
  };
}

/** One board in its loader. Each call has deadlines of its own, and throws FlashError or the signal's reason. One call at a time. */
export class EspBoard {
  readonly identity: BoardIdentity;
  readonly #session: ChipSession;
  readonly #options: SerialOptions;
  readonly #prepared: PreparedImages;

  constructor(session: ChipSession, identity: BoardIdentity, options: SerialOptions, prepared: PreparedImages) {
    this.#session = session;
    this.identity = identity;
    this.#options = options;
    this.#prepared = prepared;
  }

  /** The rate of the line now. */
  get baudRate(): number {
    return this.#session.baudRate;
  }

  /** How often something had to be begun anew since the connection. */
  get retries(): number {
    return this.#session.recoveries;
  }

  /** The partition table that the board has with these images on it: theirs, else the one in its flash; null: neither has one. */
  async partitionsWith(images: readonly FirmwareImage[]): Promise<readonly Partition[] | null> {
    const { identity, flash } = this.#session;
    const board = {
      chip: identity.chip,
      flashSizeBytes: flash?.sizeBytes ?? null,
      isEncrypted: identity.security.hasFlashEncryption,
    };
    const set = await unpackImages(images.map(placedByKind), board, this.#options.settings, this.#prepared);
    const own = set.images.find(({ dossier }) => dossier.partitions !== null)?.dossier.partitions;
    return own ?? (await readBoardTable(this.#session))?.partitions ?? null;
  }

  /** Writes images where they belong, and compares. What the flash holds already is left as it is. Resolves with what is there now. */
  async write(
    images: readonly FirmwareImage[],
    observer: { onBegin(): Promise<void>; onBytes: OnBytes },
  ): Promise<readonly PlacedImage[]> {
    const [first, ...others] = images;
    const placed = first === undefined ? [] : [{ ...first, offset: this.#options.offset }, ...others.map(placedByKind)];
    return writeImages(this.#session, {
      images: placed,
      options: this.#options,
      prepared: this.#prepared,
      onBegin: () => observer.onBegin(),
      onProgress: observer.onBytes,
    });
  }

  /** Writes bytes that are no image into a data partition, and compares. */
  async writeData(data: PlacedImage, onBytes: OnBytes): Promise<void> {
    await writePlaced(this.#session, data, { options: this.#options, onProgress: onBytes });
  }

  /** Bytes of the flash, compared with the chip's own hash of them. */
  read(offset: number, sizeBytes: number, onBytes: OnBytes): Promise<Uint8Array> {
    return readFlash(this.#session, { offset, sizeBytes }, (readBytes) => onBytes(readBytes, sizeBytes));
  }

  /** Writes the first bytes of the flash as they are, headers and all, and compares. No guard looks at the contents. */
  restore(bytes: Uint8Array, onBytes: OnBytes): Promise<void> {
    return restoreFlash(this.#session, bytes, onBytes);
  }

  /** Starts what is in the flash. `listenAt`: the baud rate of its boot text; null: nobody reads it. */
  async restart(listenAt: number | null): Promise<void> {
    await this.#session.run(listenAt);
  }

  /** What the board has printed since its start, at least one byte; null when nothing came in time. */
  bootOutput(timeoutMs: number): Promise<Uint8Array | null> {
    return this.#session.output(timeoutMs);
  }

  /** Never throws, and is safe to call twice. */
  close(): Promise<void> {
    return this.#session.close();
  }
}

function placedByKind(image: FirmwareImage): FirmwareImage & { readonly offset: 'auto' } {
  return { ...image, offset: 'auto' };
}
