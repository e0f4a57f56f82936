import { readFile } from 'node:fs/promises';
import { isMissing, lookAt } from './files.ts';
import type { Snapshot } from './snapshot.ts';

/** Larger than any line that `sha256sum` writes for one name; a sidecar is no list. */
export const LARGEST_SIDECAR_BYTES = 4096;

/** A `.sha256` file as it stands. */
export interface SidecarState {
  /** Lower case hex; null: it holds none, or none yet. */
  readonly sha256: string | null;
  readonly snapshot: Snapshot;
}

const GNU_LINE = /^\\?([0-9a-f]{64})(?: [ *](.+))?$/i;
const BSD_LINE = /^\\?SHA256 ?\((.+)\) ?= ?([0-9a-f]{64})$/i;

/**
 * The hash in a `.sha256` file, in lower case hex, or null where it holds none (or not yet: it may still be written).
 *
 * Understood are the bare hash, what coreutils `sha256sum` writes (`<hash>  name`, `<hash> *name`; a leading backslash says
 * that the name is escaped) and the BSD style of `sha256sum --tag` (`SHA256 (name) = <hash>`). The name inside is not compared:
 * the file may have been renamed, and bytes are the identity. Of several lines, they must agree.
 */
export function parseSidecar(text: string): string | null {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const hashes = new Set(lines.map(hashOfLine));
  const [hash] = hashes;
  return hashes.size === 1 ? (hash ?? null) : null;
}

function hashOfLine(line: string): string | null {
  const hash = GNU_LINE.exec(line)?.[1] ?? BSD_LINE.exec(line)?.[2];
  return hash?.toLowerCase() ?? null;
}

/** The sidecar at this path; null: there is none. Throws the system's error where it cannot be read. */
export async function readSidecar(path: Buffer): Promise<SidecarState | null> {
  const look = await lookAt(path);
  if (look?.type !== 'file') return null;
  const { snapshot } = look;
  if (snapshot.sizeBytes > LARGEST_SIDECAR_BYTES) return { sha256: null, snapshot };
  try {
    return { sha256: parseSidecar(await readFile(path, 'utf8')), snapshot };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
