import type { Command } from 'commander';
import { effectiveConfig, effectiveConfigText } from '../config/effective.ts';
import { RULE_PROTOCOLS } from '../protocols/registry.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG, readConfig } from './config-file.ts';
import type { Io } from './io.ts';
import { printJson } from './output.ts';

interface CheckArgs extends CommonOptions {
  readonly config: string;
}

/** Adds `dropflash check`, which reads the config and nothing else. */
export function defineCheck(program: Command, run: Run): void {
  const command = program
    .command('check')
    .summary('is the config right, and what does it mean')
    .description('Prints every problem of the config with its line, or the config as it works, without secrets.')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash check', 'dropflash check -c /etc/dropflash/config.yaml --json']).action(
    (options: CheckArgs) => run(options, (io) => check(options, io)),
  );
}

/** Loads the config and prints what it means; problems go to stderr. */
export async function check(args: CheckArgs, io: Io): Promise<ExitCode> {
  const { config, problems, warnings } = await readConfig(args.config, io, 'required');
  if (args.json) {
    printJson(io, { config: config === null ? null : effectiveConfig(config, RULE_PROTOCOLS), problems, warnings });
  } else if (config !== null) {
    io.stdout.write(effectiveConfigText(config, RULE_PROTOCOLS));
  }
  return config === null ? EXIT.config : EXIT.done;
}
