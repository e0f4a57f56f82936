import { type Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../clock.ts';
import type { JobRecord } from '../jobs/journal/jobs.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import { JOB_STATES, type JobState } from '../model/job.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import type { Io } from './io.ts';
import { withJournal } from './journal-file.ts';
import { humanAge, printable, printJson, printLines, tableLines } from './output.ts';

interface JobsArgs extends CommonOptions {
  readonly config: string;
  readonly state?: JobState;
  readonly limit: number;
}

/** Adds `dropflash jobs`, which reads the journal, whether or not a daemon runs. */
export function defineJobs(program: Command, run: Run): void {
  const command = program
    .command('jobs')
    .summary('what was done and what is to be done')
    .description('Prints the jobs of the daemon, newest first: one image for one device each.')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG)
    .addOption(new Option('--state <state>', 'only these').choices(JOB_STATES))
    .option('--limit <n>', 'how many at most', positive, 100);
  withCommonOptions(command, ['dropflash jobs', 'dropflash jobs --state failed --json']).action((options: JobsArgs) =>
    run(options, (io) => withJournal(options, io, (journal) => print(journal, options, io))),
  );
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('It is a whole number of at least 1.');
  return Number(text);
}

function print(journal: Journal, args: JobsArgs, io: Io): ExitCode {
  const filter = args.state === undefined ? {} : { states: [args.state] };
  const jobs = journal.jobs.list({ ...filter, limit: args.limit });
  if (args.json) printJson(io, jobs);
  else if (jobs.length === 0) printLines(io.stdout, ['no jobs']);
  else {
    const names = deviceNames(journal);
    printLines(io.stdout, tableLines([HEADING, ...jobs.map((job) => rowOf(job, names))]));
  }
  return EXIT.done;
}

const HEADING = ['JOB', 'DEVICE', 'RULE', 'STATE', 'PROOF', 'TRIES', 'CHANGED', 'WHY'];

function rowOf(job: JobRecord, names: ReadonlyMap<string, string>): string[] {
  return [
    job.id,
    printable(names.get(job.device) ?? job.device),
    printable(job.rule),
    job.state,
    job.proof ?? '-',
    `${job.attempts}`,
    humanAge(job.updatedMs, systemClock.now()),
    printable(job.state === 'queued' ? (job.waitingFor ?? '') : (job.error?.code ?? '')),
  ];
}

/** What people call each device, by every id that the journal may know it by. */
export function deviceNames(journal: Journal): ReadonlyMap<string, string> {
  return new Map(
    journal.devices.all().flatMap(({ id, keys, name }) => [id, ...keys].map((key) => [key, name] as const)),
  );
}
