import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import type { Board, OnBytes } from '../line/bench.ts';
import { metadataPath, writeBackup } from './backup-file.ts';

/** `20261121T004813456Z.bin`: in the order of their making. */
const BACKUP_NAME = /^\d{8}T\d{9}Z\.bin$/;

/** The backups of a data folder, by board. */
export class BackupShelf {
  readonly #folder: string;
  readonly #clock: Clock;

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /**
   * Backs up the whole flash, and then lets go of the oldest backups of this board beyond `keep`. Resolves with the path of the new one.
   *
   * @throws FlashError BACKUP_NO_SIZE, and what {@link writeBackup} throws
   */
  async make(board: Board, keep: number, onBytes: OnBytes): Promise<string> {
    const { flashSizeBytes, mac, chip } = board.identity;
    if (flashSizeBytes === null)
      throw new FlashError('BACKUP_NO_SIZE', `${chip} ${mac} does not tell how large its flash is`);
    const folder = join(this.#folder, mac.replaceAll(':', '-'));
    const name = new Date(this.#clock.now()).toISOString().replaceAll(/[-:.]/g, '');
    const path = join(folder, `${name}.bin`);
    await writeBackup(board, { path, sizeBytes: flashSizeBytes, clock: this.#clock }, onBytes);
    await prune(folder, keep);
    return path;
  }
}

/** What cannot be removed now is removed after the next backup. */
async function prune(folder: string, keep: number): Promise<void> {
  const backups = (await readdir(folder)).filter((name) => BACKUP_NAME.test(name)).sort();
  for (const name of backups.slice(0, Math.max(0, backups.length - keep))) {
    const path = join(folder, name);
    await rm(path, { force: true }).catch(() => undefined);
    await rm(metadataPath(path), { force: true }).catch(() => undefined);
  }
}
