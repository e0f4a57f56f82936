import { FlashError } from '../../errors.ts';
import type { Dossier, FlashMap } from '../../model/image.ts';
import { USER_SLOTS } from '../formats/user-slot.ts';
import { readImageDossier } from '../image-dossier.ts';
import type { PackageFiles } from './archive.ts';
import { KEEP_SETTINGS } from './flash-set.ts';
import { shallowest } from './manifest.ts';
import type { PackagePlan, PlannedPart, PlannedSet } from './plan.ts';

const MOST_IMAGES = 16;
const KILOBYTE = 1024;
/** Radio calibration, and the sectors with the settings of the SDK, seen from the end of the flash (ESP8266_NONOS_SDK, bin/at/README.md). */
const INIT_DATA_FROM_END = 16 * KILOBYTE;
const BLANK_FROM_END = 8 * KILOBYTE;

/** Flash sizes that each map exists for, and where the SDK keeps the user's parameters beside the end of the flash. */
const LAYOUTS: Readonly<Record<FlashMap, { readonly flashSizes: readonly number[]; readonly blank: number }>> = {
  '256+256': { flashSizes: [512 * KILOBYTE], blank: 0x3e000 },
  '512+512': { flashSizes: [1024 * KILOBYTE, 2048 * KILOBYTE, 4096 * KILOBYTE], blank: 0x7e000 },
  '1024+1024': { flashSizes: [2048 * KILOBYTE, 4096 * KILOBYTE], blank: 0xfe000 },
};

interface Image {
  readonly path: string;
  readonly dossier: Dossier;
}

/** The images of a release, by what they are. */
interface Release {
  readonly user1: Image | null;
  readonly user2: Image | null;
  readonly boot: Image | null;
  readonly initData: Image | null;
  readonly blank: Image | null;
}

/**
 * The plan of a release of the ESP8266 SDK: `user1.bin` and `user2.bin`, under whatever name says so, and for a first installation
 * `boot_v….bin`, `esp_init_data_default….bin` and `blank.bin`. Null where neither half is there.
 *
 * @throws FlashError PACKAGE_UNKNOWN where two images could go to one place, PACKAGE_MISPLACED where the halves are for two flash maps
 */
export function planEspAt(files: PackageFiles): PackagePlan | null {
  const paths = shallowest(files.paths, (name) => name.endsWith('.bin'));
  if (paths.length > MOST_IMAGES) return null;
  const images = paths.map((path) => ({ path, dossier: readImageDossier(files.read(path) ?? new Uint8Array()) }));
  const users = images.filter(({ dossier }) => dossier.userSlot !== null);
  if (users.length === 0) return null;
  const release: Release = {
    user1: only(users, 'user1', (image) => slotOf(image) === 1),
    user2: only(users, 'user2', (image) => slotOf(image) === 2),
    boot: only(images, 'bootloader', ({ dossier }) => dossier.kind === 'bootloader' && dossier.chip === 'esp8266'),
    initData: only(images, 'initial data', ({ path }) => /(^|\/)esp_init_data_default[^/]*$/.test(path)),
    blank: only(images, 'blank', ({ path }) => /(^|\/)blank[^/]*$/.test(path)),
  };
  if (release.user1 === null && release.user2 === null) return null;
  const flashMap = mapOf(users);
  const layout = LAYOUTS[flashMap];
  const [smallest = 0] = layout.flashSizes;
  const sets = layout.flashSizes.map((sizeBytes) => setFor(release, flashMap, sizeBytes, sizeBytes));
  // A larger flash than the map knows of is used as if it were the smallest.
  return { source: 'esp-at', name: null, version: null, sets: [...sets, setFor(release, flashMap, smallest, null)] };
}

/** By the image's own mark, by its name where it has none (SDK before 1.0). */
function slotOf({ path, dossier }: Image): number | null {
  const named = /user([12])/.exec(path.split('/').at(-1) ?? '')?.[1];
  return dossier.userSlot?.user ?? (named === undefined ? null : Number(named));
}

/** Images of SDKs before 1.0 say nothing; their releases were for 512 KB of flash. */
function mapOf(users: readonly Image[]): FlashMap {
  const maps = new Set(users.map(({ dossier }) => dossier.userSlot?.flashMap ?? '256+256'));
  const [first = '256+256', second] = maps;
  if (second === undefined) return first;
  throw new FlashError('PACKAGE_MISPLACED', `its user1 and user2 are for different flash maps, ${first} and ${second}`);
}

function only(images: readonly Image[], what: string, isIt: (image: Image) => boolean): Image | null {
  const [first, second] = images.filter(isIt);
  if (second === undefined) return first ?? null;
  throw new FlashError('PACKAGE_UNKNOWN', `${first?.path} and ${second.path} are both ${what}; which is to be used?`);
}

function setFor(release: Release, flashMap: FlashMap, layoutBytes: number, flashSizeBytes: number | null): PlannedSet {
  const { user1, user2, sizeBytes: roomBytes } = USER_SLOTS[flashMap];
  const { boot, initData, blank } = release;
  const parts = [
    place(boot, 'boot', 0, user1),
    place(release.user1, 'user1', user1, roomBytes),
    place(release.user2, 'user2', user2, roomBytes),
    place(initData, 'init-data', layoutBytes - INIT_DATA_FROM_END, null),
    place(blank, 'blank', layoutBytes - BLANK_FROM_END, null),
    LAYOUTS[flashMap].blank === layoutBytes - BLANK_FROM_END
      ? null
      : place(blank, 'blank', LAYOUTS[flashMap].blank, null),
  ];
  return {
    chip: 'esp8266',
    flashSizeBytes,
    isEncrypted: false,
    settings: boot === null ? KEEP_SETTINGS : { ...KEEP_SETTINGS, sizeBytes: layoutBytes, flashMap },
    parts: parts.filter((part) => part !== null),
    erase: [],
    keep: null,
    bootRecord: 'esp-idf',
  };
}

function place(image: Image | null, name: string, offset: number, roomBytes: number | null): PlannedPart | null {
  return image === null ? null : { name, path: image.path, offset, roomBytes, encryption: 'none' };
}
