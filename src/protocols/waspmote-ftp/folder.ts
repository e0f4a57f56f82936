import type { Publication } from '../../model/publication.ts';
import { GPRS_FOLDER, UPGRADE_FILE } from './constants.ts';
import { termsOf } from './offer.ts';
import { encodeUpgradeText } from './upgrade-text.ts';

/** One thing that a user of the server can see. None of it is on a disk: there is nothing to break out into. */
export type Entry =
  | { readonly kind: 'folder'; readonly name: string; readonly entries: readonly Entry[]; readonly changedMs: number }
  /** UPGRADE.TXT. */
  | {
      readonly kind: 'notice';
      readonly name: string;
      readonly bytes: Uint8Array;
      readonly sizeBytes: number;
      readonly changedMs: number;
    }
  | {
      readonly kind: 'program';
      readonly name: string;
      readonly sizeBytes: number;
      readonly changedMs: number;
      readonly publication: Publication;
    };

/** What RETR and SIZE work on. */
export type FileEntry = Exclude<Entry, { kind: 'folder' }>;
/** What CWD and LIST work on. */
export type FolderEntry = Extract<Entry, { kind: 'folder' }>;

/** The text that stands in UPGRADE.TXT for a publication; null: nothing is published. */
export function noticeOf(publication: Publication | null): Uint8Array {
  if (publication === null) return encodeUpgradeText(null);
  const { name } = termsOf(publication.terms);
  return encodeUpgradeText({ file: name, sizeBytes: publication.sizeBytes, version: publication.number ?? 0 });
}

/** The one layout that serves all four modules: both files in the root, and once more in `.gprs/`. */
export function folderOf(publication: Publication | null): FolderEntry {
  const changedMs = publication?.publishedMs ?? 0;
  const bytes = noticeOf(publication);
  const notice: Entry = { kind: 'notice', name: UPGRADE_FILE, bytes, sizeBytes: bytes.length, changedMs };
  const files: Entry[] = [notice];
  if (publication !== null) {
    const { name } = termsOf(publication.terms);
    files.push({ kind: 'program', name, sizeBytes: publication.sizeBytes, changedMs, publication });
  }
  const isForGprs = publication === null || termsOf(publication.terms).gprs;
  const gprs: Entry[] = isForGprs ? [{ kind: 'folder', name: GPRS_FOLDER, entries: files, changedMs }] : [];
  return { kind: 'folder', name: '', entries: [...files, ...gprs], changedMs };
}

/** What stands at a path of {@link resolvePath}; null: nothing. */
export function entryAt(root: FolderEntry, path: readonly string[]): Entry | null {
  let entry: Entry = root;
  for (const name of path) {
    const next: Entry | undefined =
      entry.kind === 'folder' ? entry.entries.find((child) => child.name === name) : undefined;
    if (next === undefined) return null;
    entry = next;
  }
  return entry;
}

/**
 * The names that lead from the root to where a client means. Doubled slashes count as one: the GPRS module asks for `.gprs//NAME`.
 * Null: it goes upwards, which no device does.
 */
export function resolvePath(from: readonly string[], path: string): readonly string[] | null {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) return null;
  return path.startsWith('/') ? names : [...from, ...names];
}
