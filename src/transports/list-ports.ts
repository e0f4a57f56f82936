/** A serial port as `SerialPort.list()` knows it; which fields are filled in differs from system to system. */
export interface SystemPort {
  readonly path: string;
  readonly manufacturer?: string | undefined;
  readonly serialNumber?: string | undefined;
  readonly pnpId?: string | undefined;
  readonly locationId?: string | undefined;
  readonly vendorId?: string | undefined;
  readonly productId?: string | undefined;
  /** Windows: `USB-SERIAL CH340 (COM5)`. */
  readonly friendlyName?: string | undefined;
}

/** The serial ports of this machine by the system's own list. Rejects on Linux without udev. The native part is loaded when it is first needed. */
export async function listSystemPorts(): Promise<readonly SystemPort[]> {
  const { SerialPort } = await import('serialport');
  return await SerialPort.list();
}
