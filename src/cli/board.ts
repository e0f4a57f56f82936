import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { readOptions } from '../config/option-values.ts';
import { FlashError } from '../errors.ts';
import { type Logger, silentLogger } from '../log.ts';
import type { SerialPortFacts } from '../model/device.ts';
import type { OptionValues } from '../model/fields.ts';
import { connectBoard, type EspBoard } from '../protocols/esptool/board.ts';
import { serial } from '../protocols/esptool/index.ts';
import { PreparedImages } from '../protocols/esptool/prepared-image.ts';
import { createServiceLog } from '../service/winston-logger.ts';
import { createNodeLinks } from '../transports/node-links.ts';
import { type CommonOptions, setOption } from './command.ts';
import type { Io } from './io.ts';
import { hasColours } from './output.ts';
import { createProgress, type Progress } from './progress.ts';
import { parsePortName, portFacts } from './serial-port.ts';
import { listPorts } from './system-ports.ts';

/** What the commands for one board on one port have in common. */
export interface BoardArgs extends CommonOptions {
  readonly port: string;
  readonly set: readonly string[];
}

/** docs/config.md says of each what it means: they are the keys of a rule's `update:`. */
const OPTION_NAMES = Object.keys(serial.options).join(', ');

/** Adds `--port` and `--set`. */
export function withBoardOptions(command: Command): Command {
  return command
    .requiredOption(
      '--port <port>',
      '/dev/ttyUSB0, COM3, tcp://HOST:PORT or rfc2217://HOST:PORT; @BAUD at its end sets the rate',
    )
    .addOption(setOption(`an option of the serial protocol, each by a --set of its own: ${OPTION_NAMES}`));
}

/** How a command reaches its board. */
export interface BoardLine {
  readonly port: SerialPortFacts;
  readonly options: OptionValues;
  readonly log: Logger;
  readonly progress: Progress;
}

/**
 * Finds out how to reach the board, and does the work with a progress bar. Throws USAGE_BAD_TARGET, USAGE_WRONG, what `work` throws, and
 * USAGE_INTERRUPTED where a person ended it.
 */
export async function withBoardLine<T>(args: BoardArgs, io: Io, work: (line: BoardLine) => Promise<T>): Promise<T> {
  const { path, baudRate } = parsePortName(args.port);
  const options = boardOptions(args.set, baudRate, io);
  const port = await portFacts(path, listPorts);
  const output = { stdout: io.stderr, colours: hasColours(io, io.stderr), clock: systemClock };
  const log = args.verbose ? createServiceLog({ level: 'debug', format: 'pretty', file: null }, output) : null;
  const progress = createProgress(io.stderr, path, systemClock);
  try {
    return await work({ port, options, log: log?.logger ?? silentLogger, progress });
  } catch (error) {
    if (error !== io.signals.stop.reason) throw error;
    throw new FlashError('USAGE_INTERRUPTED', `${path}: interrupted; run the command again to make it whole`);
  } finally {
    progress.finish();
    await log?.close();
  }
}

/** The same with the board in its loader. Afterwards the board runs again, however the work ended. */
export function withBoard<T>(
  args: BoardArgs,
  io: Io,
  work: (board: EspBoard, progress: Progress) => Promise<T>,
): Promise<T> {
  return withBoardLine(args, io, async ({ port, options, log, progress }) => {
    const clock = systemClock;
    const around = { links: createNodeLinks(clock, log), clock, log, prepared: new PreparedImages() };
    progress.step('connect');
    const board = await connectBoard(port, options, around, io.signals.stop);
    try {
      const result = await work(board, progress);
      await board.restart(null);
      return result;
    } catch (error) {
      // What went wrong is what the person has to read, and not that the restart did not work either.
      await board.restart(null).catch(() => undefined);
      throw error;
    } finally {
      await board.close();
    }
  });
}

function boardOptions(set: readonly string[], baudRate: number | null, io: Io): OptionValues {
  const given: Record<string, string> = baudRate === null ? {} : { baud: `${baudRate}` };
  for (const assignment of set) {
    const [key = '', ...rest] = assignment.split('=');
    if (key === '' || rest.length === 0) throw wrong('--set takes KEY=VALUE');
    if (key in given) throw wrong(`${key} is given twice`);
    given[key] = rest.join('=');
  }
  const { options, problems } = readOptions(serial.options, given, { variables: io.env, folder: io.cwd });
  if (options === null) throw wrong(`options of ${serial.name}: ${problems.join('; ')}`);
  return options;
}

function wrong(message: string): FlashError {
  return new FlashError('USAGE_WRONG', message);
}
