import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { ask } from '../control/client.ts';
import type { HistoryDocument, HistoryJob } from '../control/documents.ts';
import { EXIT } from '../service/exit-codes.ts';
import { type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { type ControlArgs, withDaemon } from './control-target.ts';
import { deviceLines } from './explain.ts';
import { printable, printJson, printLines, tableLines } from './output.ts';

/** Adds `dropflash history`, which needs a running daemon. */
export function defineHistory(program: Command, run: Run): void {
  const command = program
    .command('history')
    .summary('what was done to a device')
    .description('Asks the running daemon for the jobs of a device, newest first, with what came of each.')
    .argument('<device>', 'its name, id, MAC or address; of one that fetches by itself also user@address')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash history kitchen-plug', 'dropflash history 10.0.7.31 --json']).action(
    (device: string, options: ControlArgs) =>
      run(options, (io) =>
        withDaemon(options, io, async (target) => {
          const path = `/v1/devices/${encodeURIComponent(device)}/history`;
          const history = await ask<HistoryDocument>(target, 'GET', path);
          if (options.json) printJson(io, history);
          else printLines(io.stdout, linesOf(history));
          return EXIT.done;
        }),
      ),
  );
}

function linesOf({ device, holds, jobs }: HistoryDocument): string[] {
  const head = deviceLines(device, holds, systemClock.now());
  if (jobs.length === 0) return [...head, '', 'nothing was done to it yet'];
  return [
    ...head,
    '',
    ...tableLines([['JOB', 'PLANNED', 'IMAGE', 'RULE', 'STATE', 'PROOF', 'TRIES', 'ERROR'], ...jobs.map(rowOf)]),
  ];
}

function rowOf(job: HistoryJob): string[] {
  return [
    job.id,
    new Date(job.createdMs).toISOString(),
    printable(job.imageName ?? '?'),
    printable(job.rule),
    job.state,
    job.proof ?? '-',
    `${job.attemptRecords.length}`,
    job.error?.code ?? '-',
  ];
}
