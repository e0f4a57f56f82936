import { basename } from 'node:path';
import type { Clock } from '../clock.ts';
import { type ErrorReport, FlashError } from '../errors.ts';
import { readDossierApart } from '../firmware/apart/read-apart.ts';
import { sha256InSteps, sha256Of } from '../firmware/bytes.ts';
import { LARGEST_IMAGE_BYTES, readDossier } from '../firmware/dossier.ts';
import { type ParseRelease, type ReleaseReading, readReleaseArchive } from '../firmware/release-archive.ts';
import type { Logger } from '../log.ts';
import type { Drop, DropLedger, TakenFile } from '../model/drop.ts';
import type { Dossier } from '../model/image.ts';
import type { EntryName } from './entry-name.ts';
import { errorCode, lookAt, lookInside, pathIn, readUnchanged } from './files.ts';
import { originOf } from './owner.ts';
import { packRelease } from './packed-release.ts';
import type { ReleaseSet } from './release-files.ts';
import { type ContentVerdict, contentVerdict } from './settle.ts';
import { isUnchanged, type Snapshot } from './snapshot.ts';
import type { SubFolders } from './sub-folders.ts';
import type { TrustGate } from './trust-gate.ts';

/** What the intake needs of the image store: the bytes are on the disk, synced, when the promise resolves. */
export interface ImageKeeper {
  put(bytes: Uint8Array): Promise<{ readonly sha256: string }>;
}

interface ContentImage {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly dossier: Dossier;
  /** Null: it is one image. */
  readonly release: ReleaseReading | null;
}

/** What reading a file of the drop folder told. */
export interface Content {
  /** Null where the file was too large to be read, or nobody vouches for it. */
  readonly image: ContentImage | null;
  /** Null where the file was too large to be read. */
  readonly sha256: string | null;
  readonly verdict: ContentVerdict;
  readonly problems: readonly ErrorReport[];
}

/** A file as it stands in the drop folder. */
export interface SettledFile {
  readonly name: EntryName;
  readonly snapshot: Snapshot;
  /** Epoch milliseconds. */
  readonly seenMs: number;
}

/** What was taken of a release that lay beside its images. */
export interface TakenSet {
  readonly release: Drop;
  /** In the order of the release. */
  readonly parts: readonly Drop[];
}

/** What a file is taken with. */
export interface IntakeParts {
  readonly root: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ledger: DropLedger;
  readonly store: ImageKeeper;
  readonly folders: SubFolders;
  /** Null: an archive with a release file is an archive like any other. */
  readonly parseRelease: ParseRelease | null;
  /** Null: every file is used. */
  readonly gate: TrustGate | null;
}

/** Takes one file out of the drop folder, in steps of which each may be the last: {@link take}, {@link move}, {@link record}. */
export class Intake {
  readonly #parts: IntakeParts;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /**
   * Reads a file that looks finished; null where it changed meanwhile.
   *
   * @throws FlashError WATCH_UNREADABLE
   */
  async examine({ name, snapshot }: Pick<SettledFile, 'name' | 'snapshot'>): Promise<Content | null> {
    if (snapshot.sizeBytes > LARGEST_IMAGE_BYTES) return tooLarge(name, snapshot.sizeBytes);
    const bytes = await this.#read(name, snapshot);
    if (bytes === null) return null;
    const { gate } = this.#parts;
    const sha256 = await sha256InSteps(bytes);
    const objection = (await gate?.objection(name, bytes, sha256)) ?? null;
    // Nothing reads further in what nobody vouches for.
    if (objection !== null) return { image: null, sha256, verdict: 'unvouched', problems: [objection.toJSON()] };
    const { parseRelease } = this.#parts;
    const release = parseRelease === null ? null : await readReleaseArchive(bytes, name.text, parseRelease);
    const dossier = await dossierOf(bytes, name, release);
    return {
      image: { bytes, sha256, dossier, release },
      sha256,
      verdict: gate === null ? contentVerdict(dossier) : 'whole',
      problems: dossier.problems,
    };
  }

  async #read(name: EntryName, snapshot: Snapshot): Promise<Uint8Array | null> {
    try {
      return await readUnchanged(pathIn(this.#parts.root, name), snapshot);
    } catch (error) {
      const reason = errorCode(error) ?? String(error);
      throw new FlashError('WATCH_UNREADABLE', `"${name.text}" cannot be read (${reason})`, { cause: error });
    }
  }

  /**
   * Stores a complete image and enters it in the ledger. The file is still where it was: {@link move} comes next.
   *
   * @returns null where the file changed meanwhile, so that nothing was entered.
   */
  async take(file: SettledFile, image: ContentImage): Promise<Drop | null> {
    const { ledger, root, store } = this.#parts;
    await store.put(image.bytes);
    for (const { bytes } of image.release?.images ?? []) await store.put(bytes);
    const look = await lookAt(pathIn(root, file.name));
    if (look === null || !isUnchanged(look.snapshot, file.snapshot)) return null;
    const origin = await originOf(look);
    const taken = {
      name: file.name.text,
      sha256: image.sha256,
      sizeBytes: image.bytes.length,
      dossier: image.dossier,
      seenMs: file.seenMs,
      ...releaseOf(image.release),
    };
    return ledger.taken(taken, origin);
  }

  /**
   * The same for a release file and the images beside it, all of them or none.
   *
   * @returns the release and its images, in its order; null where one of the files changed meanwhile, so that nothing was entered.
   */
  async takeSet(file: SettledFile, { gathered, content }: ReleaseSet): Promise<TakenSet | null> {
    const { ledger, root, store } = this.#parts;
    const { bytes, images } = gathered;
    for (const part of [bytes, ...content.reading.images.map((image) => image.bytes)]) await store.put(part);
    const look = await lookAt(pathIn(root, file.name));
    const files = [file, ...images];
    for (const { name, snapshot } of files) {
      const now = await lookAt(pathIn(root, name));
      if (now === null || snapshot === null || !isUnchanged(now.snapshot, snapshot)) return null;
    }
    const origin = await originOf(look);
    const taken = {
      name: file.name.text,
      sha256: sha256Of(bytes),
      sizeBytes: bytes.length,
      dossier: { ...readDossier(bytes, file.name.text), problems: [] },
      seenMs: file.seenMs,
      ...releaseOf(content.reading),
      hasPartFiles: true,
    };
    const release = ledger.taken(taken, origin);
    return { release, parts: ledger.filePartsOf(release.id) };
  }

  /**
   * The same for a folder with a release file in it: one drop, as if what counts of it had come in an archive.
   *
   * @param releaseFile seen from the drop folder
   * @returns null where something changed meanwhile, so that nothing was entered.
   */
  async takeFolder(
    folder: SettledFile,
    releaseFile: EntryName,
    { gathered, content }: ReleaseSet,
  ): Promise<Drop | null> {
    const { ledger, root, store } = this.#parts;
    const { reading } = content;
    const images = reading.images.map(({ entry: { file }, bytes }) => ({ file, bytes }));
    const bytes = packRelease(gathered.bytes, images);
    const [sha256, dossier] = [await sha256InSteps(bytes), await dossierOf(bytes, folder.name, reading)];
    for (const part of [bytes, ...images.map((image) => image.bytes)]) await store.put(part);
    for (const { name, snapshot } of gathered.images) {
      const now = await lookInside(root, name.text);
      if (now === null || snapshot === null || !isUnchanged(now.snapshot, snapshot)) return null;
    }
    const taken = {
      name: folder.name.text,
      sha256,
      sizeBytes: bytes.length,
      dossier,
      seenMs: folder.seenMs,
      ...releaseOf(reading),
    };
    return ledger.taken(taken, await originOf(await lookInside(root, releaseFile.text)));
  }

  /**
   * Moves a taken file to `working/`. It may be gone by now, or another file have its name: its bytes are in the store.
   *
   * @returns its name there, or null.
   * @throws FlashError WATCH_MOVE_FAILED
   */
  move(drop: Drop, { name, snapshot }: Pick<SettledFile, 'name' | 'snapshot'>): Promise<string | null> {
    return this.#parts.folders.takeIn({ name, snapshot, sha256: drop.sha256 });
  }

  /** Enters in the ledger where a taken file is now. */
  record(drop: Drop, placedName: string | null): Drop {
    this.#parts.ledger.placed(drop.id, 'working', placedName);
    return { ...drop, folder: 'working', placedName };
  }

  /**
   * Moves a file that is not to be used to `rejected/`, with the reason beside it.
   *
   * @returns false where it changed meanwhile, so that nothing was decided.
   */
  async reject({ name, snapshot }: SettledFile, sha256: string | null, error: ErrorReport): Promise<boolean> {
    const { clock, folders, ledger, log, root } = this.#parts;
    const origin = await originOf(await lookAt(pathIn(root, name)));
    const wasMoved = await folders.reject(
      { name, snapshot, sha256 },
      {
        file: name.text,
        sha256,
        outcome: 'rejected',
        summary: `Not used: ${error.message}. ${error.hint}`,
        error,
        finishedAt: new Date(clock.now()).toISOString(),
        jobs: [],
      },
    );
    if (wasMoved) {
      const { code, message, hint } = error;
      ledger.rejected({ name: name.text, sha256, error, atMs: clock.now() }, origin);
      log.warn('file.rejected', { file: name.text, image: sha256, bytes: snapshot.sizeBytes, code, message, hint });
    }
    return wasMoved;
  }
}

/** An archive with a release file is whole when the release is: what is wrong with it as a package of flash images does not count. */
async function dossierOf(bytes: Uint8Array, name: EntryName, release: ReleaseReading | null): Promise<Dossier> {
  const dossier = await readDossierApart(bytes, name.text);
  if (release === null) return dossier;
  // A tar file has no checksum over its contents.
  const isProven = release.problems.length === 0 && dossier.container !== 'tar';
  return { ...dossier, completeness: isProven ? 'complete' : 'unknown', problems: release.problems };
}

function releaseOf(release: ReleaseReading | null): Pick<TakenFile, 'release'> {
  if (release === null || release.manifest === null) return {};
  const { manifest, images } = release;
  return {
    release: {
      manifest,
      images: images.map(({ entry, bytes, sha256, dossier }) => ({
        sha256,
        name: basename(entry.file.replaceAll('\\', '/')),
        sizeBytes: bytes.length,
        dossier,
      })),
    },
  };
}

function tooLarge(name: EntryName, sizeBytes: number): Content {
  const message = `"${name.text}" has ${sizeBytes} bytes; no device takes more than ${LARGEST_IMAGE_BYTES}`;
  return {
    image: null,
    sha256: null,
    verdict: 'open',
    problems: [new FlashError('IMAGE_TOO_LARGE', message).toJSON()],
  };
}
