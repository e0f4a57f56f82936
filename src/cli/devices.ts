import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { heldBy } from '../jobs/held-image.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import { visitorDevices } from '../jobs/pull/visitor-devices.ts';
import type { Device } from '../model/device.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import type { Io } from './io.ts';
import { withJournal } from './journal-file.ts';
import { humanAge, printable, printJson, printLines, tableLines } from './output.ts';

interface DevicesArgs extends CommonOptions {
  readonly config: string;
}

/** Adds `dropflash devices`, which reads the journal, whether or not a daemon runs. */
export function defineDevices(program: Command, run: Run): void {
  const command = program
    .command('devices')
    .summary('the devices that the daemon has met')
    .description(
      'Prints each device that the daemon knows, whether it was there when the daemon last looked (where none runs that may be long ago), and which image it is ' +
        'known to hold. Devices that fetch by themselves are told by user and address.',
    )
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash devices', 'dropflash devices -c site.yaml --json']).action(
    (options: DevicesArgs) => run(options, (io) => withJournal(options, io, (journal) => print(journal, options, io))),
  );
}

function print(journal: Journal, args: DevicesArgs, io: Io): ExitCode {
  const known = [...journal.devices.all(), ...visitorDevices(journal)];
  const devices = known.map((device) => ({ ...device, image: heldBy(device, journal) }));
  if (args.json) printJson(io, devices);
  else if (devices.length === 0) printLines(io.stdout, ['no device was seen yet']);
  else printLines(io.stdout, tableLines([HEADING, ...devices.map((device) => rowOf(device, device.image))]));
  return EXIT.done;
}

const HEADING = ['NAME', 'ADDRESS', 'BOARD', 'PRESENCE', 'LAST SEEN', 'IMAGE', 'PROOF', 'ID'];

function rowOf(device: Device, image: { readonly name: string | null; readonly proof: string } | null): string[] {
  const away = device.serial?.path ?? '-';
  const address = device.address === null ? away : `${device.address}${device.port === null ? '' : `:${device.port}`}`;
  return [
    printable(device.name),
    address,
    printable(device.board ?? device.chip ?? '-'),
    presenceOf(device),
    device.lastSeenMs === null ? 'never' : humanAge(device.lastSeenMs, systemClock.now()),
    printable(image?.name ?? '-'),
    image?.proof ?? '-',
    printable(device.id),
  ];
}

/** The last place that it came to stands first. */
function presenceOf({ presence, visits }: Device): string {
  if (visits === undefined) return presence;
  const [last] = visits;
  return last !== undefined && last.foundNothingMs === last.lastMs ? 'found nothing' : 'visits';
}
