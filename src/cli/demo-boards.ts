import type { PortListing } from '../discovery/serial-ports/port-listing.ts';
import { Journal } from '../jobs/journal/journal.ts';
import type { Unit } from '../model/unit.ts';
import { BRISK_BOARD } from '../simulator/chip/chip-timings.ts';
import { type Chips, startChips } from '../simulator/chip/chips.ts';

/** Two pretend boards on a USB hub, with nothing in their flash. */
const DEMO_BOARDS = [
  { name: 'gateway on port 1', socket: '1-1' },
  { name: 'gateway on port 2', socket: '1-2' },
] as const;

/** What a person sees in place of a socket. */
export const DEMO_SLOTS = DEMO_BOARDS.map(({ socket }) => ({ name: `usb:${socket}` }));

/**
 * Starts the boards. They sit behind RFC 2217 on the loopback interface: that needs no pseudo-terminal and no rights, and carries the control
 * lines.
 */
export function startDemoBoards(): Promise<Chips> {
  const specs = DEMO_BOARDS.map(({ name }) => ({ name, chip: 'esp8266', medium: 'rfc2217' }) as const);
  return startChips(specs, { timings: BRISK_BOARD });
}

/** The boards as a system would list the ports of a hub. */
export function demoPorts({ boards }: Chips): readonly PortListing[] {
  return boards.flatMap(({ address }, index) => {
    const socket = DEMO_BOARDS[index]?.socket ?? null;
    if (address.kind !== 'rfc2217') return [];
    const usb = { vendorId: 0x10c4, productId: 0xea60, serialNumber: '0001', location: socket };
    return [{ path: `rfc2217://${address.host}:${address.port}`, usb, product: null }];
  });
}

/** The records of runs that have ended, as `dropflash units` reads them. */
export function endedUnits(dataPath: string): readonly Unit[] {
  const journal = Journal.openToRead(Journal.pathIn(dataPath));
  try {
    return journal.units.list({ limit: 100 }).filter(({ endedMs }) => endedMs !== null);
  } finally {
    journal.close();
  }
}
