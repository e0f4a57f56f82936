import type { Command } from 'commander';
import { FlashError } from '../errors.ts';
import { describeDossier } from '../firmware/describe.ts';
import type { FirmwareImage } from '../model/image.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import type { Io } from './io.ts';
import { describeError, paint, printable, printJson, printLines } from './output.ts';
import { readImage } from './read-image.ts';

interface InspectArgs extends CommonOptions {
  readonly images: readonly string[];
}

export function defineInspect(program: Command, run: Run): void {
  const command = program
    .command('inspect')
    .summary('what firmware images say of themselves')
    .description('Prints the dossier of each image: chip, version, sizes, checksums, and what is wrong with it.')
    .argument('<image...>', 'firmware files');
  withCommonOptions(command, ['dropflash inspect sensor-1.4.0.bin', 'dropflash inspect --json build/*.bin']).action(
    (images: string[], options: CommonOptions) => run(options, (io) => inspect({ ...options, images }, io)),
  );
}

/** Fails when any image cannot be read or has problems; the others are shown all the same. */
export async function inspect(args: InspectArgs, io: Io): Promise<ExitCode> {
  const findings: Finding[] = [];
  for (const file of args.images) findings.push(await look(file, io.cwd));
  if (args.json) printJson(io, findings.map(documentOf));
  else for (const finding of findings) printLines(io.stdout, linesOf(finding, io));
  return findings.every(isSound) ? EXIT.done : EXIT.failed;
}

type Finding =
  | { readonly file: string; readonly image: FirmwareImage }
  | { readonly file: string; readonly error: FlashError };

async function look(file: string, cwd: string): Promise<Finding> {
  try {
    return { file, image: await readImage(file, cwd) };
  } catch (error) {
    if (error instanceof FlashError) return { file, error };
    throw error;
  }
}

function isSound(finding: Finding): boolean {
  return 'image' in finding && finding.image.dossier.problems.length === 0;
}

function documentOf(finding: Finding): object {
  if ('error' in finding) return { file: finding.file, sha256: null, dossier: null, error: finding.error.toJSON() };
  const { sha256, dossier } = finding.image;
  return { file: finding.file, sha256, dossier, error: null };
}

function linesOf(finding: Finding, io: Io): string[] {
  const heading = paint(io, io.stdout, 'bold', printable(finding.file));
  if ('error' in finding) return [heading, ...describeError(finding.error, false), ''];
  return [heading, `sha256      ${finding.image.sha256}`, ...describeDossier(finding.image.dossier).map(printable), ''];
}
