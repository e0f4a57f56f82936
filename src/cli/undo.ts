import type { Command } from 'commander';
import { ask } from '../control/client.ts';
import type { BatchDocument } from '../control/documents.ts';
import { printBatch } from './batch.ts';
import { type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { type ControlArgs, withDaemon } from './control-target.ts';

const UNDONE = { planned: 'gets its former image back', none: 'no device is known to have it' } as const;

/** Adds `dropflash undo`, which needs a running daemon. */
export function defineUndo(program: Command, run: Run): void {
  const command = program
    .command('undo')
    .summary('gives devices back the image that they ran before')
    .description(
      'Asks the running daemon to take a release back on all devices that are known to have it, or the last image of one device. ' +
        'It is a re-flash of the image that each device was last proven to run, under the same rules, windows and limits. A release that is taken back is withdrawn.',
    )
    .argument('<rollout-or-device>', 'as "dropflash rollouts" or "dropflash devices" prints it')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash undo r7f3a09b2c4', 'dropflash undo kitchen-plug --json']).action(
    (what: string, options: ControlArgs) =>
      run(options, (io) =>
        withDaemon(options, io, async (target) => {
          const answer = await ask<BatchDocument>(target, 'POST', `/v1/undo/${encodeURIComponent(what)}`, {});
          return printBatch(answer, UNDONE, options, io);
        }),
      ),
  );
}
