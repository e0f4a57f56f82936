import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import type { ConfigProblem } from './problem.ts';

/** No config needs more; a wrong path might lead to a firmware image. */
const MAX_BYTES = 2 * 1024 * 1024;

/** The text of a file, or why it cannot be read. */
export type SourceFile = { readonly text: string } | { readonly problem: ConfigProblem };

/** The text of a config file, or why there is none. Never throws; never waits for a pipe that nobody writes to. */
export async function readSource(file: string): Promise<SourceFile> {
  const unreadable = (message: string, line = 1): SourceFile => ({
    problem: { file, line, column: 1, path: '', code: 'CONFIG_UNREADABLE', message },
  });
  try {
    const stats = await stat(file);
    if (stats.isDirectory()) return unreadable('this is a folder');
    if (!stats.isFile()) return unreadable('this is no regular file');
    if (stats.size > MAX_BYTES) {
      return unreadable(`${stats.size} bytes are too many for a config; the limit is ${MAX_BYTES}`);
    }
    const bytes = await readFile(file);
    return isUtf8(bytes)
      ? { text: bytes.toString('utf8') }
      : unreadable('this line is not UTF-8 text', lineOfBadByte(bytes));
  } catch (error) {
    const errno = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return unreadable(READ_FAILURES[errno] ?? `the file cannot be read (${errno})`);
  }
}

const READ_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is no folder',
  EACCES: 'this user may not read the file',
};

/** A line feed is never part of a longer UTF-8 character, so lines can be judged one by one. */
function lineOfBadByte(bytes: Buffer): number {
  let line = 1;
  let start = 0;
  let end = bytes.indexOf(0x0a);
  while (end !== -1 && isUtf8(bytes.subarray(start, end))) {
    start = end + 1;
    end = bytes.indexOf(0x0a, start);
    line += 1;
  }
  return line;
}
