import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { watch } from '../control/client.ts';
import type { EventDocument } from '../control/documents.ts';
import { EXIT } from '../service/exit-codes.ts';
import { type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { type ControlArgs, withDaemon } from './control-target.ts';
import { printLines } from './output.ts';
import { createWatchScreen } from './watch-screen.ts';

/** Adds `dropflash watch`, which needs a running daemon. */
export function defineWatch(program: Command, run: Run): void {
  const command = program
    .command('watch')
    .summary('what the daemon does, as it happens')
    .description(
      'Follows the running daemon until Ctrl+C or until it stops: one line for each event, and on a terminal a bar for each transfer. ' +
        'With --json each event is one line of JSON.',
    )
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash watch', 'dropflash watch --json | grep job.failed']).action(
    (options: ControlArgs) =>
      run(options, (io) =>
        withDaemon(options, io, async (target) => {
          const screen = createWatchScreen(io, systemClock);
          const show = (event: EventDocument) =>
            options.json ? void io.stdout.write(`${JSON.stringify(event)}\n`) : screen.show(event);
          try {
            for await (const event of watch(target, io.signals.stop)) show(event);
          } finally {
            screen.close();
          }
          if (!io.signals.stop.aborted) printLines(io.stderr, ['the daemon has stopped']);
          return EXIT.done;
        }),
      ),
  );
}
