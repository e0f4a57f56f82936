import type { Command } from 'commander';
import { FlashError } from '../errors.ts';
import { describeDossier } from '../firmware/describe.ts';
import type { FirmwareImage } from '../model/image.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import type { Io } from './io.ts';
import { describeError, paint, printable, printJson, printLines, tableLines } from './output.ts';
import { manifestRows } from './plan-release.ts';
import { readImage } from './read-image.ts';
import { type GivenRelease, readGivenRelease } from './read-release.ts';

interface InspectArgs extends CommonOptions {
  readonly images: readonly string[];
}

/** Adds `dropflash inspect`, which reads files and nothing else. */
export function defineInspect(program: Command, run: Run): void {
  const command = program
    .command('inspect')
    .summary('what firmware images say of themselves')
    .description(
      'Prints the dossier of each image: chip, version, sizes, checksums, and what is wrong with it. Of a release, what it says of itself and each of its images.',
    )
    .argument('<image...>', 'firmware files, packages, or releases (an archive, a folder, a release.yaml)');
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
  | { readonly file: string; readonly release: GivenRelease }
  | { readonly file: string; readonly image: FirmwareImage }
  | { readonly file: string; readonly error: FlashError };

async function look(file: string, cwd: string): Promise<Finding> {
  try {
    const release = await readGivenRelease(file, cwd, null);
    return release === null ? { file, image: await readImage(file, cwd) } : { file, release };
  } catch (error) {
    if (error instanceof FlashError) return { file, error };
    throw error;
  }
}

function isSound(finding: Finding): boolean {
  if ('release' in finding) return finding.release.problems.length === 0;
  return 'image' in finding && finding.image.dossier.problems.length === 0;
}

function documentOf(finding: Finding): object {
  if ('error' in finding) return { file: finding.file, sha256: null, dossier: null, error: finding.error.toJSON() };
  if ('release' in finding) return releaseDocument(finding.release);
  const { sha256, dossier } = finding.image;
  return { file: finding.file, sha256, dossier, error: null };
}

function linesOf(finding: Finding, io: Io): string[] {
  const heading = paint(io, io.stdout, 'bold', printable(finding.file));
  if ('error' in finding) return [heading, ...describeError(finding.error, false), ''];
  if ('release' in finding) return [heading, ...releaseLines(finding.release, io)];
  return [heading, `sha256      ${finding.image.sha256}`, ...describeDossier(finding.image.dossier).map(printable), ''];
}

/** `dossier` is null: a release has one for each of its images. */
function releaseDocument({ file, sha256, manifest, images, problems }: GivenRelease): object {
  const read = images.map(({ entry, sha256: own, dossier }) => ({ ...entry, sha256: own, dossier }));
  const release = manifest === null ? null : { ...manifest, images: read };
  return { file, sha256, dossier: null, release, problems, error: null };
}

function releaseLines({ sha256, manifest, images, problems }: GivenRelease, io: Io): string[] {
  const head = [['sha256', sha256], ['kind', 'release'], ...(manifest === null ? [] : manifestRows(manifest))];
  return [
    ...tableLines(head.map(([label = '', value = '']) => [label.padEnd(10), value])).map(printable),
    ...problems.map(({ code, message, hint }) => printable(`problem: ${code} ${message}. ${hint}`)),
    '',
    ...images.flatMap(({ entry, sha256: own, dossier }) => [
      paint(io, io.stdout, 'bold', printable(`  ${entry.file}`)),
      ...[
        `sha256      ${own}`,
        `rules       ${entry.rules === null ? 'all that take it' : entry.rules.join(', ')}`,
        ...describeDossier({ ...dossier, problems: [] }),
      ].map((line) => printable(`  ${line}`)),
      '',
    ]),
  ];
}
