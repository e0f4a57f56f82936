import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';

/** A program that has a port open. */
export interface PortHolder {
  readonly pid: number;
  /** As the system lists it: `minicom`, `node`. */
  readonly program: string;
}

/**
 * The other programs that have `path` open. Only Linux tells, and only of processes that this one may look into: an empty list proves
 * nothing. Never throws.
 */
export async function portHolders(path: string, proc = '/proc'): Promise<PortHolder[]> {
  const device = await realpath(path).catch(() => path);
  const holders: PortHolder[] = [];
  for (const name of await namesIn(proc)) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    if (await holds(join(proc, name, 'fd'), device)) {
      holders.push({ pid: Number(name), program: await programName(join(proc, name)) });
    }
  }
  return holders;
}

async function holds(descriptors: string, device: string): Promise<boolean> {
  for (const name of await namesIn(descriptors)) {
    if ((await readlink(join(descriptors, name)).catch(() => '')) === device) return true;
  }
  return false;
}

async function programName(process: string): Promise<string> {
  return (await readFile(join(process, 'comm'), 'utf8').catch(() => 'a program')).trim();
}

/** Empty as well for a process that ended meanwhile or may not be looked into. */
function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
