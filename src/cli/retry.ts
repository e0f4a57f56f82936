import type { Command } from 'commander';
import { ask } from '../control/client.ts';
import type { BatchDocument, JobDocument } from '../control/documents.ts';
import { FlashError } from '../errors.ts';
import { EXIT } from '../service/exit-codes.ts';
import { printBatch } from './batch.ts';
import { type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { type ControlArgs, withDaemon } from './control-target.ts';
import { printable, printJson, printLines } from './output.ts';

interface RetryArgs extends ControlArgs {
  readonly force?: boolean;
}

/** Adds `dropflash retry`, which needs a running daemon. */
export function defineRetry(program: Command, run: Run): void {
  const command = program
    .command('retry')
    .summary('starts a job again, or all failed jobs of a rollout')
    .description(
      'Asks the running daemon to do a job again that failed or was cancelled. Where the device may have taken the image already, ' +
        'only --force sends it once more: look at the device first. Of a rollout, every failed job starts again for which that needs no force.',
    )
    .argument('<job-or-rollout>', 'as "dropflash jobs" or "dropflash rollouts" prints it')
    .option('--force', 'also where the device may have taken the image; for a single job only')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  const examples = ['j7f3a09b2c4', 'j7f3a09b2c4 --force', 'r5d0c9a71be'].map((what) => `dropflash retry ${what}`);
  withCommonOptions(command, examples).action((what: string, options: RetryArgs) =>
    run(options, (io) =>
      withDaemon(options, io, async (target) => {
        const force = options.force === true;
        if (isRelease(what)) {
          if (force) throw new FlashError('USAGE_WRONG', 'force is for a single job, after a look at its device');
          const path = `/v1/rollouts/${encodeURIComponent(what)}/retry`;
          return printBatch(await ask<BatchDocument>(target, 'POST', path, {}), RETRIED, options, io);
        }
        const answer = await ask<JobDocument>(target, 'POST', `/v1/jobs/${encodeURIComponent(what)}/retry`, { force });
        if (options.json) printJson(io, answer);
        else printLines(io.stdout, [printable(`job ${answer.job.id} for ${answer.device} is queued again`)]);
        return EXIT.done;
      }),
    ),
  );
}

const RETRIED = { planned: 'is queued again', none: 'no job of this release has failed' } as const;

/** Ids say by their first letter what they are of (`newId`). */
function isRelease(id: string): boolean {
  return id.startsWith('r');
}
