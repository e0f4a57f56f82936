import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import { type RolloutView, viewRollout } from '../jobs/rollout-view.ts';
import type { DeviceDirectory } from '../jobs/rule-book.ts';
import type { Device } from '../model/device.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import type { Io } from './io.ts';
import { withJournal } from './journal-file.ts';
import { humanAge, printable, printJson, printLines, tableLines } from './output.ts';

interface RolloutsArgs extends CommonOptions {
  readonly config: string;
}

/** More than anyone reads, less than what makes a terminal useless. */
const MOST = 100;

/** Adds `dropflash rollouts`, which reads the journal, whether or not a daemon runs. */
export function defineRollouts(program: Command, run: Run): void {
  const command = program
    .command('rollouts')
    .summary('releases that go out in waves')
    .description('Prints the rollouts, newest first: how far each is, and why it waits.')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash rollouts', 'dropflash rollouts --json']).action((options: RolloutsArgs) =>
    run(options, (io) => withJournal(options, io, (journal) => print(journal, options, io))),
  );
}

function print(journal: Journal, args: RolloutsArgs, io: Io): ExitCode {
  const nowMs = systemClock.now();
  const devices = rememberedDevices(journal);
  const views = journal.rollouts.newest(MOST).map((rollout) => viewRollout(journal, devices, rollout, nowMs));
  if (args.json)
    printJson(
      io,
      views.map(({ members: _members, decisions: _decisions, ...view }) => view),
    );
  else if (views.length === 0) printLines(io.stdout, ['no rollouts']);
  else printLines(io.stdout, tableLines([HEADING, ...views.map((view) => rowOf(view, nowMs))]));
  return EXIT.done;
}

const HEADING = ['ROLLOUT', 'RULE', 'IMAGE', 'STATE', 'STAGE', 'SINCE', 'DEVICES'];

function rowOf({ release, rule, file, state, stage, createdMs, counts }: RolloutView, nowMs: number): string[] {
  return [release, printable(rule), printable(file), state, stage, humanAge(createdMs, nowMs), counts];
}

/** The devices as the daemon last noted them. */
export function rememberedDevices(journal: Journal): DeviceDirectory {
  const all = journal.devices.all();
  const byId = new Map(all.flatMap((device) => [device.id, ...device.keys].map((key) => [key, device] as const)));
  return { get: (id): Device | null => byId.get(id) ?? null, list: () => all };
}
