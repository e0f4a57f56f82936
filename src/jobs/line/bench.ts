import type { SerialPortFacts } from '../../model/device.ts';
import type { OptionValues } from '../../model/fields.ts';
import type { FirmwareImage, Partition } from '../../model/image.ts';
import type { BoardIdentity, PlacedImage } from '../../model/unit.ts';

/** Called with what is done and what there is to do, in bytes. Never goes back within a step. */
export type OnBytes = (doneBytes: number, totalBytes: number) => void;

/** What a board tells while it is written. */
export interface WriteObserver {
  /** Every guard was asked, and nothing was changed so far; what is thrown here keeps it so. */
  onBegin(): Promise<void>;
  onBytes: OnBytes;
}

/**
 * One board in its loader, as the line and the commands work on it. Every call has deadlines of its own, throws FlashError, and stops at
 * the signal of {@link Bench.connect} by throwing its reason. One call at a time.
 */
export interface Board {
  readonly identity: BoardIdentity;
  /** The rate of the line now. */
  readonly baudRate: number;
  /** How often something had to be begun anew since the connection. */
  readonly retries: number;
  /** The partition table that the board has with these images on it: theirs, else the one in its flash; null: neither has one. */
  partitionsWith(images: readonly FirmwareImage[]): Promise<readonly Partition[] | null>;
  /** Writes images where they belong, and compares. What the flash holds already is left as it is. Resolves with what is there now. */
  write(images: readonly FirmwareImage[], observer: WriteObserver): Promise<readonly PlacedImage[]>;
  /** Writes bytes that are no image into a data partition, and compares. */
  writeData(data: PlacedImage, onBytes: OnBytes): Promise<void>;
  /** Bytes of the flash, compared with the chip's own hash of them. */
  read(offset: number, sizeBytes: number, onBytes: OnBytes): Promise<Uint8Array>;
  /** Starts what is in the flash. `listenAt`: the baud rate of its boot text; null: nobody reads it. Nothing but {@link bootOutput} and {@link close} may follow. */
  restart(listenAt: number | null): Promise<void>;
  /** What the board has printed since its start, at least one byte; null when nothing came in time. */
  bootOutput(timeoutMs: number): Promise<Uint8Array | null>;
  /** Never throws, and is safe to call twice. */
  close(): Promise<void>;
}

/** The way to boards on ports. Production has the ESP loaders behind it, a test whatever it likes. */
export interface Bench {
  /** Opens the port and puts the board into its loader. `signal` is for all that is done with the board. Leaves nothing open where it throws. */
  connect(port: SerialPortFacts, options: OptionValues, signal: AbortSignal): Promise<Board>;
}
