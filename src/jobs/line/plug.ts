import type { Device, SerialPortFacts } from '../../model/device.ts';
import { ESPRESSIF_VENDOR } from '../../model/usb-ids.ts';

/**
 * A port with something on it. The device stands for the fixture position: the next board on the same socket is the same device until it
 * has said its MAC.
 */
export interface Plug extends Device {
  readonly serial: SerialPortFacts;
}

/** Whether a device is reached through a port. */
export function isPlug(device: Device): device is Plug {
  return device.serial !== null;
}

/** When what happened on a slot before a port appeared there. Monotonic milliseconds. */
export interface SlotPast {
  readonly plug: Plug;
  /** Null while the port is there. */
  readonly goneAtMs: number | null;
  /** The end of the last run; null while it is under way, or where there was none. */
  readonly endedAtMs: number | null;
  readonly isRunning: boolean;
}

/** A restart shows as a loss of the port within this time, and as its return within the other. */
const RESTART_SHOWS_MS = 3_000;
const RETURN_MS = 10_000;

/**
 * Is what has appeared the board that was there already, back on the bus after we restarted it? To take it for a new board would flash it
 * for ever; to take a new board for it would leave that one out.
 */
export function isSamePlug(past: SlotPast, next: Plug, nowMs: number): boolean {
  if (past.goneAtMs === null) return true;
  const [before, after] = [past.plug.serial.usb, next.serial.usb];
  // Chips that are their own USB device leave the bus when they restart. Bridges stay whatever the chip does.
  if (before?.vendorId !== ESPRESSIF_VENDOR || after?.vendorId !== ESPRESSIF_VENDOR) return false;
  const areNamed = isMac(before.serialNumber) && isMac(after.serialNumber);
  if (areNamed && before.serialNumber !== after.serialNumber) return false;
  const isOurDoing = past.isRunning || (past.endedAtMs !== null && past.goneAtMs - past.endedAtMs <= RESTART_SHOWS_MS);
  return isOurDoing && nowMs - past.goneAtMs <= RETURN_MS;
}

/** USB-Serial/JTAG has the chip's MAC as its serial number. */
function isMac(serialNumber: string | null): boolean {
  return serialNumber !== null && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(serialNumber);
}
