import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import { silentLogger } from '../log.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { createNodeLinks } from '../transports/node-links.ts';
import { type CommonOptions, type Run, setOption, withCommonOptions } from './command.ts';
import { flashOptions } from './flash-options.ts';
import type { Io } from './io.ts';
import { printJson, printLines, tableLines } from './output.ts';
import { deviceOfTarget, parseTarget, targetName } from './target.ts';

interface ProbeArgs extends CommonOptions {
  readonly target: string;
  readonly set: readonly string[];
}

/** Adds `dropflash probe`, which needs neither daemon nor config. */
export function defineProbe(program: Command, run: Run): void {
  const command = program
    .command('probe')
    .summary('what is at this address')
    .description('Asks a device what it is. Changes nothing, and needs no password. Devices on ports: dropflash chip.')
    .argument('<target>', 'pycom-ftp://host[:port]')
    .addOption(setOption("an option of the protocol, as in a rule's update:, each by a --set of its own"));
  withCommonOptions(command, [
    'dropflash probe pycom-ftp://192.168.4.1',
    'dropflash probe pycom-ftp://10.0.7.40 --set wait-if-busy=0s --json',
  ]).action((target: string, options: Omit<ProbeArgs, 'target'>) =>
    run(options, (io) => probe({ ...options, target }, io)),
  );
}

async function probe(args: ProbeArgs, io: Io): Promise<ExitCode> {
  const target = parseTarget(args.target);
  const { protocol } = target;
  if (protocol.probe === undefined) {
    throw new FlashError('USAGE_BAD_TARGET', `${protocol.name} has no question that changes nothing`);
  }
  const options = flashOptions(protocol, { set: args.set }, io);
  const [clock, log] = [systemClock, silentLogger];
  const device = deviceOfTarget(target, null, clock.now());
  const request = { device, options, links: createNodeLinks(clock, log), clock, log };
  const facts = await protocol.probe(request, io.signals.stop);
  if (args.json) printJson(io, { protocol: protocol.name, device: targetName(target), facts });
  else printLines(io.stdout, tableLines(Object.entries(facts)));
  return EXIT.done;
}
