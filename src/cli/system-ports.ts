import type { PortListing } from '../discovery/serial-ports/port-listing.ts';
import { systemPorts } from '../discovery/serial-ports/port-source.ts';
import { listSystemPorts } from '../transports/list-ports.ts';

/** The USB serial ports of this machine. Rejects where the system cannot be asked. */
export function listPorts(): Promise<readonly PortListing[]> {
  return systemPorts(process.platform, listSystemPorts).list();
}
