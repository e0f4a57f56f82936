import { FlashError } from '../../errors.ts';
import type { Dossier, ImageKind, Partition } from '../../model/image.ts';
import { readImageDossier } from '../image-dossier.ts';
import { bootSlot, isFilesystemPartition, isOtadata } from '../partition-roles.ts';
import type { PackageFiles } from './archive.ts';
import { KEEP_SETTINGS } from './flash-set.ts';
import { shallowest } from './manifest.ts';
import type { PackagePlan, PlannedPart } from './plan.ts';

/** Arduino's and PlatformIO's build folders hold five at most; more than this is a collection, not a build. */
const MOST_IMAGES = 16;

interface Image {
  readonly path: string;
  readonly dossier: Dossier;
}

/**
 * The plan of what Arduino (`X.ino.bin`, `X.ino.bootloader.bin`, `X.ino.partitions.bin`, `boot_app0.bin`) and PlatformIO
 * (`firmware.bin`, `bootloader.bin`, `partitions.bin`, `littlefs.bin`) build: one bootloader, one partition table, one
 * application. Their bytes say which is which, and the table says where they go. Null where it is no such set.
 *
 * @throws FlashError PACKAGE_UNKNOWN where two images could go to one place
 */
export function planArduino(files: PackageFiles): PackagePlan | null {
  const paths = shallowest(files.paths, (name) => name.endsWith('.bin'));
  if (paths.length < 3 || paths.length > MOST_IMAGES) return null;
  const images = paths.map((path) => ({ path, dossier: readImageDossier(files.read(path) ?? new Uint8Array()) }));
  const bootloader = only(images, 'bootloader');
  const table = only(images, 'partition-table');
  const app = only(images, 'app');
  const partitions = table?.dossier.partitions ?? null;
  if (bootloader === null || table === null || app === null || partitions === null) return null;
  const parts = [
    place(bootloader, 'bootloader', bootloader.dossier.flashOffset),
    place(table, 'partition table', table.dossier.flashOffset),
    place(app, 'application', bootSlot(partitions)?.offset ?? null),
    place(only(images, 'otadata'), 'boot data', partitions.find(isOtadata)?.offset ?? null),
    place(only(images, 'filesystem'), 'filesystem', onlyFilesystem(partitions)?.offset ?? null),
  ];
  return {
    source: 'arduino',
    name: null,
    version: null,
    sets: [
      {
        chip: app.dossier.chip,
        flashSizeBytes: null,
        isEncrypted: false,
        settings: KEEP_SETTINGS,
        parts: parts.filter((part) => part !== null),
        erase: [],
        keep: null,
        bootRecord: 'esp-idf',
      },
    ],
  };
}

function only(images: readonly Image[], kind: ImageKind): Image | null {
  const [first, second] = images.filter(({ dossier }) => dossier.kind === kind);
  if (first !== undefined && second !== undefined) {
    throw new FlashError(
      'PACKAGE_UNKNOWN',
      `${first.path} and ${second.path} are both of kind ${kind}; which of them is to be written?`,
    );
  }
  return first ?? null;
}

function onlyFilesystem(partitions: readonly Partition[]): Partition | null {
  const [first, second] = partitions.filter(isFilesystemPartition);
  return second === undefined ? (first ?? null) : null;
}

function place(image: Image | null, name: string, offset: number | null): PlannedPart | null {
  if (image === null) return null;
  if (offset === null) {
    throw new FlashError(
      'PACKAGE_UNKNOWN',
      `the partition table does not say where the ${name}, ${image.path}, belongs`,
    );
  }
  return { name, path: image.path, offset, roomBytes: null, encryption: 'none' };
}
