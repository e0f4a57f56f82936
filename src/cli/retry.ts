import type { Command } from 'commander';
import { ask } from '../control/client.ts';
import type { JobDocument } from '../control/documents.ts';
import { EXIT } from '../service/exit-codes.ts';
import { type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { type ControlArgs, withDaemon } from './control-target.ts';
import { printable, printJson, printLines } from './output.ts';

interface RetryArgs extends ControlArgs {
  readonly force?: boolean;
}

export function defineRetry(program: Command, run: Run): void {
  const command = program
    .command('retry')
    .summary('starts a job again')
    .description(
      'Asks the running daemon to do a job again that failed or was cancelled. Where the device may have taken the image already, ' +
        'only --force sends it once more: look at the device first.',
    )
    .argument('<job>', 'as "dropflash jobs" prints it')
    .option('--force', 'also where the device may have taken the image')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash retry j7f3a09b2c4', 'dropflash retry j7f3a09b2c4 --force']).action(
    (job: string, options: RetryArgs) =>
      run(options, (io) =>
        withDaemon(options, io, async (target) => {
          const body = { force: options.force === true };
          const answer = await ask<JobDocument>(target, 'POST', `/v1/jobs/${encodeURIComponent(job)}/retry`, body);
          if (options.json) printJson(io, answer);
          else printLines(io.stdout, [printable(`job ${answer.job.id} for ${answer.device} is queued again`)]);
          return EXIT.done;
        }),
      ),
  );
}
