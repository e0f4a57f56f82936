import type { BatchDocument } from '../control/documents.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import type { Io } from './io.ts';
import { printable, printJson, printLines } from './output.ts';

/** How an order for many devices is told of. */
export interface BatchWords {
  /** Follows on the name of a device that gets a job. */
  readonly planned: string;
  /** Why nobody gets one. */
  readonly none: string;
}

/** Prints what became of an order for many devices. It failed where nothing was planned although somebody wanted it. */
export function printBatch(
  batch: BatchDocument,
  words: BatchWords,
  options: { readonly json?: boolean },
  io: Io,
): ExitCode {
  const { planned, refused, withdrawnFrom, takenOut } = batch;
  if (options.json) printJson(io, batch);
  else {
    const lines = [
      ...planned.map(({ job, device }) => `${device} ${words.planned}: job ${job.id}`),
      ...(withdrawnFrom === undefined ? [] : [`withdrawn from ${withdrawnFrom}; devices that have it keep it`]),
      ...(takenOut === undefined ? [] : [withdrawnText(takenOut)]),
      ...refused.map(({ device, reason }) => `${device} is left alone: ${reason}`),
    ];
    printLines(io.stdout, (lines.length === 0 ? [`there is nothing to do: ${words.none}`] : lines).map(printable));
  }
  return planned.length === 0 && refused.length > 0 ? EXIT.failed : EXIT.done;
}

function withdrawnText(takenOut: number): string {
  const jobs = takenOut === 1 ? '; one job that waited is taken out' : `; ${takenOut} jobs that waited are taken out`;
  return `the release is withdrawn: no other device gets it${takenOut === 0 ? '' : jobs}`;
}
