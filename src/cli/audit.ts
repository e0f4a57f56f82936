import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { segmentsIn } from '../audit/segments.ts';
import { type AuditVerdict, verifyAudit } from '../audit/verify.ts';
import { FlashError } from '../errors.ts';
import type { AuditHead } from '../jobs/journal/audit.ts';
import { Journal } from '../jobs/journal/journal.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG, placeForCommand } from './config-file.ts';
import type { Io } from './io.ts';
import { printable, printJson, printLines } from './output.ts';

interface VerifyArgs extends CommonOptions {
  readonly config: string;
  readonly contains?: string;
}

/** Adds `dropflash audit`, a command of commands: `verify` is the only one. */
export function defineAudit(program: Command, run: Run): void {
  const audit = program
    .command('audit')
    .summary('checks the record of what was done')
    .addHelpText('after', '\nExamples:\n  $ dropflash audit verify');
  const command = audit
    .command('verify')
    .summary('finds any change to the audit log')
    .description(
      'Checks each record of the audit log against its hash, the record before it, and what the journal remembers. Prints where the log ' +
        'was changed, cut or added to, and fails then. Changes nothing, and may run beside the daemon.',
    )
    .option('--contains <hash>', 'a hash that was noted earlier has to be among the records')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, [
    'dropflash audit verify',
    'dropflash audit verify --contains "$(cat noted.txt)" --json',
  ]).action((options: VerifyArgs) => run(options, (io) => verify(options, io)));
}

async function verify(args: VerifyArgs, io: Io): Promise<ExitCode> {
  const place = await placeForCommand(args, io);
  if (place === null) return EXIT.config;
  // The journal first: records that a running daemon adds meanwhile are beyond what it remembers, and no flaw.
  const head = headIn(place.dataPath);
  if (head === null && !isAnyIn(place.dataPath))
    throw new FlashError('JOURNAL_NOT_FOUND', `there is neither a journal nor an audit log in ${place.dataPath}`);
  const contains = args.contains?.toLowerCase();
  const verdict = verifyAudit(place.dataPath, { head, ...(contains === undefined ? {} : { contains }) });
  if (args.json) printJson(io, verdict);
  else printLines(io.stdout, linesOf(verdict));
  return verdict.isIntact ? EXIT.done : EXIT.failed;
}

function isAnyIn(dataPath: string): boolean {
  return existsSync(Journal.pathIn(dataPath)) || (existsSync(dataPath) && segmentsIn(dataPath).length > 0);
}

function headIn(dataPath: string): AuditHead | null {
  const path = Journal.pathIn(dataPath);
  if (!existsSync(path)) return null;
  const journal = Journal.openToRead(path);
  try {
    return journal.audit.head();
  } finally {
    journal.close();
  }
}

function linesOf({ findings, records, files, head, isIntact, unfinishedBytes }: AuditVerdict): string[] {
  const places = findings.map(({ file, line, kind, message }) =>
    printable(`${file === null ? '' : `${file}:${line ?? ''}  `}${kind}: ${message}`),
  );
  const flaws = findings.length === 1 ? 'one flaw' : `${findings.length} flaws`;
  return [
    ...places,
    `${records} ${records === 1 ? 'record' : 'records'} in ${files.length} ${files.length === 1 ? 'file' : 'files'}: ${isIntact ? 'intact' : flaws}`,
    ...(records === 0 ? [] : [`the last is record ${head.seq}, hash ${head.hash}`]),
    ...(unfinishedBytes === 0 ? [] : [`${unfinishedBytes} bytes of a record that is not finished follow`]),
  ];
}
