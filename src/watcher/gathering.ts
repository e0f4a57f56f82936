import { dirname, join } from 'node:path';
import { type ErrorReport, FlashError } from '../errors.ts';
import { readDossierApart } from '../firmware/apart/read-apart.ts';
import { sha256InSteps } from '../firmware/bytes.ts';
import { LARGEST_IMAGE_BYTES } from '../firmware/dossier.ts';
import { pathBeside } from '../firmware/packages/manifest.ts';
import { type FoundImage, type ParseRelease, type ReleaseReading, readRelease } from '../firmware/release-archive.ts';
import type { ReleaseEntry, ReleaseManifest } from '../model/release-file.ts';
import { type EntryName, entryNameOf, SIDECAR_SUFFIX } from './entry-name.ts';
import { lookAtTree, lookInside, pathIn, readUnchanged } from './files.ts';
import { contentVerdict, type SettleTimes } from './settle.ts';
import { readSidecar } from './sidecar.ts';
import type { Snapshot } from './snapshot.ts';
import type { TrustGate } from './trust-gate.ts';

/** A release file is a page of text. */
const LARGEST_RELEASE_FILE_BYTES = 1_000_000;
/** What is missing or looks unfinished is waited for so many times `settleMs`: somebody may be copying one file after the other. */
const PATIENCE = 15;

/** An image that a release file names, as it stands beside it. */
export interface GatheredImage {
  readonly entry: ReleaseEntry;
  readonly name: EntryName;
  /** Null: it is not there (yet), or is no plain file. */
  readonly snapshot: Snapshot | null;
}

/** A release file with what it names, at one moment. */
export interface Gathered {
  readonly text: string;
  readonly bytes: Uint8Array;
  /** Null: it cannot be read, so that nobody knows what belongs to it. */
  readonly manifest: ReleaseManifest | null;
  readonly images: readonly GatheredImage[];
  /** Changes when any of the files does. */
  readonly fingerprint: string;
}

/** What all of it holds. */
export interface GatheredContent {
  readonly reading: ReleaseReading;
  /** How long none of it must have changed. */
  readonly neededMs: number;
}

/** What a release and its images are brought together with. */
export interface GatheringParts {
  readonly root: string;
  readonly parseRelease: ParseRelease;
  readonly gate: TrustGate | null;
  readonly times: SettleTimes;
  /** The release file lies in a folder of its own, and its images anywhere in that; otherwise they all lie in `root` itself. */
  readonly isFolder: boolean;
}

/** Looks at release files that lie in the drop folder beside their images, or with them in a folder there. */
export class Gathering {
  readonly #parts: GatheringParts;

  constructor(parts: GatheringParts) {
    this.#parts = parts;
  }

  /** Reads the release file and looks at what it names; null where it changed meanwhile. */
  async look(name: EntryName, snapshot: Snapshot): Promise<Gathered | null> {
    const { root, parseRelease, isFolder } = this.#parts;
    if (snapshot.sizeBytes > LARGEST_RELEASE_FILE_BYTES) return unread(new Uint8Array(), snapshot);
    const bytes = await readUnchanged(pathIn(root, name), snapshot);
    if (bytes === null) return null;
    const text = new TextDecoder().decode(bytes);
    const manifest = parsed(() => parseRelease(text, name.text));
    if (manifest === null) return unread(bytes, snapshot);
    const images = await Promise.all(manifest.images.map((entry) => this.#lookAtImage(name, entry)));
    // What else is in its folder may be the next of its files on their way.
    const tree = isFolder ? await lookAtTree(join(root, dirname(name.text))) : [];
    const fingerprint = fingerprintOf([snapshot, ...images.map((image) => image.snapshot), ...tree]);
    return { text, bytes, manifest, images, fingerprint };
  }

  async #lookAtImage(file: EntryName, entry: ReleaseEntry): Promise<GatheredImage> {
    const { isFolder, root } = this.#parts;
    const name = nameBeside(file, entry);
    // Folders beside a release file that lies in the drop folder itself are not looked into.
    const look = !isFolder && name.text.includes('/') ? null : await lookInside(root, name.text);
    const isUsable = look?.type === 'file' && look.snapshot.sizeBytes > 0;
    return { entry, name, snapshot: isUsable ? look.snapshot : null };
  }

  /** Reads all of it; null where something changed meanwhile. Throws what the trust gate throws. */
  async read(file: EntryName, gathered: Gathered): Promise<GatheredContent | null> {
    const { parseRelease } = this.#parts;
    const contents = new Map<string, Uint8Array>();
    for (const { entry, name, snapshot } of gathered.images) {
      if (snapshot === null || snapshot.sizeBytes > LARGEST_IMAGE_BYTES) continue;
      const bytes = await readUnchanged(pathIn(this.#parts.root, name), snapshot);
      if (bytes === null) return null;
      contents.set(entry.file, bytes);
    }
    const objections = await this.#objections(file, gathered, contents);
    if (objections.length > 0) return this.#content({ manifest: gathered.manifest, images: [], problems: objections });
    const reading = await readRelease(gathered.text, file.text, parseRelease, (entries) =>
      readImages(entries, contents),
    );
    const mismatches = await this.#sidecarProblems(file, reading);
    return this.#content({ ...reading, problems: [...mismatches, ...reading.problems] });
  }

  /** A release file that somebody vouches for vouches for the images of which it has the hash. */
  async #objections(file: EntryName, { bytes, images }: Gathered, contents: ReadonlyMap<string, Uint8Array>) {
    const { gate } = this.#parts;
    if (gate === null) return [];
    const problems: ErrorReport[] = [];
    const own = await gate.objection(file, bytes, await sha256InSteps(bytes));
    if (own !== null) return [own.toJSON()];
    for (const { entry, name } of images) {
      const image = contents.get(entry.file);
      if (image === undefined || entry.sha256 !== null) continue;
      const objection = await gate.objection(name, image, await sha256InSteps(image));
      if (objection !== null) problems.push(objection.toJSON());
    }
    return problems;
  }

  async #sidecarProblems(file: EntryName, { images }: ReleaseReading): Promise<readonly ErrorReport[]> {
    const problems: ErrorReport[] = [];
    for (const { entry, sha256 } of images) {
      const expected = await this.#sidecarOf(nameBeside(file, entry));
      if (expected === null || expected === sha256) continue;
      const message = `${entry.file} has the SHA-256 ${sha256}, but its sidecar says ${expected}`;
      problems.push(new FlashError('IMAGE_HASH_MISMATCH', message, { details: { sha256, expected } }).toJSON());
    }
    return problems;
  }

  async #sidecarOf(name: EntryName): Promise<string | null> {
    return (await readSidecar(pathIn(this.#parts.root, name, SIDECAR_SUFFIX)))?.sha256 ?? null;
  }
  #content(reading: ReleaseReading): GatheredContent {
    const { settleMs, confirmMs } = this.#parts.times;
    if (reading.problems.length > 0) return { reading, neededMs: settleMs * PATIENCE };
    const isWhole = reading.images.every(
      ({ entry, dossier }) => entry.sha256 !== null || contentVerdict(dossier) === 'whole',
    );
    return { reading, neededMs: isWhole ? confirmMs : settleMs };
  }
}

/** One after the other: each may be megabytes, read on a thread of its own. */
async function readImages(
  entries: readonly ReleaseEntry[],
  contents: ReadonlyMap<string, Uint8Array>,
): Promise<FoundImage[]> {
  const found: FoundImage[] = [];
  for (const { file } of entries) {
    const bytes = contents.get(file);
    found.push(
      bytes === undefined
        ? null
        : { bytes, sha256: await sha256InSteps(bytes), dossier: await readDossierApart(bytes, file) },
    );
  }
  return found;
}

function nameBeside({ text }: EntryName, { file }: ReleaseEntry): EntryName {
  return entryNameOf(pathBeside(text, file));
}

function unread(bytes: Uint8Array, snapshot: Snapshot): Gathered {
  const text = new TextDecoder().decode(bytes);
  return { text, bytes, manifest: null, images: [], fingerprint: fingerprintOf([snapshot]) };
}

function parsed(parse: () => ReleaseManifest): ReleaseManifest | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FlashError) return null;
    throw error;
  }
}

function fingerprintOf(snapshots: readonly (Snapshot | null)[]): string {
  return JSON.stringify(snapshots, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
