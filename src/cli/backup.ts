import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { systemClock } from '../clock.ts';
import { FlashError } from '../errors.ts';
import { type BackupMetadata, metadataPath, writeBackup } from '../jobs/backup/backup-file.ts';
import type { BoardIdentity } from '../model/unit.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import { type BoardArgs, withBoard, withBoardOptions } from './board.ts';
import { type Run, withCommonOptions } from './command.ts';
import type { Io } from './io.ts';
import { humanSize, paint, printJson } from './output.ts';

interface BackupArgs extends BoardArgs {
  readonly out?: string;
  readonly size?: number;
  readonly force?: boolean;
}

/** Adds `dropflash backup`, for one board on one port; it needs neither daemon nor config. */
export function defineBackup(program: Command, run: Run): void {
  const command = withBoardOptions(
    program
      .command('backup')
      .summary('the whole flash of a board in a file')
      .description(
        'Reads the whole flash of a board, compares it with the hashes that the chip computes, and writes it to a file with a .json beside it ' +
          'that says whose it is.',
      ),
  )
    .option('--out <file>', 'where to; without it: CHIP-MAC.bin in the current folder')
    .option('--size <bytes>', 'how much, where the flash chip does not tell its size or not all is wanted', bytes)
    .option('--force', 'in place of a backup of the same name');
  withCommonOptions(command, [
    'dropflash backup --port /dev/ttyUSB0',
    'dropflash backup --port COM3@460800 --out gateway.bin --json',
  ]).action((options: BackupArgs) => run(options, (io) => backup(options, io)));
}

const LARGEST_FLASH_BYTES = 0x10000000;

function bytes(text: string): number {
  const size = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : 0;
  if (size < 1 || size > LARGEST_FLASH_BYTES)
    throw new InvalidArgumentError('It is a number of bytes such as 0x400000.');
  return size;
}

async function backup(args: BackupArgs, io: Io): Promise<ExitCode> {
  const { path, metadata } = await withBoard(args, io, async (board, progress) => {
    const target = { path: resolve(io.cwd, args.out ?? usualName(board.identity)), clock: systemClock };
    if (!args.force) refuseToReplace(target.path);
    const sizeBytes = args.size ?? board.identity.flashSizeBytes;
    if (sizeBytes === null)
      throw new FlashError('BACKUP_NO_SIZE', `${args.port}: the flash chip does not tell its size`);
    progress.step('read');
    const onBytes = (done: number, total: number) => progress.update(done, total);
    return { path: target.path, metadata: await writeBackup(board, { ...target, sizeBytes }, onBytes) };
  });
  if (args.json) printJson(io, { ...metadata, path });
  else io.stdout.write(`${paint(io, io.stdout, 'green', sentence(path, metadata))}\n`);
  return EXIT.done;
}

/** The backup that is there may be the only copy of a firmware that works. */
function refuseToReplace(path: string): void {
  const taken = [path, metadataPath(path)].find(existsSync);
  if (taken !== undefined) throw new FlashError('BACKUP_EXISTS', `${taken} is there already`);
}

function usualName({ chip, mac }: BoardIdentity): string {
  return `${chip}-${mac.replaceAll(':', '-')}.bin`;
}

function sentence(path: string, { chip, mac, sizeBytes, sha256 }: BackupMetadata): string {
  return `${path}: ${humanSize(sizeBytes)} of ${chip} ${mac}, verified, SHA-256 ${sha256}`;
}
