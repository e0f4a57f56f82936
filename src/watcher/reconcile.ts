import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FlashError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Drop, DropLedger } from '../model/drop.ts';
import { type EntryName, entryNameOf, RESULT_SUFFIX, SIDECAR_SUFFIX } from './entry-name.ts';
import { exists, type FolderEntry, lookAt, MOVING_PREFIX, pathIn, readFolder } from './files.ts';
import type { Intake } from './intake.ts';
import type { Notices } from './notices.ts';
import { holdsRelease } from './packed-release.ts';
import type { SubFolders } from './sub-folders.ts';

/** What folder and journal are compared with after a crash. */
export interface ReconcileParts {
  readonly root: string;
  readonly log: Logger;
  readonly notices: Notices;
  readonly ledger: DropLedger;
  readonly folders: SubFolders;
  readonly intake: Intake;
}

/**
 * After a restart: makes the folder and the ledger agree again, whatever was under way when the process died. Content, not
 * names, tells which file belongs to which drop. Files in `working/` that no drop claims are left where they are: nobody
 * knows any more what was decided about them, and nothing is flashed by surprise.
 *
 * @returns the drops to go on with, oldest first.
 */
export async function reconcile(parts: ReconcileParts): Promise<Drop[]> {
  const { folders, ledger, log } = parts;
  await folders.recover();
  const unfinished = ledger.unfinished();
  const strangers = await findStrangers(folders, unfinished);
  const drops: Drop[] = [];
  for (const drop of unfinished) {
    const found = await findDrop(parts, drop, strangers);
    if (found !== drop) log.info('drop.reconciled', { file: drop.name, drop: drop.id, placedName: found.placedName });
    drops.push(found);
  }
  for (const name of strangers) {
    const error = new FlashError('WATCH_UNKNOWN_FILE', `"${name.text}" lies in working/ and belongs to no drop`);
    parts.notices.tell(`working/${name.key}`, 'file.left', error, { file: name.text });
  }
  return drops;
}

/** What lies in `working/` unclaimed; half-made copies of our own are removed, since their source is still there. */
async function findStrangers(folders: SubFolders, unfinished: readonly Drop[]): Promise<Set<EntryName>> {
  const claimed = new Set(unfinished.flatMap(({ placedName }) => placedName ?? []));
  const working = folders.pathOf('working');
  const entries = await readFolder(working);
  const isCopy = ({ name }: FolderEntry) => name.text.startsWith(MOVING_PREFIX);
  for (const { name } of entries.filter(isCopy)) await rm(join(working, name.text), { force: true, recursive: true });
  const isImage = ({ name, type }: FolderEntry) =>
    type === 'folder' || (type === 'file' && !name.text.endsWith(SIDECAR_SUFFIX) && !name.text.endsWith(RESULT_SUFFIX));
  const strangers = entries.filter((entry) => isImage(entry) && !isCopy(entry) && !claimed.has(entry.name.text));
  return new Set(strangers.map(({ name }) => name));
}

async function findDrop(parts: ReconcileParts, drop: Drop, strangers: Set<EntryName>): Promise<Drop> {
  const working = parts.folders.pathOf('working');
  if (drop.placedName !== null && (await exists(join(working, drop.placedName)))) return drop;
  return (await claimStranger(parts, drop, strangers)) ?? (await moveAgain(parts, drop)) ?? giveUp(parts, drop);
}

/** Moved, but the ledger was not told. */
async function claimStranger(parts: ReconcileParts, drop: Drop, strangers: Set<EntryName>): Promise<Drop | null> {
  const { folders, intake, root } = parts;
  for (const name of strangers) {
    if (!(await holds(pathIn(folders.pathOf('working'), name), drop))) continue;
    strangers.delete(name);
    const source = pathIn(root, entryNameOf(drop.name));
    if (!(await exists(source))) await folders.moveSidecar(source, join(folders.pathOf('working'), name.text));
    return intake.record(drop, name.text);
  }
  return null;
}

/** Taken, but not moved: still in the drop folder, with the same content. */
async function moveAgain({ root, intake }: ReconcileParts, drop: Drop): Promise<Drop | null> {
  const entries = await readFolder(root);
  for (const { name, type } of entries) {
    if ((type !== 'file' && type !== 'folder') || name.text !== drop.name) continue;
    const path = pathIn(root, name);
    const look = await lookAt(path);
    if (look === null || !(await holds(path, drop))) continue;
    return intake.record(drop, await intake.move(drop, { name, snapshot: look.snapshot }));
  }
  return null;
}

/** Somebody removed the file. Its bytes are in the store, so the drop goes on without it. */
function giveUp({ intake, log }: ReconcileParts, drop: Drop): Drop {
  log.warn('file.vanished', { file: drop.name, drop: drop.id, image: drop.sha256 });
  // One that was in working/ keeps its place: its volume may only be away. Its last move finds out.
  return drop.folder === null ? intake.record(drop, null) : drop;
}

async function holds(path: Buffer, drop: Drop): Promise<boolean> {
  const { sha256, sizeBytes } = drop;
  const look = await lookAt(path);
  if (look?.type === 'folder') return holdsRelease(String(path), drop);
  if (look?.type !== 'file' || look.snapshot.sizeBytes !== sizeBytes) return false;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex') === sha256;
}
