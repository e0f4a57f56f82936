import { createHash } from 'node:crypto';
import { FlashError } from '../../errors.ts';
import { openPackageApart } from '../../firmware/apart/read-apart.ts';
import { count } from '../../firmware/findings.ts';
import { USER_SLOTS } from '../../firmware/formats/user-slot.ts';
import type { FirmwarePackage } from '../../firmware/packages/flash-set.ts';
import { openPackage } from '../../firmware/packages/package.ts';
import type { Dossier, FirmwareImage, FlashMap } from '../../model/image.ts';
import type { FileName } from './constants.ts';

/** What a release holds for modules to fetch. */
export interface AtFiles {
  readonly files: ReadonlyMap<FileName, Uint8Array>;
  /** Null: for ESP-AT, which has no flash maps. */
  readonly flashMap: FlashMap | null;
  /** The same for user1 and user2 of one build, and for no others: sizes and entry point. */
  readonly build: string;
}

interface Part {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly dossier: Dossier;
}

/** Magic of a compressed image for modules with little flash (esp-at, tools/at.py, `ESP` header of `.packed` files). */
const PACKED_MAGIC = Buffer.from('ESP');

/**
 * The files in an image: one half of an SDK release, an archive with both halves, or an ESP-AT application.
 *
 * @param flashMap the map that the modules have; null: it is not known, and then nothing is served that depends on it
 * @throws FlashError ESPAT_NOT_AT, ESPAT_SLOT_UNKNOWN, ESPAT_MAP_UNKNOWN, ESPAT_WRONG_MAP, ESPAT_TOO_LARGE; IMAGE_* and PACKAGE_* of a broken image
 */
export function readAtFiles(image: FirmwareImage, flashMap: FlashMap | null): AtFiles {
  return atFilesIn(image, isArchive(image) ? openPackage(image.bytes) : null, flashMap);
}

/** {@link readAtFiles}, without holding up the event loop: for archives a thread is started, and the caller bounds how many. */
export async function readAtFilesApart(image: FirmwareImage, flashMap: FlashMap | null): Promise<AtFiles> {
  return atFilesIn(image, isArchive(image) ? await openPackageApart(image.bytes) : null, flashMap);
}

/** Throws what is wrong with the image as a whole. */
function isArchive({ name, dossier }: FirmwareImage): boolean {
  const [problem] = dossier.problems;
  if (problem !== undefined) throw new FlashError(problem.code, problem.message);
  const { package: contents } = dossier;
  if (contents !== null && contents.source !== 'esp-at') throw notAt(name);
  return contents !== null;
}

function atFilesIn(image: FirmwareImage, archive: FirmwarePackage | null, flashMap: FlashMap | null): AtFiles {
  const parts = archive === null ? [image] : userParts(archive.sets[0]?.parts ?? []);
  const [first] = parts;
  if (first === undefined) throw notAt(image.name);
  return isUserImage(first) ? userFiles(parts, flashMap) : otaFile(first);
}

function userParts(parts: readonly Part[]): readonly Part[] {
  return parts.filter(isUserImage);
}

function isUserImage({ dossier }: Part): boolean {
  return dossier.userSlot != null;
}

/** The whole application of ESP-AT: the module checks it by itself, and falls back. */
function otaFile({ name, bytes, dossier }: Part): AtFiles {
  const isApp = dossier.kind === 'app' && (dossier.format === 'esp32' || dossier.format === 'esp8266-v3');
  const isPacked = dossier.kind === 'data' && Buffer.from(bytes.subarray(0, PACKED_MAGIC.length)).equals(PACKED_MAGIC);
  if (dossier.container !== 'none' || (!isApp && !isPacked)) throw notAt(name);
  const build = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return { files: new Map([['ota.bin', bytes]]), flashMap: null, build };
}

function userFiles(parts: readonly Part[], flashMap: FlashMap | null): AtFiles {
  const files = new Map<FileName, Uint8Array>();
  for (const part of parts) {
    const file = slotFile(part);
    refuseMisfit(part, flashMap);
    if (files.has(file)) throw new FlashError('ESPAT_SLOT_UNKNOWN', `${part.name}: there are two images for ${file}`);
    files.set(file, part.bytes);
  }
  const builds = new Set(parts.map(buildOf));
  const [build = ''] = builds;
  if (builds.size > 1) {
    const names = parts.map(({ name }) => name).join(' and ');
    throw new FlashError(
      'ESPAT_SLOT_UNKNOWN',
      `${names} are not the two halves of one build: sizes or entry points differ`,
    );
  }
  return { files, flashMap, build };
}

/** By the image's own mark; by the name only where it has none (SDK before 1.0). */
function slotFile({ name, dossier }: Part): FileName {
  const named = /user([12])/.exec(name.split('/').at(-1) ?? '')?.[1];
  const user = dossier.userSlot?.user ?? (named === undefined ? null : Number(named));
  if (user === 1) return 'user1.bin';
  if (user === 2) return 'user2.bin';
  const message = `${name}: neither the image nor its name says whether it is user1 or user2`;
  throw new FlashError('ESPAT_SLOT_UNKNOWN', message);
}

function refuseMisfit({ name, bytes, dossier }: Part, flashMap: FlashMap | null): void {
  if (flashMap === null) {
    const built = dossier.userSlot?.flashMap ?? null;
    const hint = built === null ? '' : `; this image is built for ${built}`;
    throw new FlashError('ESPAT_MAP_UNKNOWN', `${name}: the rule does not say which flash map the modules have${hint}`);
  }
  const built = dossier.userSlot?.flashMap ?? flashMap;
  if (built !== flashMap) {
    throw new FlashError(
      'ESPAT_WRONG_MAP',
      `${name} is built for flash map ${built}, and the modules have ${flashMap}`,
      {
        details: { image: built, device: flashMap },
      },
    );
  }
  const { sizeBytes } = USER_SLOTS[flashMap];
  if (bytes.length <= sizeBytes) return;
  const message = `${name} has ${count(bytes.length)} bytes, a slot of flash map ${flashMap} ${count(sizeBytes)}`;
  throw new FlashError('ESPAT_TOO_LARGE', message, { details: { sizeBytes: bytes.length, slotBytes: sizeBytes } });
}

function buildOf({ bytes, dossier }: Part): string {
  const shape = [bytes.length, dossier.entryPoint, ...dossier.segments.map(({ sizeBytes }) => sizeBytes)];
  return createHash('sha256').update(shape.join(' ')).digest('hex').slice(0, 16);
}

function notAt(name: string): FlashError {
  const message = `${name} is none of: user1.bin or user2.bin of the ESP8266 SDK, an archive with both, an ESP-AT application`;
  return new FlashError('ESPAT_NOT_AT', message);
}
