import { type Command, InvalidArgumentError } from 'commander';
import { systemClock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import { hex } from '../firmware/findings.ts';
import { SECTOR_BYTES } from '../protocols/esptool/constants.ts';
import { eraseFlash } from '../protocols/esptool/operations.ts';
import { readOptions } from '../protocols/esptool/options.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { createNodeLinks } from '../transports/node-links.ts';
import { type BoardArgs, withBoardLine, withBoardOptions } from './board.ts';
import { type Run, withCommonOptions } from './command.ts';
import type { Io } from './io.ts';
import { paint, printJson } from './output.ts';

interface Range {
  readonly offset: number;
  readonly sizeBytes: number;
}

interface EraseArgs extends BoardArgs {
  readonly region?: Range;
  readonly all?: boolean;
}

/** Adds `dropflash erase`, for one board on one port; it needs neither daemon nor config. */
export function defineErase(program: Command, run: Run): void {
  const command = withBoardOptions(
    program
      .command('erase')
      .summary('the flash of a board, or a region of it')
      .description(
        'Erases the whole flash, with calibration, keys and serial numbers, or a region of whole sectors (4,096 bytes).',
      ),
  )
    .option('--region <offset:bytes>', 'only this, such as 0x9000:0x5000', region)
    .option('--all', 'everything');
  withCommonOptions(command, [
    'dropflash erase --port /dev/ttyUSB0 --region 0x9000:0x5000',
    'dropflash erase --port /dev/ttyUSB0 --all',
  ]).action((options: EraseArgs) =>
    run(options, async (io) => {
      // What is lost cannot be got back: it has to be said clearly what is meant.
      if ((options.region === undefined) === (options.all !== true))
        throw new FlashError('USAGE_WRONG', 'say either --all or --region OFFSET:BYTES');
      return erase(options, io);
    }),
  );
}

function region(text: string): Range {
  const [, offset, sizeBytes] = /^(0x[0-9a-f]{1,8}|\d{1,10}):(0x[0-9a-f]{1,8}|\d{1,10})$/i.exec(text) ?? [];
  if (offset === undefined || sizeBytes === undefined)
    throw new InvalidArgumentError('It is OFFSET:BYTES, such as 0x9000:0x5000.');
  const range = { offset: Number(offset), sizeBytes: Number(sizeBytes) };
  if (range.offset % SECTOR_BYTES !== 0 || range.sizeBytes % SECTOR_BYTES !== 0 || range.sizeBytes === 0)
    throw new InvalidArgumentError(`Both are multiples of ${hex(SECTOR_BYTES)}: flash is erased by whole sectors.`);
  return range;
}

async function erase(args: EraseArgs, io: Io): Promise<ExitCode> {
  const info = await withBoardLine(args, io, ({ port, options, log, progress }) => {
    progress.step('erase');
    const links = createNodeLinks(systemClock, log);
    const settings = { ...readOptions(options), port, links, clock: systemClock, log, signal: io.signals.stop };
    return eraseFlash(settings, args.region ?? 'all');
  });
  const erased = args.region ?? 'all';
  if (args.json) printJson(io, { outcome: 'succeeded', chip: info.chip, mac: info.mac, erased });
  else
    io.stdout.write(
      `${paint(io, io.stdout, 'green', `${[info.description, info.mac].filter((part) => part !== null).join(' ')}: erased`)}\n`,
    );
  return EXIT.done;
}
