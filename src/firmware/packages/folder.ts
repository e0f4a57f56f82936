import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FlashError } from '../../errors.ts';
import { count } from '../findings.ts';
import { MOST_CONTENT_BYTES, type PackageFiles, refused, safePath } from './archive.ts';
import { planPackage } from './package.ts';
import { packTar } from './tar.ts';

/** What can be a manifest, or an image of a set without one; the ELF and map files beside them are larger than all of these. */
const AT_THE_TOP = /(\.bin|flasher_args\.json|manifest[^/]*\.json|^script(2|_[48]MB)?(_enc)?)$/;

/**
 * The package in a folder, as the archive of what its manifest names: from there on it is one file like any other, with a
 * hash of its own. The same build packs to the same bytes.
 *
 * @throws FlashError PACKAGE_UNKNOWN, PACKAGE_MALFORMED, PACKAGE_REFUSED, IMAGE_UNREADABLE
 */
export async function packFolder(folder: string): Promise<Uint8Array> {
  const read = new Map<string, Uint8Array>();
  let leftBytes = MOST_CONTENT_BYTES;
  const take = async (path: string): Promise<void> => {
    const bytes = await readPart(join(folder, safePath(path)), leftBytes);
    if (bytes === null) return;
    leftBytes -= bytes.length;
    read.set(path, bytes);
  };
  for (const name of await namesIn(folder)) if (AT_THE_TOP.test(name)) await take(name);
  const used = new Set<string>();
  const plan = planPackage(filesOf(read, used));
  if (plan === null) throw new FlashError('PACKAGE_UNKNOWN', `nothing in the folder ${folder} says what goes where`);
  const named = new Set(plan.sets.flatMap(({ parts }) => parts.map(({ path }) => path)));
  for (const path of named) if (!read.has(path)) await take(path);
  const packed = [...read].filter(([path]) => used.has(path) || named.has(path));
  return packTar(
    packed.map(([path, bytes]) => ({ path, bytes })).sort((one, other) => (one.path < other.path ? -1 : 1)),
  );
}

/** Notes which files a planner looked into: the manifests, and no other build's leftovers. */
function filesOf(read: ReadonlyMap<string, Uint8Array>, used: Set<string>): PackageFiles {
  return {
    paths: [...read.keys()],
    read: (path) => {
      used.add(path);
      return read.get(path) ?? null;
    },
  };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    throw unreadable(folder, cause);
  }
}

/** Null where there is no such file: the package's reader says which part that is. */
async function readPart(path: string, mostBytes: number): Promise<Uint8Array | null> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return null;
    if (found.size > mostBytes) throw refused(`its files hold more than ${count(MOST_CONTENT_BYTES)} bytes`);
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof FlashError) throw cause;
    if (codeOf(cause) === 'ENOENT') return null;
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): FlashError {
  return new FlashError('IMAGE_UNREADABLE', `${path} cannot be read (${codeOf(cause) ?? String(cause)})`, { cause });
}

function codeOf(cause: unknown): string | null {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : null;
}
