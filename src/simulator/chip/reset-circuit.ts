import type { ResetCircuit } from './chip-spec.ts';

/** Control lines as the host sets them: true is asserted, which is a low level at the board. */
export interface ControlLines {
  readonly dtr: boolean;
  readonly rts: boolean;
}

/** What the lines do to the chip. */
export interface PinLevels {
  /** EN is low: the chip stands still. */
  readonly isHeld: boolean;
  /** BOOT is low, so that a start ends in the loader. */
  readonly isDownload: boolean;
}

/** Neither line pulls: the chip runs. */
export const RELEASED: PinLevels = { isHeld: false, isDownload: false };

/** From the lines and the levels before (esptool documentation, "Boot Mode Selection"). */
export function pinLevels(circuit: ResetCircuit, { dtr, rts }: ControlLines, before: PinLevels): PinLevels {
  if (circuit === 'none' || circuit === 'usb-otg') return RELEASED;
  if (circuit === 'two-transistors') return { isHeld: rts && !dtr, isDownload: dtr && !rts };
  // USB-Serial/JTAG remembers the choice: DTR alone sets it, no line at all clears it.
  const isChosen = dtr === rts ? dtr && before.isDownload : dtr || before.isDownload;
  return { isHeld: rts && !dtr, isDownload: isChosen };
}
