import type { BatchDocument } from '../control/documents.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import type { Io } from './io.ts';
import { printable, printJson, printLines } from './output.ts';

/** Prints what became of an order for many devices. It failed where nothing was planned although somebody wanted it. */
export function printBatch(batch: BatchDocument, what: string, options: { readonly json?: boolean }, io: Io): ExitCode {
  const { planned, refused, withdrawnFrom } = batch;
  if (options.json) printJson(io, batch);
  else {
    const isNothing = planned.length + refused.length === 0 && withdrawnFrom === undefined;
    const none = isNothing ? ['there is nothing to do'] : [];
    const lines = [
      ...planned.map(({ job, device }) => `${device} ${what}: job ${job.id}`),
      ...(withdrawnFrom === undefined ? [] : [`withdrawn from ${withdrawnFrom}; devices that have it keep it`]),
      ...refused.map(({ device, reason }) => `${device} is left alone: ${reason}`),
    ];
    printLines(io.stdout, [...none, ...lines.map(printable)]);
  }
  return planned.length === 0 && refused.length > 0 ? EXIT.failed : EXIT.done;
}
