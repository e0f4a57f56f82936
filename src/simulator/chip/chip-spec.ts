import type { Chip } from '../../model/chip.ts';
import type { ChipFaults } from './chip-faults.ts';
import type { ChipTimings } from './chip-timings.ts';
import type { FlashPads } from './flash-pads.ts';

/** What the eFuses of a chip forbid. */
export interface Security {
  readonly secureBoot?: boolean;
  /** What the host writes without the encryption flag does not run; what it reads is not what runs. */
  readonly flashEncryption?: boolean;
  /** Only the commands that write work: no stub, no registers, nothing is read back. */
  readonly secureDownload?: boolean;
}

/**
 * How the host's control lines reach EN and BOOT.
 * - `two-transistors`: DTR alone pulls BOOT low, RTS alone pulls EN low, both together do nothing.
 * - `usb-serial-jtag`: the peripheral of the chip itself: RTS alone resets; DTR before it selects the loader.
 * - `usb-otg`: the USB device that the ROM runs in its loader: no line resets it, its watchdog does.
 * - `none`: no lines; the chip starts into `power`.
 */
export type ResetCircuit = 'two-transistors' | 'usb-serial-jtag' | 'usb-otg' | 'none';

/** A pretend board with an Espressif chip. Everything but name and chip has a default. */
export interface ChipSpec {
  readonly name: string;
  readonly chip: Chip;
  /** Six bytes in hex with colons. Default: made from the name. */
  readonly mac?: string;
  readonly revision?: { readonly major: number; readonly minor: number };
  /** ESP32-P4 v3.2: eFuse DOWNLOAD_MODE_XPD_ON. Default: not burnt. */
  readonly isFlashPoweredByRom?: boolean;
  /** A power of two. Default: 4 MiB. */
  readonly flashBytes?: number;
  /** Of an ESP32 whose flash is in its package. Default: the usual pads. */
  readonly flashPads?: FlashPads;
  /** Contents from the start of the flash; FF behind them. */
  readonly flash?: Uint8Array;
  readonly security?: Security;
  readonly circuit?: ResetCircuit;
  /** What it does when it gets power. Default: `flash`, where there are lines to reset it by; else `download`. */
  readonly power?: 'flash' | 'download';
  /** Packets of READ_FLASH under way at most. Default: 1, as in version 2 of the stub; earlier ones took the host's word. */
  readonly stubWindow?: number;
  /** What the application prints, once the boot loader has started it. */
  readonly appText?: string;
  readonly timings?: Partial<ChipTimings>;
  readonly faults?: ChipFaults;
}

/** What a test may wait for. */
export type ChipEvent =
  | 'started-from-flash'
  | 'started-in-download-mode'
  | 'synced'
  | 'stub-started'
  | 'baud-changed'
  | 'flash-written'
  | 'flash-erased'
  | 'browned-out'
  | 'vanished'
  | 'came-back';

/** What happened to a chip since it was made. */
export interface ChipCounts {
  starts: number;
  /** SYNC frames that it answered. */
  syncs: number;
  bytesReceived: number;
  bytesSent: number;
  bytesWritten: number;
  sectorsErased: number;
}

/** A program that a host loaded into RAM. */
export interface RamUpload {
  readonly entry: number;
  readonly segments: readonly { readonly address: number; readonly bytes: Uint8Array }[];
}
