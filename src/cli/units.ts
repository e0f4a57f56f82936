import { type Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../clock.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import { UNIT_STATES, type Unit, type UnitState } from '../model/unit.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import type { Io } from './io.ts';
import { withJournal } from './journal-file.ts';
import { humanAge, humanDuration, printable, printJson, printLines, tableLines } from './output.ts';
import { unitsCsv } from './units-csv.ts';

interface UnitsArgs extends CommonOptions {
  readonly config: string;
  readonly state?: UnitState;
  readonly mac?: string;
  readonly rule?: string;
  readonly csv?: boolean;
  readonly limit: number;
}

/** Adds `dropflash units`, which reads the journal, whether or not a daemon runs. */
export function defineUnits(program: Command, run: Run): void {
  const command = program
    .command('units')
    .summary('the records of the production line, one for each run on a board')
    .description(
      'Prints what was done with each board that was plugged in, newest first: --csv and --json have everything.',
    )
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG)
    .addOption(new Option('--state <state>', 'only these').choices(UNIT_STATES))
    .option('--mac <mac>', 'only this board')
    .option('--rule <rule>', 'only of this rule')
    .addOption(new Option('--csv', 'comma-separated values with a heading, for spreadsheets').conflicts('json'))
    .addOption(new Option('--limit <n>', 'how many at most').argParser(positive).default(1_000_000, 'all'));
  withCommonOptions(command, [
    'dropflash units --state failed',
    'dropflash units --mac 10:00:3b:01:02:03',
    'dropflash units --csv > units.csv',
  ]).action((options: UnitsArgs) =>
    run(options, (io) => withJournal(options, io, (journal) => print(journal, options, io))),
  );
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('It is a whole number of at least 1.');
  return Number(text);
}

function print(journal: Journal, args: UnitsArgs, io: Io): ExitCode {
  const { state, mac, rule, limit } = args;
  const units = journal.units.list({
    ...(state === undefined ? {} : { states: [state] }),
    ...(mac === undefined ? {} : { mac: mac.toLowerCase().replaceAll('-', ':') }),
    ...(rule === undefined ? {} : { rule }),
    limit,
  });
  if (args.json) printJson(io, units);
  else if (args.csv) io.stdout.write(unitsCsv(units));
  else if (units.length === 0) printLines(io.stdout, ['no units']);
  else printLines(io.stdout, tableLines([HEADING, ...units.map(rowOf)]));
  return EXIT.done;
}

const HEADING = ['UNIT', 'BOARD', 'CHIP', 'SLOT', 'RULE', 'STATE', 'ROW', 'TOOK', 'BEGUN', 'WHY'];

function rowOf({ id, board, slot, rule, state, unitData, startedMs, endedMs, error }: Unit): string[] {
  return [
    id,
    board?.mac ?? '-',
    board?.chip ?? '-',
    printable(slot),
    printable(rule ?? '-'),
    state,
    printable(unitData?.key ?? '-'),
    endedMs === null ? '-' : humanDuration(endedMs - startedMs),
    humanAge(startedMs, systemClock.now()),
    error?.code ?? '',
  ];
}
