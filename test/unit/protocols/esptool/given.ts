import { silentLogger } from '../../../../src/log.ts';
import type { SerialPortFacts } from '../../../../src/model/device.ts';
import { DEFAULT_SERIAL_OPTIONS } from '../../../../src/protocols/esptool/options.ts';
import type { SessionSettings } from '../../../../src/protocols/esptool/session.ts';
import { quickClock, type ScriptedChip } from '../../../devices/scripted-chip.ts';

export const PORT: SerialPortFacts = { path: '/dev/ttyTEST', usb: null };

/** A session's settings for a scripted chip; `over` replaces fields. */
export function settingsFor(chip: ScriptedChip, over: Partial<SessionSettings> = {}): SessionSettings {
  return {
    ...DEFAULT_SERIAL_OPTIONS,
    port: PORT,
    links: chip.links,
    clock: quickClock,
    log: silentLogger,
    signal: new AbortController().signal,
    ...over,
  };
}
