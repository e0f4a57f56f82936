import { Command, CommanderError } from 'commander';
import { CATALOGUE, FlashError } from '../errors.ts';
import { EXIT, type ExitCode, exitCodeFor } from '../service/exit-codes.ts';
import type { Run } from './command.ts';
import type { Io } from './io.ts';
import { describeError, printJson, printLines } from './output.ts';
import { programVersion } from './version.ts';

/**
 * In the order of `--help`. Only the command that is asked for is loaded, and all of them only for help and for mistakes: a daemon has no
 * use for the demo's fleet in its memory.
 */
const COMMANDS: readonly { readonly names: readonly string[]; readonly load: () => Promise<Define> }[] = [
  { names: ['run'], load: async () => (await import('./run.ts')).defineRun },
  { names: ['check'], load: async () => (await import('./check.ts')).defineCheck },
  { names: ['inspect'], load: async () => (await import('./inspect.ts')).defineInspect },
  { names: ['plan'], load: async () => (await import('./plan.ts')).definePlan },
  { names: ['flash'], load: async () => (await import('./flash.ts')).defineFlash },
  { names: ['probe'], load: async () => (await import('./probe.ts')).defineProbe },
  { names: ['devices'], load: async () => (await import('./devices.ts')).defineDevices },
  { names: ['ports'], load: async () => (await import('./ports.ts')).definePorts },
  { names: ['chip'], load: async () => (await import('./chip.ts')).defineChip },
  { names: ['backup'], load: async () => (await import('./backup.ts')).defineBackup },
  { names: ['restore'], load: async () => (await import('./restore.ts')).defineRestore },
  { names: ['erase'], load: async () => (await import('./erase.ts')).defineErase },
  { names: ['units'], load: async () => (await import('./units.ts')).defineUnits },
  { names: ['jobs'], load: async () => (await import('./jobs.ts')).defineJobs },
  { names: ['job'], load: async () => (await import('./job.ts')).defineJob },
  { names: ['releases'], load: async () => (await import('./releases.ts')).defineReleases },
  { names: ['publications'], load: async () => (await import('./publications.ts')).definePublications },
  { names: ['rollouts'], load: async () => (await import('./rollouts.ts')).defineRollouts },
  { names: ['rollout'], load: async () => (await import('./rollout.ts')).defineRollout },
  {
    names: ['approve', 'pause', 'resume', 'abort'],
    load: async () => (await import('./rollout-orders.ts')).defineRolloutOrders,
  },
  { names: ['status'], load: async () => (await import('./status.ts')).defineStatus },
  { names: ['watch'], load: async () => (await import('./watch.ts')).defineWatch },
  { names: ['explain'], load: async () => (await import('./explain.ts')).defineExplain },
  { names: ['history'], load: async () => (await import('./history.ts')).defineHistory },
  { names: ['retry'], load: async () => (await import('./retry.ts')).defineRetry },
  { names: ['undo'], load: async () => (await import('./undo.ts')).defineUndo },
  { names: ['cancel'], load: async () => (await import('./cancel.ts')).defineCancel },
  { names: ['reload'], load: async () => (await import('./reload.ts')).defineReload },
  { names: ['audit'], load: async () => (await import('./audit.ts')).defineAudit },
  { names: ['demo'], load: async () => (await import('./demo.ts')).defineDemo },
  { names: ['schema'], load: async () => (await import('./schema.ts')).defineSchema },
];

type Define = (program: Command, run: Run) => void;

/** Reads the command line and runs what it asks for. `args` is what follows the program's name. Throws nothing. */
export async function runProgram(args: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  const run: Run = async (options, work) => {
    try {
      exitCode = await work(io);
    } catch (error) {
      exitCode = reportFailure(error, options, io);
    }
  };
  try {
    const program = buildProgram(io);
    for (const define of await commandsFor(args)) define(program, run);
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return afterUsage(error, args, io);
    return reportFailure(error, { json: args.includes('--json') }, io);
  }
}

function buildProgram(io: Io): Command {
  return new Command('dropflash')
    .description(
      'Brings a firmware file to every device it belongs on, over the air or over USB, with proof of the outcome.',
    )
    .version(programVersion(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .showHelpAfterError('Run it with --help to see its arguments and examples.')
    .exitOverride()
    .addHelpText('after', '\nEach command has its own help with examples: dropflash help flash');
}

function commandsFor(args: readonly string[]): Promise<Define[]> {
  const wanted = COMMANDS.filter(({ names }) => names.includes(args[0] ?? ''));
  return Promise.all((wanted.length > 0 ? wanted : COMMANDS).map(({ load }) => load()));
}

/** commander has printed its sentence already; `--help` and `--version` end here too. */
function afterUsage(error: CommanderError, args: readonly string[], io: Io): ExitCode {
  if (error.exitCode === 0) return EXIT.done;
  const message = error.code === 'commander.help' ? 'no command is given' : error.message.replace(/^error: /, '');
  if (args.includes('--json')) {
    printJson(io, { error: { code: 'USAGE_WRONG', message, hint: CATALOGUE.USAGE_WRONG.hint } });
  }
  return EXIT.usage;
}

function reportFailure(error: unknown, options: { json?: boolean; verbose?: boolean }, io: Io): ExitCode {
  const withStack = options.verbose === true || Boolean(io.env['DEBUG']);
  if (options.json) printJson(io, { error: error instanceof FlashError ? error.toJSON() : programError(error) });
  printLines(io.stderr, describeError(error, withStack));
  return exitCodeFor(error);
}

function programError(error: unknown): { code: null; message: string } {
  return { code: null, message: error instanceof Error ? error.message : String(error) };
}
