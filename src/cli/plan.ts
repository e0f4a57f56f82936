import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { DeviceRegistry } from '../discovery/registry.ts';
import { FlashError } from '../errors.ts';
import { Journal } from '../jobs/journal/journal.ts';
import { openRuleBook, planContext } from '../jobs/rule-book.ts';
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
import { describePublications, planPublications } from './plan-publications.ts';
import {
  describePlannedRelease,
  type PlannedRelease,
  type PlanningWorld,
  planRelease,
  planTogether,
} from './plan-release.ts';
import { readImage } from './read-image.ts';
import { readGivenRelease } from './read-release.ts';

interface PlanArgs extends CommonOptions {
  readonly image: string;
  readonly config: string;
}

/** Adds `dropflash plan`, which reads config and journal, and changes nothing. */
export function definePlan(program: Command, run: Run): void {
  const command = program
    .command('plan')
    .summary('what would happen with an image')
    .description(
      'Prints for each known device whether it would be flashed and by which rule, or why it is left alone. ' +
        'Known are the fixed list and what a daemon has met so far. Changes nothing, sends nothing.',
    )
    .argument('<image>', 'firmware file, or release (an archive, a folder, a release.yaml)')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, [
    'dropflash plan sensor-1.4.0.bin',
    'dropflash plan -c site.yaml --json sensor-1.4.0.bin',
  ]).action((image: string, options: Omit<PlanArgs, 'image'>) => run(options, (io) => plan({ ...options, image }, io)));
}

/** Prints what would happen with an image, from the journal and the config, and changes nothing. */
export async function plan(args: PlanArgs, io: Io): Promise<ExitCode> {
  const config = await configForCommand(args, io, 'optional');
  if (config === null) return EXIT.config;
  const known = config.rules.map(({ name }) => name);
  const release = await readGivenRelease(args.image, io.cwd, known);
  if (release !== null)
    return withWorld(config, async (world) => printRelease(await planRelease(release, world), args, io));
  const image = await readImage(args.image, io.cwd);
  const [problem] = image.dossier.problems;
  if (problem !== undefined) throw new FlashError(problem.code, problem.message);
  return withWorld(config, (world) => printImage(image, world, args, io));
}

async function withWorld(config: Config, work: (world: PlanningWorld) => Promise<ExitCode>): Promise<ExitCode> {
  const journal = openJournal(config);
  try {
    const rules = openRuleBook(config.rules, planContext(journal, PROTOCOLS));
    return await work({ rules, journal, devices: knownDevices(config, journal) });
  } finally {
    journal.close();
  }
}

/** Fails where the release would be rejected as a whole. */
function printRelease(planned: PlannedRelease, args: PlanArgs, io: Io): ExitCode {
  if (args.json) printJson(io, planned);
  else printLines(io.stdout, describePlannedRelease(planned));
  return planned.refused === null ? EXIT.done : EXIT.failed;
}

async function printImage(image: FirmwareImage, world: PlanningWorld, args: PlanArgs, io: Io): Promise<ExitCode> {
  const { bytes: _tooManyToPrint, ...stored } = image;
  const { rules, devices, journal } = world;
  const publications = await planPublications(image, rules, journal);
  const planned = rules.plan(stored, devices);
  const alone = { drop: args.image, image: stored, rules: null };
  const objections = planTogether([alone], world).objections.get(alone) ?? [];
  const ruleMisses = [...new Set([...objections, ...rules.accepting(stored).reasons])];
  if (args.json) {
    printJson(io, { ...planned, publications, ruleMisses });
    return EXIT.done;
  }
  const published = describePublications(publications).map(printable);
  printLines(io.stdout, [
    ...describePlan(planned),
    ...published,
    ...ruleMisses.map((reason) => printable(`  not by ${reason}`)),
  ]);
  return EXIT.done;
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
  const met = journal.devices.all();
  registry.restore(met);
  registry.setFixed(config.devices);
  // A registry takes what it did not hear itself to be away; the daemon has heard it.
  const presences = new Map(met.map(({ id, presence }) => [id, presence]));
  return registry.list().map((device) => ({ ...device, presence: presences.get(device.id) ?? device.presence }));
}
