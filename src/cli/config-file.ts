import { resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { type ConfigEnvironment, type ConfigResult, loadConfig, loadPlace } from '../config/load.ts';
import { type ConfigProblem, formatProblems } from '../config/problem.ts';
import { cronProblem } from '../jobs/schedule.ts';
import { RULE_PROTOCOLS } from '../protocols/registry.ts';
import type { CommonOptions } from './command.ts';
import type { Io } from './io.ts';
import { printJson, printLines } from './output.ts';

/** Found from the current folder; the unit and the Windows service name theirs. */
export const DEFAULT_CONFIG = 'config.yaml';

/** What this machine and this build bring to the loading of a config. */
export function configEnvironment(io: Io, secrets: ConfigEnvironment['secrets']): ConfigEnvironment {
  return {
    protocols: RULE_PROTOCOLS,
    cronProblem,
    // Asked for late: it loads the time zone database, 8 MB that a daemon without windows has no use for.
    timezone: () => Intl.DateTimeFormat().resolvedOptions().timeZone,
    variables: io.env,
    secrets,
  };
}

/** Loads the config and prints its warnings and problems to stderr. */
export async function readConfig(file: string, io: Io, secrets: ConfigEnvironment['secrets']): Promise<ConfigResult> {
  const result = await loadConfig(resolve(io.cwd, file), configEnvironment(io, secrets));
  printLines(
    io.stderr,
    formatProblems(result.warnings).map((line) => `warning: ${line}`),
  );
  printProblems(result.problems, io);
  return result;
}

function printProblems(problems: readonly ConfigProblem[], io: Io): void {
  printLines(io.stderr, formatProblems(problems));
  const { length } = problems;
  if (length > 0) io.stderr.write(`${length} ${length === 1 ? 'problem' : 'problems'}\n`);
}

/**
 * Where the daemon of the config is and what it has written, for commands that ask it or look there. A config with problems stands in the way
 * of no such command: a rollout can be looked at and stopped whatever somebody has just written into the file. Null, with everything said,
 * where the file does not tell it. Warnings are for those who use the rules.
 */
export async function placeForCommand(
  args: CommonOptions & { readonly config: string },
  io: Io,
): Promise<Pick<Config, 'dataPath' | 'control'> | null> {
  const file = resolve(io.cwd, args.config);
  const environment = configEnvironment(io, 'optional');
  const { config, problems } = await loadConfig(file, environment);
  if (config !== null) return config;
  printProblems(problems, io);
  const place = await loadPlace(file, environment);
  if (place !== null)
    printLines(io.stderr, ['goes on all the same: the daemon has the config of its last start or reload']);
  else if (args.json) printJson(io, { problems });
  return place;
}

/** {@link readConfig} for commands that need a config to work: null, with everything said, where it is wrong. */
export async function configForCommand(
  args: CommonOptions & { readonly config: string },
  io: Io,
  secrets: ConfigEnvironment['secrets'],
): Promise<Config | null> {
  const { config, problems } = await readConfig(args.config, io, secrets);
  if (config === null && args.json) printJson(io, { problems });
  return config;
}
