import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { DeviceRegistry } from '../discovery/registry.ts';
import { FlashError } from '../errors.ts';
import { Journal } from '../jobs/journal/journal.ts';
import { openRuleBook, planContext, type RuleBook } from '../jobs/rule-book.ts';
import { silentLogger } from '../log.ts';
import type { Device } from '../model/device.ts';
import type { FirmwareImage } from '../model/image.ts';
import { PROTOCOLS } from '../protocols/registry.ts';
import { describePlan } from '../rules/describe.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import { configForCommand, DEFAULT_CONFIG } from './config-file.ts';
import type { Io } from './io.ts';
import { printable, printJson, printLines } from './output.ts';
import { describePublications, type PlannedPublication, planPublications } from './plan-publications.ts';
import { readImage } from './read-image.ts';

interface PlanArgs extends CommonOptions {
  readonly image: string;
  readonly config: string;
}

export function definePlan(program: Command, run: Run): void {
  const command = program
    .command('plan')
    .summary('what would happen with an image')
    .description(
      'Prints for each known device whether it would be flashed and by which rule, or why it is left alone. ' +
        'Known are the fixed list and what a daemon has met so far. Changes nothing, sends nothing.',
    )
    .argument('<image>', 'firmware file')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, [
    'dropflash plan sensor-1.4.0.bin',
    'dropflash plan -c site.yaml --json sensor-1.4.0.bin',
  ]).action((image: string, options: Omit<PlanArgs, 'image'>) => run(options, (io) => plan({ ...options, image }, io)));
}

export async function plan(args: PlanArgs, io: Io): Promise<ExitCode> {
  const config = await configForCommand(args, io, 'optional');
  if (config === null) return EXIT.config;
  const image = await readImage(args.image, io.cwd);
  const [problem] = image.dossier.problems;
  if (problem !== undefined) throw new FlashError(problem.code, problem.message);
  const journal = openJournal(config);
  try {
    const rules = openRuleBook(config.rules, planContext(journal, PROTOCOLS));
    const publications = planPublications(image, rules, journal);
    print(image, rules, knownDevices(config, journal), publications, args, io);
    return EXIT.done;
  } finally {
    journal.close();
  }
}

function print(
  image: FirmwareImage,
  rules: RuleBook,
  devices: readonly Device[],
  publications: readonly PlannedPublication[],
  args: PlanArgs,
  io: Io,
): void {
  const { bytes: _tooManyToPrint, ...stored } = image;
  const planned = rules.plan(stored, devices);
  const { reasons } = rules.accepting(stored);
  if (args.json) {
    printJson(io, { ...planned, publications, ruleMisses: reasons });
    return;
  }
  const published = describePublications(publications).map(printable);
  printLines(io.stdout, [
    ...describePlan(planned),
    ...published,
    ...reasons.map((reason) => printable(`  not by ${reason}`)),
  ]);
}

/** Where no daemon has run yet there is no journal, and none is made. */
function openJournal({ dataPath }: Config): Journal {
  const path = Journal.pathIn(dataPath);
  return existsSync(path) ? Journal.openToRead(path) : Journal.open(':memory:');
}

function knownDevices(config: Config, journal: Journal): readonly Device[] {
  const { mdns } = config.discovery;
  const registry = new DeviceRegistry({
    clock: systemClock,
    log: silentLogger,
    services: mdns === false ? [] : mdns.services,
    macOf: () => null,
  });
  registry.restore(journal.devices.all());
  registry.setFixed(config.devices);
  return registry.list();
}
