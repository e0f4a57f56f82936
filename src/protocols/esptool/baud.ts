import { type Clock, sleep } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import { encodeWords } from './codec.ts';
import { BAUD_SETTLE_MS, Op, ROM_BAUD_RATE } from './constants.ts';
import type { Loader } from './loader.ts';
import { CHIP_MAGIC_REGISTER } from './registers.ts';

/** Rates that are fallen back to, fastest first. */
const LADDER = [921_600, 460_800, 230_400, ROM_BAUD_RATE] as const;

/** The rate to go on with when `baudRate` does not work; null: there is no lower one. */
export function lowerBaudRate(baudRate: number): number | null {
  return LADDER.find((rate) => rate < baudRate) ?? null;
}

const PROBES = 2;
const PROBE_TIMEOUT_MS = 500;

/** Rates in baud; `from` is the one that both ends have now. */
export interface BaudChange {
  readonly loader: Loader;
  readonly from: number;
  readonly to: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Changes the rate at both ends, and tries it.
 *
 * @returns false when nothing sensible came back at the new rate: the chip is out of reach until it is reset
 */
export async function changeBaudRate({ loader, from, to, clock, signal }: BaudChange): Promise<boolean> {
  const { frames } = loader;
  // The stub wants to know the rate it is spoken to at, a ROM wants 0.
  await loader.command({ op: Op.CHANGE_BAUDRATE, data: encodeWords(to, loader.dialect === 'stub' ? from : 0) });
  try {
    await frames.link.setBaudRate(to);
  } catch (error) {
    if (error instanceof FlashError && error.code === 'SERIAL_BAUD_REFUSED') return false;
    throw error;
  }
  await sleep(clock, BAUD_SETTLE_MS, signal);
  frames.restart();
  return probe(loader);
}

async function probe(loader: Loader): Promise<boolean> {
  for (let attempt = 0; attempt < PROBES; attempt++) {
    try {
      await loader.readRegister(CHIP_MAGIC_REGISTER, PROBE_TIMEOUT_MS);
      return true;
    } catch (error) {
      if (!(error instanceof FlashError) || error.disposition !== 'retry' || error.code === 'SERIAL_PORT_LOST')
        throw error;
    }
  }
  return false;
}
