import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblems } from '../config/problem.ts';
import type { ReloadDocument } from '../control/documents.ts';
import { createDaemon, type Daemon } from '../daemon.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { createNotifier } from '../service/notify.ts';
import { runService } from '../service/run-service.ts';
import { createServiceLog, LOG_FORMATS, type LogFormat, type ServiceLog } from '../service/winston-logger.ts';
import type { CommonOptions, Run } from './command.ts';
import { configEnvironment, configForCommand, DEFAULT_CONFIG } from './config-file.ts';
import type { Io } from './io.ts';
import { hasColours } from './output.ts';
import { programVersion } from './version.ts';

interface RunArgs extends CommonOptions {
  readonly config: string;
  readonly logFormat?: LogFormat;
}

/**
 * Enough for a device that has the whole image to say whether it took it (30 s unless a rule says otherwise). The unit's TimeoutStopSec
 * and the Windows service's stop timeout are longer.
 */
const STOP_DEADLINE_MS = 45_000;

/** Adds `dropflash run`, which is the daemon itself. */
export function defineRun(program: Command, run: Run): void {
  program
    .command('run')
    .summary('the daemon, in the foreground')
    .description(
      'Watches the drop folder and updates devices until it is stopped: Ctrl+C or SIGTERM ends it at the next safe point, a second ' +
        'one at once, SIGHUP reads the config again. The log goes to stdout.',
    )
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG)
    .addOption(new Option('--log-format <format>', 'overrides the config').choices(LOG_FORMATS))
    .option('--json', 'the same as --log-format json')
    .option('--verbose', 'log at level debug, whatever the config says')
    .addHelpText(
      'after',
      '\nExamples:\n  $ dropflash run\n  $ dropflash run -c /etc/dropflash/config.yaml --log-format pretty',
    )
    .action((options: RunArgs) => run(options, (io) => runDaemon(options, io)));
}

async function runDaemon(args: RunArgs, io: Io): Promise<ExitCode> {
  const config = await configForCommand({ config: args.config }, io, 'required');
  if (config === null) return EXIT.config;
  const log = createServiceLog(
    { ...config.log, format: logFormat(args, config), level: logLevel(args, config) },
    { stdout: io.stdout, colours: hasColours(io, io.stdout), clock: systemClock },
  );
  try {
    return await serve(config, log, args, io);
  } finally {
    await log.close();
  }
}

function logFormat(args: RunArgs, config: Config): LogFormat {
  return args.json === true ? 'json' : (args.logFormat ?? config.log.format);
}

function logLevel(args: RunArgs, config: Config): Config['log']['level'] {
  return args.verbose === true ? 'debug' : config.log.level;
}

function serve(config: Config, serviceLog: ServiceLog, args: RunArgs, io: Io): Promise<ExitCode> {
  const { env, pid, signals } = io;
  const log = serviceLog.logger;
  const clock = systemClock;
  const reload = oneAtATime(() => reloadConfig(daemon, serviceLog, args, io));
  const control = { reload, version: programVersion() };
  const daemon = createDaemon({ config, pid, clock, random: Math.random, log, control });
  const notifier = createNotifier({ env, pid, clock, log, isAlive: daemon.isTurning });
  return runService({
    parts: daemon.parts,
    signals,
    notifier,
    clock,
    log,
    fatal: daemon.fatal,
    stopDeadlineMs: STOP_DEADLINE_MS,
    describeReady: daemon.describe,
    reload: async () => void (await reload()),
  });
}

/** A config that is wrong changes nothing: the old one stays at work, and the log says so. */
async function reloadConfig(daemon: Daemon, serviceLog: ServiceLog, args: RunArgs, io: Io): Promise<ReloadDocument> {
  const log = serviceLog.logger;
  const file = resolve(io.cwd, args.config);
  const { config, problems, warnings } = await loadConfig(file, configEnvironment(io, 'required'));
  for (const warning of warnings) log.warn('config.warning', { ...warning });
  if (config === null) {
    for (const problem of problems) log.error('config.problem', { ...problem });
    log.error('config.rejected', { file, problems: problems.length });
    return { accepted: false, problems: formatProblems(problems), needRestart: [] };
  }
  const needRestart = daemon.reload(config);
  serviceLog.setLevel(logLevel(args, config));
  log.info('config.reloaded', { file, ...(needRestart.length === 0 ? {} : { needRestart }) });
  return { accepted: true, problems: [], needRestart };
}

/** SIGHUP and `dropflash reload` may come together: what was read last is what counts, so one waits for the other. */
function oneAtATime<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const run = last.then(work);
    last = run.catch(() => undefined);
    return run;
  };
}
