import { resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { type ConfigEnvironment, type ConfigResult, loadConfig } from '../config/load.ts';
import { formatProblems } from '../config/problem.ts';
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
  printLines(io.stderr, formatProblems(result.problems));
  const { length } = result.problems;
  if (length > 0) io.stderr.write(`${length} ${length === 1 ? 'problem' : 'problems'}\n`);
  return result;
}

/** The same for commands that need a config to work: null, with everything said, where it is wrong. */
export async function configForCommand(
  args: CommonOptions & { readonly config: string },
  io: Io,
  secrets: ConfigEnvironment['secrets'],
): Promise<Config | null> {
  const { config, problems } = await readConfig(args.config, io, secrets);
  if (config === null && args.json) printJson(io, { problems });
  return config;
}
