import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import type { JobRecord } from '../jobs/journal/jobs.ts';
import type { Journal } from '../jobs/journal/journal.ts';
import type { VisitorRecord } from '../jobs/journal/visitors.ts';
import { oddVisits } from '../jobs/pull/odd-visits.ts';
import { type Publication, visitorName } from '../model/publication.ts';
import { PULL_PROTOCOLS } from '../protocols/registry.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { lookedText } from './explain.ts';
import type { Io } from './io.ts';
import { withJournal } from './journal-file.ts';
import { humanAge, printable, printJson, printLines, tableLines } from './output.ts';

interface PublicationsArgs extends CommonOptions {
  readonly config: string;
}

/** More than anyone reads. */
const MOST = 100;

/** A publication with the devices that came to its place, and what is known of each. */
interface PublicationDocument extends Publication {
  readonly visitors: readonly VisitorDocument[];
}

interface VisitorDocument extends Omit<VisitorRecord, 'protocol' | 'place'> {
  /** Null: it has not come since the image stands there. */
  readonly job: Pick<JobRecord, 'id' | 'state' | 'proof' | 'attempts' | 'error' | 'updatedMs'> | null;
  /** What is odd about its visits, and what helps; null: nothing. */
  readonly odd: string | null;
}

/** Adds `dropflash publications`, which reads the journal, whether or not a daemon runs. */
export function definePublications(program: Command, run: Run): void {
  const command = program
    .command('publications')
    .summary('what devices fetch by themselves, and which of them did')
    .description(
      'Prints what is offered to devices that fetch by themselves, newest first, and for what stands there now each device that came: how often it looked, and what is known of it. ' +
        '"dropflash undo RELEASE" withdraws one.',
    )
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash publications', 'dropflash publications --json']).action(
    (options: PublicationsArgs) =>
      run(options, (io) => withJournal(options, io, (journal) => print(journal, options, io))),
  );
}

function print(journal: Journal, args: PublicationsArgs, io: Io): ExitCode {
  const documents = journal.publications.newest(MOST).map((publication) => documentOf(publication, journal));
  if (args.json) printJson(io, documents);
  else if (documents.length === 0) printLines(io.stdout, ['nothing was published yet']);
  else {
    printLines(io.stdout, tableLines([HEADING, ...documents.map(rowOf)]));
    for (const document of documents) printLines(io.stdout, visitorLines(document));
  }
  return EXIT.done;
}

function documentOf(publication: Publication, journal: Journal): PublicationDocument {
  const { protocol, place, release } = publication;
  const visitors = journal.visitors.at(protocol, place).map(({ protocol: _protocol, place: _place, ...seen }) => {
    const [job] = journal.jobs.ofDevice(release, [visitorName(seen)]);
    if (job === undefined) return { ...seen, job: null, odd: null };
    return { ...seen, job: summaryOf(job), odd: oddityOf(protocol, job, journal) };
  });
  return { ...publication, visitors };
}

/** With what helps. */
function oddityOf(protocol: string, job: JobRecord, journal: Journal): string | null {
  const tellsApart = PULL_PROTOCOLS.get(protocol)?.tellsApart ?? null;
  const odd = tellsApart === null ? null : oddVisits(job, journal.attempts.ofJob(job.id));
  return odd === null ? null : `${odd}; ${tellsApart}`;
}

function summaryOf({ id, state, proof, attempts, error, updatedMs }: JobRecord): VisitorDocument['job'] {
  return { id, state, proof, attempts, error, updatedMs };
}

const HEADING = ['RELEASE', 'RULE', 'IMAGE', 'NUMBER', 'PLACE', 'STATE', 'SINCE', 'DEVICES', 'WHY'];

function rowOf(document: PublicationDocument): string[] {
  const { release, rule, imageName, number, place, state, error, visitors } = document;
  const counts = new Map<string, number>();
  for (const { job } of visitors) {
    if (job !== null) counts.set(job.proof ?? 'came', (counts.get(job.proof ?? 'came') ?? 0) + 1);
  }
  return [
    release,
    printable(rule),
    printable(imageName),
    number === null ? '-' : `${number}`,
    printable(place),
    state,
    humanAge(document.endedMs ?? document.publishedMs ?? document.createdMs, systemClock.now()),
    [...counts].map(([proof, count]) => `${count} ${proof}`).join(', ') || 'none',
    error?.code ?? '',
  ];
}

/** Who came, for what stands at its place now. */
function visitorLines({ state, release, remarks, visitors }: PublicationDocument): string[] {
  if (state !== 'published' || visitors.length + remarks.length === 0) return [];
  const rows = visitors.map(({ job, ...seen }) => [
    printable(visitorName(seen)),
    lookedText(seen, systemClock.now()),
    job?.proof ?? 'nothing fetched yet',
    job?.error?.code ?? '',
  ]);
  const doubts = visitors.flatMap(({ user, address, odd }) =>
    odd === null ? [] : [`${visitorName({ user, address })}: ${odd}`],
  );
  const lines = [...remarks, ...tableLines(rows), ...doubts.map(printable)];
  return ['', `${release}:`, ...lines.map((line) => `  ${line}`)];
}
