/** What goes wrong with a chip or its line. Every field may be combined with every other; none means a healthy board. */
export interface ChipFaults {
  /** No power: it never says anything. */
  readonly isSilent?: boolean;
  /** The wire from the host is cut: it prints its boot text and hears nothing. */
  readonly isDeaf?: boolean;
  /** BOOT cannot be pulled low: every start is a start from flash. */
  readonly wrongBootMode?: boolean;
  /** Noise ahead of the first answer to SYNC. */
  readonly garbageBeforeSync?: Uint8Array;
  /** The n-th bytes on the way to and from the chip that get lost, counted from 1 since it was made. */
  readonly loseIncoming?: readonly number[];
  readonly loseOutgoing?: readonly number[];
  /** The chip adds up another MD5 than that of its flash. */
  readonly wrongMd5?: boolean;
  /** The page with this byte cannot be written. */
  readonly badByte?: number;
  /** The supply dips when this many bytes have come in: once. */
  readonly brownOutAtByte?: number;
  /** It neither reads nor answers any more when this many bytes have come in, until the next reset. */
  readonly hangAtByte?: number;
  /** The port disappears when this many bytes have come in: once, for `forMs`, or for good. */
  readonly vanish?: { readonly atByte: number; readonly forMs?: number };
  /** Every erase takes so many times longer. */
  readonly slowErase?: number;
  /** `refused`: an error in answer to MEM_END. `mute`: the stub is taken and never announces itself. */
  readonly stub?: 'refused' | 'mute';
  /** What RDID returns: 0x000000 or 0xFFFFFF where no flash chip answers. */
  readonly flashId?: number;
  /** Above this rate both directions are garbage. */
  readonly maxBaudRate?: number;
  /** The faults strike in that many starts only, then the board is healthy. */
  readonly starts?: number;
}

const HEALTHY: ChipFaults = {};

/** The faults that apply to the n-th start, counted from 1. */
export function faultsOfStart(faults: ChipFaults, nth: number): ChipFaults {
  return faults.starts === undefined || nth <= faults.starts ? faults : HEALTHY;
}
