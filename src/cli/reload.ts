import type { Command } from 'commander';
import { ask } from '../control/client.ts';
import type { ReloadDocument } from '../control/documents.ts';
import { EXIT } from '../service/exit-codes.ts';
import { type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { type ControlArgs, withDaemon } from './control-target.ts';
import { printable, printJson, printLines } from './output.ts';

/** Adds `dropflash reload`, which needs a running daemon. */
export function defineReload(program: Command, run: Run): void {
  const command = program
    .command('reload')
    .summary('has the daemon read its config again')
    .description(
      'The same as SIGHUP, and on Windows the only way: rules, devices, limits, hooks and the log level change at once, and what takes a restart is told. ' +
        'A config with problems is refused, and the old one stays at work.',
    )
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash check && dropflash reload']).action((options: ControlArgs) =>
    run(options, (io) =>
      withDaemon(options, io, async (target) => {
        const answer = await ask<ReloadDocument>(target, 'POST', '/v1/reload', {});
        if (options.json) printJson(io, answer);
        else printLines(answer.accepted ? io.stdout : io.stderr, linesOf(answer).map(printable));
        return answer.accepted ? EXIT.done : EXIT.config;
      }),
    ),
  );
}

function linesOf({ accepted, problems, needRestart }: ReloadDocument): string[] {
  if (!accepted) return [...problems, 'the config was refused; the old one is still at work'];
  const rest = needRestart.length === 0 ? '' : `; a restart is needed for ${needRestart.join(', ')}`;
  return [`the new config is at work${rest}`];
}
