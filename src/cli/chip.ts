import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { type ChipInfo, chipInfo } from '../protocols/esptool/operations.ts';
import { readOptions } from '../protocols/esptool/options.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { createNodeLinks } from '../transports/node-links.ts';
import { type BoardArgs, withBoardLine, withBoardOptions } from './board.ts';
import { type Run, withCommonOptions } from './command.ts';
import type { Io } from './io.ts';
import { flashSize, printJson, printLines, tableLines } from './output.ts';

/** Adds `dropflash chip`, for one board on one port; it needs neither daemon nor config. */
export function defineChip(program: Command, run: Run): void {
  const command = withBoardOptions(
    program
      .command('chip')
      .summary('what is on this port')
      .description('Puts the chip on a port into its loader, asks what it is, and starts it again. Changes nothing.'),
  );
  withCommonOptions(command, [
    'dropflash chip --port /dev/ttyUSB0',
    'dropflash chip --port rfc2217://bench-3:4000 --json',
  ]).action((options: BoardArgs) => run(options, (io) => chip(options, io)));
}

async function chip(args: BoardArgs, io: Io): Promise<ExitCode> {
  const info = await withBoardLine(args, io, ({ port, options, log, progress }) => {
    progress.step('connect');
    const links = createNodeLinks(systemClock, log);
    return chipInfo({ ...readOptions(options), port, links, clock: systemClock, log, signal: io.signals.stop });
  });
  if (args.json) printJson(io, info);
  else printLines(io.stdout, tableLines(rowsOf(info)));
  return EXIT.done;
}

function rowsOf({ description, mac, flash, security, baudRate }: ChipInfo): string[][] {
  const locks = [
    security.hasSecureBoot ? 'secure boot' : null,
    security.hasFlashEncryption ? 'flash encryption' : null,
    security.isSecureDownload ? 'secure download mode' : null,
  ].filter((lock) => lock !== null);
  return [
    ['chip', description],
    ['MAC', mac ?? 'not told'],
    ['flash', flash === null ? 'not told' : flashText(flash)],
    ['security', locks.length === 0 ? 'open' : locks.join(', ')],
    ['baud', `${baudRate}`],
  ];
}

/** `4 MB, Winbond, id ef4016`. */
function flashText({ idText, vendor, sizeBytes }: NonNullable<ChipInfo['flash']>): string {
  const size = sizeBytes === null ? 'size not known' : flashSize(sizeBytes);
  return `${size}, ${vendor ?? 'maker not known'}, id ${idText}`;
}
