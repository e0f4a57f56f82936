/**
 * A drop folder in a process of its own, for kill.test.ts: finishes every drop at once as done.
 * Arguments: the drop folder, the data folder.
 */
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../src/clock.ts';
import { ImageStore } from '../../../src/firmware/store.ts';
import { silentLogger } from '../../../src/log.ts';
import type { Drop, DropFolderName, DropLedger, TakenFile } from '../../../src/model/drop.ts';
import { DropFolder } from '../../../src/watcher/drop-folder.ts';
import { MemoryLedger, resultFor } from '../../unit/watcher/support.ts';

/** Each call is one synced line; a line cut by the crash was never answered, so it counts as not written. */
export class FileLedger implements DropLedger {
  readonly #memory = new MemoryLedger();
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) this.#replay(JSON.parse(line));
  }

  get drops(): ReadonlyMap<string, Drop> {
    return this.#memory.drops;
  }

  taken(file: TakenFile): Drop {
    const drop = this.#memory.taken(file);
    this.#append(drop);
    return drop;
  }

  filePartsOf(dropId: string): readonly Drop[] {
    return this.#memory.filePartsOf(dropId);
  }

  rejected(): void {
    // What these tests look at is in the folder.
  }

  placed(dropId: string, folder: DropFolderName, placedName: string | null): void {
    this.#memory.placed(dropId, folder, placedName);
    this.#append(this.#memory.drops.get(dropId));
  }

  unfinished(): readonly Drop[] {
    return this.#memory.unfinished();
  }

  #replay(drop: Drop): void {
    this.#memory.drops.set(drop.id, drop);
  }

  #append(drop: Drop | undefined): void {
    const file = openSync(this.#path, 'a');
    appendFileSync(file, `${JSON.stringify(drop)}\n`);
    fsyncSync(file);
    closeSync(file);
  }
}

async function main(root: string, data: string): Promise<void> {
  const store = new ImageStore(join(data, 'firmware'));
  await store.open();
  const folder = new DropFolder({
    settings: { path: root, settleMs: 100, scanMs: 1_000 },
    clock: systemClock,
    log: silentLogger,
    ledger: new FileLedger(join(data, 'ledger')),
    store,
    onDrop: (drop) => folder.finish(drop, 'done', resultFor(drop, 'done')),
  });
  await folder.start(new AbortController().signal);
  process.send?.('started');
}

const [root, data] = process.argv.slice(2);
if (process.send !== undefined && root !== undefined && data !== undefined) await main(root, data);
