import { resolve } from 'node:path';
import type { Command } from 'commander';
import { readBackup, refuseOtherBoard } from '../jobs/backup/backup-file.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type BoardArgs, withBoard, withBoardOptions } from './board.ts';
import { type Run, withCommonOptions } from './command.ts';
import type { Io } from './io.ts';
import { humanSize, paint, printJson } from './output.ts';

interface RestoreArgs extends BoardArgs {
  readonly force?: boolean;
}

/** Adds `dropflash restore`, for one board on one port; it needs neither daemon nor config. */
export function defineRestore(program: Command, run: Run): void {
  const command = withBoardOptions(
    program
      .command('restore')
      .summary('a backup back onto its board')
      .description(
        'Writes a backup back, every byte as it was, and compares. Refuses a file that has changed since, a board that it is not of, and one whose ' +
          'flash encryption was switched on or off since.',
      )
      .argument('<backup>', 'the .bin file that "backup" made, with its .json beside it'),
  ).option('--force', 'restore all the same to another board or chip, or with other flash encryption');
  withCommonOptions(command, ['dropflash restore esp32-10-00-3b-01-02-03.bin --port /dev/ttyUSB0']).action(
    (file: string, options: RestoreArgs) => run(options, (io) => restore(file, options, io)),
  );
}

async function restore(file: string, args: RestoreArgs, io: Io): Promise<ExitCode> {
  const path = resolve(io.cwd, file);
  const { metadata, bytes } = await readBackup(path);
  const identity = await withBoard(args, io, async (board, progress) => {
    if (!args.force) refuseOtherBoard(metadata, board.identity);
    progress.step('write');
    await board.restore(bytes, (done, total) => progress.update(done, total));
    return board.identity;
  });
  const { chip, mac } = identity;
  if (args.json)
    printJson(io, { outcome: 'succeeded', path, chip, mac, sizeBytes: bytes.length, sha256: metadata.sha256 });
  else
    io.stdout.write(
      `${paint(io, io.stdout, 'green', `${chip} ${mac}: ${humanSize(bytes.length)} restored and verified`)}\n`,
    );
  return EXIT.done;
}
