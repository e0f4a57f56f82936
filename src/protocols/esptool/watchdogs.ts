import { FlashError } from '../../errors.ts';
import type { Chip } from '../../model/chip.ts';
import type { Loader } from './loader.ts';
import { FORCE_DOWNLOAD, REGISTERS, WATCHDOG_KEY, WATCHDOG_RESET } from './registers.ts';

const LOCKED = 0;

/** Turns off what would reset a chip that is itself the USB device during long work: the RTC watchdog and the super watchdog. */
export async function disableWatchdogs(loader: Loader, chip: Chip): Promise<void> {
  const { watchdog } = REGISTERS[chip];
  if (watchdog === null) return;
  await loader.writeRegister(watchdog.protect, WATCHDOG_KEY);
  await loader.writeRegister(watchdog.config0, 0);
  await loader.writeRegister(watchdog.protect, LOCKED);
  await loader.writeRegister(watchdog.swdProtect, watchdog.swdKey);
  const config = await loader.readRegister(watchdog.swdConfig);
  await loader.writeRegister(watchdog.swdConfig, (config | watchdog.swdAutoFeed) >>> 0);
  await loader.writeRegister(watchdog.swdProtect, LOCKED);
}

/** 2000 ticks of the slow clock, then a reset of the whole chip (RTC_CNTL_WDTCONFIG0_REG: enable, stage 0, reset lengths). */
const RESET_AFTER_TICKS = 2000;
const RESET_CONFIG = (2 ** 31 + (5 << 28) + (1 << 8) + 2) >>> 0;
/** How long it takes the watchdog to bite and the chip to start, at the most. */
export const WATCHDOG_RESET_MS = 500;

/** Whether this chip can be reset by its watchdog: the way out for a chip that is itself the USB device and has no reset line. */
export function hasWatchdogReset(chip: Chip): boolean {
  return WATCHDOG_RESET[chip] !== undefined;
}

/**
 * The chip resets within {@link WATCHDOG_RESET_MS}: 15 ms after the word that orders it, which a busy machine may need for the next one. So whatever
 * comes from then on may be the application's already, and that the last word has no answer is no failure.
 */
export async function resetByWatchdog(loader: Loader, chip: Chip): Promise<void> {
  const watchdog = WATCHDOG_RESET[chip];
  if (watchdog === undefined) return;
  const option = FORCE_DOWNLOAD[chip];
  // Set by the reset into download mode; it would come back there (espressif/arduino-esp32#6762).
  if (option !== undefined) await loader.writeRegister(option, ((await loader.readRegister(option)) & ~1) >>> 0);
  await loader.writeRegister(watchdog.protect, WATCHDOG_KEY);
  await loader.writeRegister(watchdog.config1, RESET_AFTER_TICKS);
  loader.frames.restart();
  await loader.writeRegister(watchdog.config0, RESET_CONFIG);
  try {
    await loader.writeRegister(watchdog.protect, LOCKED);
  } catch (error) {
    if (!(error instanceof FlashError && GONE.has(error.code))) throw error;
  }
}

const GONE = new Set(['SERIAL_NO_ANSWER', 'SERIAL_PORT_LOST']);
