import { Command, CommanderError } from 'commander';
import { CATALOGUE, FlashError } from '../errors.ts';
import { EXIT, type ExitCode, exitCodeFor } from '../service/exit-codes.ts';
import { defineAudit } from './audit.ts';
import { defineBackup } from './backup.ts';
import { defineCancel } from './cancel.ts';
import { defineCheck } from './check.ts';
import { defineChip } from './chip.ts';
import type { Run } from './command.ts';
import { defineDemo } from './demo.ts';
import { defineDevices } from './devices.ts';
import { defineErase } from './erase.ts';
import { defineExplain } from './explain.ts';
import { defineFlash } from './flash.ts';
import { defineHistory } from './history.ts';
import { defineInspect } from './inspect.ts';
import type { Io } from './io.ts';
import { defineJob } from './job.ts';
import { defineJobs } from './jobs.ts';
import { describeError, printJson, printLines } from './output.ts';
import { definePlan } from './plan.ts';
import { definePorts } from './ports.ts';
import { defineProbe } from './probe.ts';
import { definePublications } from './publications.ts';
import { defineReleases } from './releases.ts';
import { defineReload } from './reload.ts';
import { defineRestore } from './restore.ts';
import { defineRetry } from './retry.ts';
import { defineRollout } from './rollout.ts';
import { defineRolloutOrders } from './rollout-orders.ts';
import { defineRollouts } from './rollouts.ts';
import { defineRun } from './run.ts';
import { defineSchema } from './schema.ts';
import { defineStatus } from './status.ts';
import { defineUndo } from './undo.ts';
import { defineUnits } from './units.ts';
import { programVersion } from './version.ts';
import { defineWatch } from './watch.ts';

/** In the order of `--help`. */
const COMMANDS = [
  defineRun,
  defineCheck,
  defineInspect,
  definePlan,
  defineFlash,
  defineProbe,
  defineDevices,
  definePorts,
  defineChip,
  defineBackup,
  defineRestore,
  defineErase,
  defineUnits,
  defineJobs,
  defineJob,
  defineReleases,
  definePublications,
  defineRollouts,
  defineRollout,
  defineRolloutOrders,
  defineStatus,
  defineWatch,
  defineExplain,
  defineHistory,
  defineRetry,
  defineUndo,
  defineCancel,
  defineReload,
  defineAudit,
  defineDemo,
  defineSchema,
];

/** Reads the command line and runs what it asks for. `args` is what follows the program's name. Throws nothing. */
export async function runProgram(args: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  const program = buildProgram(io, async (options, work) => {
    try {
      exitCode = await work(io);
    } catch (error) {
      exitCode = reportFailure(error, options, io);
    }
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return afterUsage(error, args, io);
    return reportFailure(error, { json: args.includes('--json') }, io);
  }
}

function buildProgram(io: Io, run: Run): Command {
  const program = new Command('dropflash')
    .description('Brings a firmware file to every device it belongs on, over the air, with proof of the outcome.')
    .version(programVersion(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .showHelpAfterError('Run it with --help to see its arguments and examples.')
    .exitOverride()
    .addHelpText('after', '\nEach command has its own help with examples: dropflash help flash');
  for (const define of COMMANDS) define(program, run);
  return program;
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
