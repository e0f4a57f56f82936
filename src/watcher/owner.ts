import { readFile } from 'node:fs/promises';
import { type FileOrigin, UNKNOWN_ORIGIN } from '../model/drop.ts';
import type { EntryLook } from './files.ts';

/** Whose file it is. Users of a directory service have a number and no name here. */
export async function originOf(look: Pick<EntryLook, 'ownerUid'> | null): Promise<FileOrigin> {
  if (look === null || process.platform === 'win32') return UNKNOWN_ORIGIN;
  const { ownerUid } = look;
  return { ownerUid, owner: await nameOf(ownerUid) };
}

/** passwd(5): name, password, number. */
async function nameOf(uid: number): Promise<string | null> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const fields = text.split('\n').map((line) => line.split(':'));
  return fields.find(([, , number]) => number === String(uid))?.[0] ?? null;
}
