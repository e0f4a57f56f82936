import { type Command, Option } from 'commander';
import type { ExitCode } from '../service/exit-codes.ts';
import type { Io } from './io.ts';

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** How a command file hands its work to the program, which runs it and reports what it throws. */
export type Run = (options: CommonOptions, work: (io: Io) => Promise<ExitCode>) => Promise<void>;

/** Adds `--json` and `--verbose`, and the examples below the help. */
export function withCommonOptions(command: Command, examples: readonly string[]): Command {
  return command
    .option('--json', 'print one JSON document on stdout; text for people goes to stderr')
    .option('--verbose', 'print what is going on, and the stack of an unexpected error')
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`);
}

/** `--set KEY=VALUE`, as often as it is wanted; the command gets a list of them. */
export function setOption(description: string): Option {
  return new Option('--set <key=value>', description)
    .argParser((value: string, previous: readonly string[]) => [...previous, value])
    .default([], 'none');
}
