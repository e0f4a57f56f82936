import { existsSync } from 'node:fs';
import { FlashError } from '../errors.ts';
import { Journal } from '../jobs/journal/journal.ts';
import { EXIT, type ExitCode } from '../service/exit-codes.ts';
import type { CommonOptions } from './command.ts';
import { placeForCommand } from './config-file.ts';
import type { Io } from './io.ts';

/**
 * Hands the journal of the config's data folder to a command that only looks, also while a daemon writes in it.
 * Throws JOURNAL_NOT_FOUND where no daemon has run on that folder yet.
 */
export async function withJournal(
  args: CommonOptions & { readonly config: string },
  io: Io,
  look: (journal: Journal) => ExitCode,
): Promise<ExitCode> {
  const place = await placeForCommand(args, io);
  if (place === null) return EXIT.config;
  const path = Journal.pathIn(place.dataPath);
  if (!existsSync(path)) throw new FlashError('JOURNAL_NOT_FOUND', `there is no journal at ${path}`);
  const journal = Journal.openToRead(path);
  try {
    return look(journal);
  } finally {
    journal.close();
  }
}
