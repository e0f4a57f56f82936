import type { Command } from 'commander';
import { whatIsAwaited } from '../jobs/awaited.ts';
import type { AttemptRecord } from '../jobs/journal/attempts.ts';
import type { JobRecord, TransitionRecord } from '../jobs/journal/jobs.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import { noSuch } from '../jobs/no-such.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import type { Io } from './io.ts';
import { deviceNames } from './jobs.ts';
import { withJournal } from './journal-file.ts';
import { humanDuration, humanSize, printable, printJson, printLines, tableLines } from './output.ts';

interface JobArgs extends CommonOptions {
  readonly id: string;
  readonly config: string;
}

/** Adds `dropflash job`, which reads the journal, whether or not a daemon runs. */
export function defineJob(program: Command, run: Run): void {
  const command = program
    .command('job')
    .summary('one job with its attempts and its history')
    .argument('<id>', 'as "dropflash jobs" prints it')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash job j7f3a09b2c4', 'dropflash job j7f3a09b2c4 --json']).action(
    (id: string, options: Omit<JobArgs, 'id'>) =>
      run(options, (io) => withJournal(options, io, (journal) => print(journal, { ...options, id }, io))),
  );
}

function print(journal: Journal, args: JobArgs, io: Io): ExitCode {
  const job = journal.jobs.get(args.id);
  if (job === null) throw noSuch('job', args.id, journal);
  const attempts = journal.attempts.ofJob(job.id);
  const history = journal.jobs.transitionsOf(job.id);
  if (args.json) printJson(io, { ...job, attemptRecords: attempts, history });
  else printLines(io.stdout, linesOf(journal, job, attempts, history));
  return EXIT.done;
}

function linesOf(
  journal: Journal,
  job: JobRecord,
  attempts: readonly AttemptRecord[],
  history: readonly TransitionRecord[],
): string[] {
  const image = journal.images.get(job.image);
  const error = job.error;
  return [
    ...tableLines([
      ['job', job.id],
      ['device', deviceText(deviceNames(journal).get(job.device), job.device)],
      ['image', `${image?.name ?? '?'} (sha256 ${job.image})`],
      ['rule', `${job.rule}, release ${job.release}`],
      ['state', stateText(job)],
      ['proof', job.proof ?? 'none'],
      ...(error === null
        ? []
        : [
            ['error', `${error.code}: ${error.message}`],
            ['hint', error.hint],
          ]),
    ]).map(printable),
    '',
    ...tableLines([['TRY', 'BEGAN', 'TOOK', 'SENT', 'STEP', 'PROOF', 'ERROR'], ...attempts.map(attemptRow)]).map(
      printable,
    ),
    '',
    ...tableLines(
      history.map(({ atMs, from, to, detail }) => [isoTime(atMs), `${from ?? '-'} → ${to}`, detail ?? '']),
    ).map(printable),
  ];
}

/** Devices that fetch by themselves have no name but their id. */
function deviceText(name: string | undefined, id: string): string {
  return name === undefined || name === id ? id : `${name} (${id})`;
}

function stateText(job: JobRecord): string {
  const { state, waitingFor } = job;
  if (state === 'confirming') return `${state}: ${whatIsAwaited(job)}`;
  return waitingFor === null ? state : `${state}: ${waitingFor}`;
}

function attemptRow({ number, startedMs, endedMs, sentBytes, step, proof, error }: AttemptRecord): string[] {
  const took = endedMs === null ? '-' : humanDuration(endedMs - startedMs);
  return [`${number}`, isoTime(startedMs), took, humanSize(sentBytes), step ?? '-', proof ?? '-', error?.code ?? '-'];
}

function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}
