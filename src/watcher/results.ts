import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { DropResult } from '../model/drop.ts';
import { RESULT_SUFFIX } from './entry-name.ts';
import { isMissing } from './files.ts';

/** The result as it stands in the file: with the drop it belongs to, or null for a file that was refused at the door. */
export interface WrittenResult extends DropResult {
  readonly drop: string | null;
}

/** Beside the file, which may have got another name when it was moved. */
export function resultPath(folder: string, name: string): string {
  return join(folder, `${name}${RESULT_SUFFIX}`);
}

/** A result that is written while its file is still on the way. A dot file, so that nobody takes it for the result. */
export function pendingPath(folder: string, name: string): string {
  return join(folder, `.${name}${RESULT_SUFFIX}.tmp`);
}

/** The name that a pending result belongs to, or null for any other entry. */
export function nameOfPending(entry: string): string | null {
  const suffix = `${RESULT_SUFFIX}.tmp`;
  return entry.startsWith('.') && entry.endsWith(suffix) ? entry.slice(1, -suffix.length) : null;
}

/** First half: the result is on the disk, synced, but does not count yet. */
export async function writePending(folder: string, name: string, result: WrittenResult): Promise<void> {
  await using handle = await open(pendingPath(folder, name), 'w');
  await handle.writeFile(`${JSON.stringify(result, null, 2)}\n`);
  await handle.sync();
}

/** Second half, once the file is in its place: the result appears whole, or not at all. */
export async function commitPending(folder: string, name: string): Promise<void> {
  await rename(pendingPath(folder, name), resultPath(folder, name));
}

/** The drop that a result file belongs to, or null where there is no such file, or it is not ours. */
export async function dropOfResult(path: string): Promise<string | null> {
  try {
    const result: unknown = JSON.parse(await readFile(path, 'utf8'));
    const drop = typeof result === 'object' && result !== null && 'drop' in result ? result.drop : null;
    return typeof drop === 'string' ? drop : null;
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return null;
    throw error;
  }
}
