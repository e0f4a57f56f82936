import type { SerialPortFacts } from '../../model/device.ts';
import type { SystemPort } from '../../transports/list-ports.ts';

/** One serial port as the system lists it. */
export interface PortListing extends SerialPortFacts {
  /** What the USB device calls itself, where it says so. For people. */
  readonly product: string | null;
}

/** Lists the ports there are now. Rejects where the system cannot be asked. */
export type PortLister = () => Promise<readonly PortListing[]>;

/** A port of the system's own list in our words; null for one that is not on USB. */
export function fromSystemPort(port: SystemPort): PortListing | null {
  const [vendorId, productId] = [hexNumber(port.vendorId), hexNumber(port.productId)];
  if (vendorId === null || productId === null) return null;
  return {
    path: callOutPath(port.path),
    usb: {
      vendorId,
      productId,
      serialNumber: serialNumberOf(port),
      location: locationOf(port),
    },
    product: port.friendlyName ?? port.manufacturer ?? null,
  };
}

/** `10c4`, `0x10c4`. */
function hexNumber(text: string | undefined): number | null {
  const [, digits] = /^(?:0x)?([0-9a-f]{1,4})$/i.exec(text?.trim() ?? '') ?? [];
  return digits === undefined ? null : Number.parseInt(digits, 16);
}

/** macOS has two devices for a port; opening `tty.` waits for a carrier, which no board gives. */
function callOutPath(path: string): string {
  return path.replace(/^\/dev\/tty\./, '/dev/cu.');
}

/**
 * Windows makes up an instance id for a device without a serial number (`5&10A8BB97&0&3`), and for each function of one with several.
 * It names a place in Windows' own books, and not the device.
 */
function serialNumberOf({ serialNumber }: SystemPort): string | null {
  const text = serialNumber?.trim() ?? '';
  return text === '' || text.includes('&') ? null : text;
}

/**
 * macOS gives bus and ports as hex digits (`14241000`: bus 0x14, ports 2, 4, 1); Linux' way of writing that is `20-2.4.1`. Windows says
 * `Port_#0003.Hub_#0001`, where the hub's number changes with the order of plugging in: of no use as a place by itself.
 */
function locationOf({ locationId }: SystemPort): string | null {
  const [, bus, ports] = /^(?:0x)?([0-9a-f]{2})([0-9a-f]{6})$/i.exec(locationId?.trim() ?? '') ?? [];
  if (bus === undefined || ports === undefined) return null;
  const path = [...ports.replace(/0+$/, '')].map((digit) => Number.parseInt(digit, 16));
  return path.length === 0 ? null : `${Number.parseInt(bus, 16)}-${path.join('.')}`;
}
