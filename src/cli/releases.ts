import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import type { ReleaseRecord } from '../jobs/journal/releases.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import type { Io } from './io.ts';
import { withJournal } from './journal-file.ts';
import { humanAge, printable, printJson, printLines, tableLines } from './output.ts';

interface ReleasesArgs extends CommonOptions {
  readonly config: string;
}

/** More than anyone reads, less than what makes a terminal useless. */
const MOST = 200;

/** Adds `dropflash releases`, which reads the journal, whether or not a daemon runs. */
export function defineReleases(program: Command, run: Run): void {
  const command = program
    .command('releases')
    .summary('the images that devices ought to run')
    .description(
      'Prints the releases, newest first: which image which rule brings to its devices, and how far that is.',
    )
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash releases', 'dropflash releases --json']).action((options: ReleasesArgs) =>
    run(options, (io) => withJournal(options, io, (journal) => print(journal, options, io))),
  );
}

function print(journal: Journal, args: ReleasesArgs, io: Io): ExitCode {
  const releases = journal.releases.newest(MOST).map((release) => ({ ...release, jobs: countsOf(journal, release) }));
  if (args.json) printJson(io, releases);
  else if (releases.length === 0) printLines(io.stdout, ['no image was dropped yet']);
  else printLines(io.stdout, tableLines([HEADING, ...releases.map(rowOf)]));
  return EXIT.done;
}

const HEADING = ['RELEASE', 'RULE', 'IMAGE', 'STATE', 'SINCE', 'JOBS'];

function rowOf(release: ReleaseRecord & { readonly jobs: Readonly<Record<string, number>> }): string[] {
  const jobs = Object.entries(release.jobs).map(([state, count]) => `${count} ${state}`);
  return [
    release.id,
    printable(release.rule),
    printable(release.imageName),
    release.state,
    humanAge(release.createdMs, systemClock.now()),
    jobs.join(', ') || 'none',
  ];
}

function countsOf(journal: Journal, release: ReleaseRecord): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of journal.jobs.ofRelease(release.id)) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
