import type { UsbFacts } from '../../model/device.ts';
import { fingerprintOf, macOf, trustedSerial } from './fingerprints.ts';
import type { PortListing } from './port-listing.ts';

/**
 * The fixture position that a port stands for, strongest first: the socket it is plugged into (`usb:1-1.4.2`); where the system does not
 * tell that, the adapter itself by its serial number; else the system's name for the port, which on Windows sticks to the socket.
 */
export function slotOf({ path, usb }: PortListing): string {
  if (usb?.location != null) return `usb:${usb.location}`;
  const serialNumber = usb === null ? null : trustedSerial(usb);
  if (usb === null || serialNumber === null) return `port:${path}`;
  return `usb-serial:${hex(usb.vendorId)}:${hex(usb.productId)}/${serialNumber}`;
}

/** Is it certain that these two are one board, which was off the bus for a moment? */
export function isCertainlySame(before: UsbFacts | null, after: UsbFacts | null): boolean {
  const mac = before === null ? null : macOf(before);
  return mac !== null && after !== null && macOf(after) === mac;
}

/** Whether all that USB tells of the two is the same. The system's name for the port may differ. */
export function isSameUsb(before: UsbFacts | null, after: UsbFacts | null): boolean {
  return (
    before?.vendorId === after?.vendorId &&
    before?.productId === after?.productId &&
    before?.serialNumber === after?.serialNumber
  );
}

/** Whether a loss of the port may be no more than a restart of a board that can be known again. */
export function mayReturn(usb: UsbFacts | null): boolean {
  return usb !== null && fingerprintOf(usb).quirks.includes('vanishes-on-reset') && macOf(usb) !== null;
}

function hex(value: number): string {
  return value.toString(16).padStart(4, '0');
}
