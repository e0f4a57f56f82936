import { type EntryName, kindOfName } from './entry-name.ts';
import { lookAt, pathIn } from './files.ts';
import { isSameBirth, isSameInode, type Snapshot } from './snapshot.ts';

interface Temporary {
  readonly name: EntryName;
  readonly snapshot: Snapshot;
}

/** `.app.bin.Xy3aB9`, which rsync calls `app.bin` until it has all of it (rsync, receiver.c, `get_tmpname`). */
function isRsyncNameOf({ key }: EntryName, temporary: EntryName): boolean {
  return temporary.key.startsWith(`.${key}.`) && /^\w{6}$/.test(temporary.key.slice(key.length + 2));
}

/** Uploads under way at one time that are remembered; the oldest goes first. */
const MOST_TEMPORARIES = 1_000;

/**
 * How files came by their names: written in place, or renamed into it. Two witnesses, either of which is enough:
 * - The events. inotify reports each write, in order, and before the writer's next step; so a file that has content, that
 *   appeared after the watch began, and of which no write was reported, was written elsewhere. Other systems report
 *   writes late or not at all, so only Linux is believed.
 * - The file itself, seen earlier under the name of an upload under way (`app.bin.part`): same inode, same birth time.
 *
 * A file that rsync has renamed is no proof: with `--partial` it gives an interrupted copy its name in just the same way.
 */
export class Arrivals {
  readonly #byName = new Map<string, 'moved' | 'written'>();
  /** By name, and by inode: a scan need not look again at a name that it knows. */
  readonly #temporaryNames = new Set<string>();
  readonly #temporaries = new Map<bigint, Temporary>();
  readonly #returned = new Map<string, Snapshot>();
  readonly #eventsTellWrites: boolean;

  constructor(platform: NodeJS.Platform = process.platform) {
    this.#eventsTellWrites = platform === 'linux';
  }

  /** Takes note of an event. A write stays on record until the name appears anew. */
  note(name: EntryName, isWrite: boolean): void {
    if (!this.#eventsTellWrites || kindOfName(name) !== 'image') return;
    this.#byName.set(name.key, isWrite ? 'written' : 'moved');
  }

  isTemporaryKnown(name: EntryName): boolean {
    return this.#temporaryNames.has(name.key);
  }

  /** Remembers which file has the name of an upload under way. */
  async noteTemporary(folder: string, name: EntryName): Promise<void> {
    this.#temporaryNames.add(name.key);
    const look = await lookAt(pathIn(folder, name));
    if (look?.type !== 'file') return;
    this.#temporaries.delete(look.snapshot.inode);
    this.#temporaries.set(look.snapshot.inode, { name, snapshot: look.snapshot });
    const [oldest] = this.#temporaries.keys();
    if (this.#temporaries.size > MOST_TEMPORARIES && oldest !== undefined) this.#temporaries.delete(oldest);
  }

  /** It was dropflash that moved this file into place, which says nothing about its writer. */
  noteReturned(name: EntryName, snapshot: Snapshot): void {
    this.#returned.set(name.key, snapshot);
  }

  wasMoved(name: EntryName, snapshot: Snapshot): boolean {
    const returned = this.#returned.get(name.key);
    if (returned !== undefined && isSameInode(returned, snapshot)) return false;
    const temporary = this.#temporaries.get(snapshot.inode);
    if (temporary !== undefined && isSameInode(temporary.snapshot, snapshot) && isRsyncNameOf(name, temporary.name))
      return false;
    const witnessed = this.#byName.get(name.key);
    if (witnessed !== undefined) return witnessed === 'moved';
    return temporary !== undefined && isSameBirth(temporary.snapshot, snapshot);
  }

  /** Forgets the names that are no longer there. */
  retain(keys: ReadonlySet<string>): void {
    for (const names of [this.#byName, this.#returned, this.#temporaryNames]) {
      for (const key of names.keys()) if (!keys.has(key)) names.delete(key);
    }
  }
}
