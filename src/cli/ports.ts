import type { Command } from 'commander';
import { fingerprintOf, LEAST_SCORE, macOf } from '../discovery/serial-ports/fingerprints.ts';
import type { PortListing } from '../discovery/serial-ports/port-listing.ts';
import { slotOf } from '../discovery/serial-ports/slot.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type PortHolder, portHolders } from '../transports/port-holder.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import type { Io } from './io.ts';
import { printable, printJson, printLines, tableLines } from './output.ts';
import { listPorts } from './system-ports.ts';

/** Adds `dropflash ports`, which lists ports and opens none. */
export function definePorts(program: Command, run: Run): void {
  const command = program
    .command('ports')
    .summary('the USB serial ports of this machine')
    .description(
      'Lists the USB serial ports, what is known of the adapter, and who has them open. Opens none of them: what is on a port, "chip" tells.',
    );
  withCommonOptions(command, ['dropflash ports', 'dropflash ports --json']).action((options: CommonOptions) =>
    run(options, (io) => ports(options, io)),
  );
}

/** One port, as `--json` prints it. */
interface PortDocument {
  readonly path: string;
  /** The fixture position: what `slot` is in unit records. */
  readonly slot: string;
  readonly adapter: string | null;
  /** Whether the daemon takes it for a board by itself. */
  readonly isBoard: boolean;
  readonly usb: PortListing['usb'];
  readonly product: string | null;
  /** Where the USB serial number is that. */
  readonly mac: string | null;
  readonly holders: readonly PortHolder[];
}

async function ports(args: CommonOptions, io: Io): Promise<ExitCode> {
  const documents = await Promise.all((await listPorts()).map(documentOf));
  if (args.json) printJson(io, documents);
  else if (documents.length === 0) printLines(io.stdout, ['no USB serial ports']);
  else printLines(io.stdout, tableLines([HEADING, ...documents.map(rowOf)]));
  return EXIT.done;
}

async function documentOf(listing: PortListing): Promise<PortDocument> {
  const { path, usb, product } = listing;
  const fingerprint = usb === null ? null : fingerprintOf(usb);
  return {
    path,
    slot: slotOf(listing),
    adapter: fingerprint?.name ?? null,
    isBoard: (fingerprint?.score ?? 0) >= LEAST_SCORE,
    usb,
    product,
    mac: usb === null ? null : macOf(usb),
    holders: await portHolders(path),
  };
}

const HEADING = ['PORT', 'SLOT', 'USB', 'ADAPTER', 'BOARD', 'SERIAL NUMBER', 'OPEN IN'];

function rowOf({ path, slot, adapter, isBoard, usb, holders }: PortDocument): string[] {
  return [
    printable(path),
    printable(slot),
    usb === null ? '-' : `${hex(usb.vendorId)}:${hex(usb.productId)}`,
    adapter ?? '-',
    isBoard ? 'yes' : 'no',
    printable(usb?.serialNumber ?? '-'),
    printable(holders.map(({ program, pid }) => `${program} (${pid})`).join(', ') || '-'),
  ];
}

function hex(id: number): string {
  return id.toString(16).padStart(4, '0');
}
