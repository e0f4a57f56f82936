import type { Command } from 'commander';
import { configJsonSchema } from '../config/json-schema.ts';
import { RULE_PROTOCOLS } from '../protocols/registry.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type CommonOptions, type Run, withCommonOptions } from './command.ts';
import type { Io } from './io.ts';
import { printJson } from './output.ts';

/** Adds `dropflash schema`, which needs no config. */
export function defineSchema(program: Command, run: Run): void {
  const command = program
    .command('schema')
    .summary('the JSON Schema of the config, for editors')
    .description('Prints the JSON Schema by which editors check and complete a config.');
  withCommonOptions(command, ['dropflash schema > config.schema.json']).action((options: CommonOptions) =>
    run(options, (io) => schema(options, io)),
  );
}

/** The document is JSON with and without `--json`. */
export function schema(_args: CommonOptions, io: Io): Promise<ExitCode> {
  printJson(io, configJsonSchema(RULE_PROTOCOLS));
  return Promise.resolve(EXIT.done);
}
