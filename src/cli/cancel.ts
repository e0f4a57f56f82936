import type { Command } from 'commander';
import { ask } from '../control/client.ts';
import type { JobDocument } from '../control/documents.ts';
import { EXIT } from '../service/exit-codes.ts';
import { type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { type ControlArgs, withDaemon } from './control-target.ts';
import { printable, printJson, printLines } from './output.ts';

/** Adds `dropflash cancel`, which needs a running daemon. */
export function defineCancel(program: Command, run: Run): void {
  const command = program
    .command('cancel')
    .summary('takes out a job that has not started')
    .description(
      'Asks the running daemon to leave a device alone for this release. A job that is being sent goes on to its end. ' +
        '"dropflash retry" brings the job back.',
    )
    .argument('<job>', 'as "dropflash jobs" prints it')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash cancel j7f3a09b2c4']).action((job: string, options: ControlArgs) =>
    run(options, (io) =>
      withDaemon(options, io, async (target) => {
        const answer = await ask<JobDocument>(target, 'POST', `/v1/jobs/${encodeURIComponent(job)}/cancel`, {});
        if (options.json) printJson(io, answer);
        else printLines(io.stdout, [printable(`job ${answer.job.id} for ${answer.device} is taken out`)]);
        return EXIT.done;
      }),
    ),
  );
}
