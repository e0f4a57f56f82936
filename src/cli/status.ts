import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { ask } from '../control/client.ts';
import type { BoardDocument, StatusDocument, UnderWayDocument } from '../control/documents.ts';
import { EXIT } from '../service/exit-codes.ts';
import { type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { type ControlArgs, withDaemon } from './control-target.ts';
import { humanDuration, printable, printJson, printLines, tableLines } from './output.ts';

/** Adds `dropflash status`, which needs a running daemon. */
export function defineStatus(program: Command, run: Run): void {
  const command = program
    .command('status')
    .summary('the running daemon at a glance')
    .description('Asks the running daemon what it knows and what is under way. Fails where none runs.')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, ['dropflash status', 'dropflash status --json']).action((options: ControlArgs) =>
    run(options, (io) =>
      withDaemon(options, io, async (target) => {
        const status = await ask<StatusDocument>(target, 'GET', '/v1/status');
        if (options.json) printJson(io, status);
        else printLines(io.stdout, statusLines(status, systemClock.now()));
        return EXIT.done;
      }),
    ),
  );
}

/** The status for people: two lines, and a table of jobs and one of boards where there are any. */
export function statusLines(status: StatusDocument, nowMs: number): string[] {
  const { devices, jobs, underWay, boards } = status;
  return [
    `dropflash ${status.version}, process ${status.pid}, up for ${humanDuration(nowMs - status.startedMs)}`,
    `devices: ${devices.present} present, ${devices.away} away, ${devices.unknown} not announced`,
    `jobs: ${jobs.queued} queued, ${jobs.running} running, ${jobs.confirming} awaiting a return`,
    ...(underWay.length === 0 ? [] : ['', ...tableLines([['JOB', 'DEVICE', 'RULE', 'NOW'], ...underWay.map(rowOf)])]),
    ...(boards.length === 0 ? [] : ['', ...tableLines([['UNIT', 'SLOT', 'BOARD', 'NOW'], ...boards.map(boardRowOf)])]),
  ];
}

function boardRowOf({ unit, device, mac, state, sentBytes, totalBytes }: BoardDocument): string[] {
  return [unit, printable(device), mac ?? '-', `${state}${percentOf(sentBytes, totalBytes)}`];
}

function rowOf({ job, device, rule, state, step, sentBytes, totalBytes }: UnderWayDocument): string[] {
  return [
    job,
    printable(device),
    printable(rule),
    state === 'confirming' ? 'awaiting its return' : `${step ?? state}${percentOf(sentBytes, totalBytes)}`,
  ];
}

function percentOf(sentBytes: number | null, totalBytes: number | null): string {
  return sentBytes === null || !totalBytes ? '' : ` ${Math.floor((100 * sentBytes) / totalBytes)}%`;
}
