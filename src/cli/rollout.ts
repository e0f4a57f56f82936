import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import { noSuch } from '../jobs/no-such.ts';
import type { Member } from '../jobs/rollout.ts';
import { stageName } from '../jobs/rollout-stages.ts';
import { type RolloutView, viewRollout } from '../jobs/rollout-view.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import type { Io } from './io.ts';
import { withJournal } from './journal-file.ts';
import { printable, printJson, printLines, tableLines } from './output.ts';
import { rememberedDevices } from './rollouts.ts';

interface RolloutArgs extends CommonOptions {
  readonly id: string;
  readonly config: string;
}

/** Adds `dropflash rollout`, which reads the journal, whether or not a daemon runs. */
export function defineRollout(program: Command, run: Run): void {
  const command = program
    .command('rollout')
    .summary('one rollout: who, which wave, and why it waits')
    .argument('<id>', 'as "dropflash rollouts" prints it')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash rollout r7f3a09b2c4', 'dropflash rollout r7f3a09b2c4 --json']).action(
    (id: string, options: Omit<RolloutArgs, 'id'>) =>
      run(options, (io) => withJournal(options, io, (journal) => print(journal, { ...options, id }, io))),
  );
}

function print(journal: Journal, args: RolloutArgs, io: Io): ExitCode {
  const rollout = journal.rollouts.get(args.id);
  if (rollout === null) throw noSuch('rollout', args.id, journal);
  const view = viewRollout(journal, rememberedDevices(journal), rollout, systemClock.now());
  if (args.json) printJson(io, view);
  else printLines(io.stdout, linesOf(view));
  return EXIT.done;
}

function linesOf(view: RolloutView): string[] {
  const { release, rule, file, image, state, stage, why, counts, decisions, settings } = view;
  const first = [...view.members].sort(byWave);
  return [
    ...tableLines([
      ['rollout', `${release} of rule ${rule}`],
      ['image', `${file} (sha256 ${image})`],
      ['state', `${state}, at ${stage}`],
      ['why', why],
      ['devices', counts],
    ]),
    '',
    ...tableLines(
      decisions.map(({ atMs, what, by, detail }) => [new Date(atMs).toISOString(), what, `by ${by}`, detail ?? '']),
    ),
    '',
    ...tableLines([
      ['WAVE', 'DEVICE', 'STANDS', 'JOB', 'WHY'],
      ...first.map(({ wave, device, standing, job, code, waitingFor }) => [
        wave === null ? '-' : stageName(settings, wave),
        device,
        standing,
        job,
        waitingFor ?? code ?? '',
      ]),
    ]),
  ].map(printable);
}

/** Those that were released first come first, those that are not released last. */
function byWave(left: Member, right: Member): number {
  const difference = (left.wave ?? Number.MAX_SAFE_INTEGER) - (right.wave ?? Number.MAX_SAFE_INTEGER);
  return difference || left.device.localeCompare(right.device, 'en');
}
