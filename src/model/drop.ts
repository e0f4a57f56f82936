import type { ErrorReport } from '../errors.ts';
import type { Dossier } from './image.ts';
import type { DroppedRelease } from './release-file.ts';

/** The folders under the drop folder; `drop` is the drop folder itself. */
export const DROP_FOLDERS = ['working', 'done', 'failed', 'unmatched', 'rejected', 'duplicate'] as const;

/** A folder under the drop folder in which files are sorted. */
export type DropFolderName = (typeof DROP_FOLDERS)[number];

/** Where a file ends. */
export type FinalFolder = Exclude<DropFolderName, 'working'>;

/** A file that was taken from the drop folder: its bytes are in the store, synced, before this record is made. */
export interface TakenFile {
  /** As dropped. May hold any character a file name may hold. */
  readonly name: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly dossier: Dossier;
  /** When it was first seen, epoch ms. */
  readonly seenMs: number;
  /** What it brings where it is no image but a release of several: their bytes are in the store as well. */
  readonly release?: DroppedRelease;
  /** The images of its release are files of their own, each of which is moved like any other. */
  readonly hasPartFiles?: boolean;
}

/** Who put a file into the drop folder, as far as it can be told. */
export interface FileOrigin {
  /** The user that the file belongs to; null where the system has no such thing (Windows). On a share it may be the share's own. */
  readonly ownerUid: number | null;
  /** That user's name, where this machine knows it. */
  readonly owner: string | null;
}

/** Of a file that is gone, and of any on Windows. */
export const UNKNOWN_ORIGIN: FileOrigin = { ownerUid: null, owner: null };

/** A file that was not used. */
export interface RejectedFile {
  readonly name: string;
  /** Null where the file was too large to be read. */
  readonly sha256: string | null;
  readonly error: ErrorReport;
  readonly atMs: number;
}

/** One dropped file, from its taking to its last folder. */
export interface Drop extends TakenFile {
  readonly id: string;
  /** Where the journal last knew it: null while it is still in the drop folder itself. */
  readonly folder: DropFolderName | null;
  /** Its name in that folder, which differs from `name` where that was taken. */
  readonly placedName: string | null;
}

/** Where the intake writes down what it does. Each call is durable when it returns. The journal implements it. */
export interface DropLedger {
  /** Before the file is moved anywhere. */
  taken(file: TakenFile, origin?: FileOrigin): Drop;
  /** The images of a release that are files of their own, in its order, each as a drop. */
  filePartsOf(dropId: string): readonly Drop[];
  /** After it was moved to `rejected/`. */
  rejected(file: RejectedFile, origin?: FileOrigin): void;
  /** After each move; `placedName` null says that someone else removed the file meanwhile. */
  placed(dropId: string, folder: DropFolderName, placedName: string | null): void;
  /** Drops that are not yet in a final folder, oldest first: what a restart has to go on with. */
  unfinished(): readonly Drop[];
}

/** What is written beside a finished file as `<name>.result.json`. */
export interface DropResult {
  readonly file: string;
  readonly sha256: string | null;
  readonly outcome: FinalFolder;
  /** One or two sentences for a person. */
  readonly summary: string;
  readonly error: ErrorReport | null;
  /** What a careful person would look at, although the file was used. Left out where there is nothing. */
  readonly warnings?: readonly string[];
  /** What the release file says of itself, where it was one. */
  readonly release?: { readonly name: string | null; readonly version: string | null; readonly notes: string | null };
  readonly finishedAt: string;
  /** One entry per job; empty where none was planned. */
  readonly jobs: readonly DropResultJob[];
}

/** What became of a drop on one device. */
export interface DropResultJob {
  readonly job: string;
  readonly device: string;
  readonly name: string;
  readonly rule: string;
  readonly state: string;
  readonly proof: string | null;
  readonly attempts: number;
  readonly error: ErrorReport | null;
}
