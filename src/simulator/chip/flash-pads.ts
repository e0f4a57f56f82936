import type { Chip } from '../../model/chip.ts';

/** The pads that the flash chip hangs on, by the numbers that eFuses have for them (ESP32 technical reference manual, SPI_PAD_CONFIG). */
export interface FlashPads {
  readonly clk: number;
  readonly q: number;
  readonly d: number;
  readonly cs: number;
  readonly hd: number;
}

/** In the package of an ESP32-PICO-D4. */
export const PICO_D4_PADS: FlashPads = { clk: 6, q: 17, d: 8, cs: 16, hd: 11 };

const FUSES_3 = 0x3ff5a00c;
const FUSES_5 = 0x3ff5a014;

/** The eFuse words that tell; only those of an ESP32 are simulated. Throws a RangeError for another chip. */
export function flashPadFuses(chip: Chip, pads: FlashPads | undefined): readonly (readonly [number, number])[] {
  if (pads === undefined) return [];
  if (chip !== 'esp32') throw new RangeError(`pads of the flash chip are simulated for an esp32, not for ${chip}`);
  const { clk, q, d, cs, hd } = pads;
  return [
    [FUSES_3, hd << 4],
    [FUSES_5, clk | (q << 5) | (d << 10) | (cs << 15)],
  ];
}

/** What SPI_ATTACH has to say for these pads (esptool documentation, "SPI Attach Command"): 0 for the usual ones. */
export function attachWord(pads: FlashPads | undefined): number {
  if (pads === undefined) return 0;
  return pads.clk + pads.q * 2 ** 6 + pads.d * 2 ** 12 + pads.cs * 2 ** 18 + pads.hd * 2 ** 24;
}
