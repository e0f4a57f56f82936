import type { SerialPortFacts } from '../../model/device.ts';
import type { OptionValues } from '../../model/fields.ts';
import type { FirmwareImage, Partition } from '../../model/image.ts';
import type { BoardIdentity, PlacedImage } from '../../model/unit.ts';

/** Called with what is done and what there is to do, in bytes. Never goes back within a step. */
export type OnBytes = (doneBytes: number, totalBytes: number) => void;

/** Where the parts of one image go on one board. */
export interface Placement {
  readonly images: readonly PlacedImage[];
  /** The partition table that the board has once they are written: the image's own, else the one in its flash; null: neither has one. */
  readonly partitions: readonly Partition[] | null;
}

/**
 * One board in its loader, as the line and the commands work on it. Every call has a deadline of its own, throws FlashError, and stops at
 * the signal by throwing its reason. One call at a time.
 */
export interface Board {
  readonly identity: BoardIdentity;
  /** The rate of the line now. */
  readonly baudRate: number;
  /** How often something had to be begun anew since the connection. */
  readonly retries: number;
  /** Where the image goes, with every guard asked that this board can answer. Changes nothing. */
  place(image: FirmwareImage, signal: AbortSignal): Promise<Placement>;
  /** Writes and compares. What the flash holds already is left as it is. */
  write(images: readonly PlacedImage[], onBytes: OnBytes, signal: AbortSignal): Promise<void>;
  /** Bytes of the flash, compared with the chip's own hash of them. */
  read(offset: number, sizeBytes: number, onBytes: OnBytes, signal: AbortSignal): Promise<Uint8Array>;
  /** Starts what is in the flash. Nothing but {@link bootOutput} and {@link close} may follow. */
  restart(signal: AbortSignal): Promise<void>;
  /** What the board has printed since its start, at least one byte; null when nothing came in time. */
  bootOutput(timeoutMs: number, signal: AbortSignal): Promise<Uint8Array | null>;
  /** Never throws, and is safe to call twice. */
  close(): Promise<void>;
}

/** The way to boards on ports. Production has the ESP loaders behind it, a test whatever it likes. */
export interface Bench {
  /** Opens the port (`/dev/ttyUSB0`, `rfc2217://host:port`) and puts the board into its loader. Leaves nothing open where it throws. */
  connect(port: SerialPortFacts, options: OptionValues, signal: AbortSignal): Promise<Board>;
}
