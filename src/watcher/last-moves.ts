import { FlashError } from '../errors.ts';
import type { Drop, DropLedger, DropResult, FinalFolder } from '../model/drop.ts';
import type { LateSidecars } from './late-sidecars.ts';
import type { Notices } from './notices.ts';
import type { SubFolders } from './sub-folders.ts';

/** What files are moved to their last place with. */
export interface LastMovesParts {
  readonly folders: SubFolders;
  readonly ledger: DropLedger;
  readonly notices: Notices;
  readonly sidecars: LateSidecars;
}

interface LastMove {
  readonly drop: Drop;
  readonly folder: FinalFolder;
  readonly result: DropResult;
}

/** Moves drops from `working/` to where they end. What cannot be moved now is put off; the ledger has it unfinished until then. */
export class LastMoves {
  readonly #parts: LastMovesParts;
  readonly #putOff = new Map<string, LastMove>();
  #areAllowed = false;

  constructor(parts: LastMovesParts) {
    this.#parts = parts;
  }

  /** What a crash cut in two is mended: until then a job that ends puts its file's move off, so as not to get in the way of that. */
  allow(): void {
    this.#areAllowed = true;
  }

  async make(move: LastMove): Promise<void> {
    const { folders, ledger, notices, sidecars } = this.#parts;
    const { drop, folder, result } = move;
    if (!this.#areAllowed) {
      this.#putOff.set(drop.id, move);
      return;
    }
    try {
      const placedName = await folders.finish(drop, folder, result);
      ledger.placed(drop.id, folder, placedName);
      sidecars.remember(drop, folder, placedName);
      this.#putOff.delete(drop.id);
      notices.settle(drop.id);
    } catch (error) {
      if (!(error instanceof FlashError)) throw error;
      this.#putOff.set(drop.id, move);
      notices.tell(drop.id, 'file.left', error, { file: drop.name, drop: drop.id });
    }
  }

  async retry(): Promise<void> {
    for (const move of [...this.#putOff.values()]) await this.make(move);
  }
}
