import { type ErrorReport, FlashError } from '../../errors.ts';
import type { Dossier } from '../../model/image.ts';
import type { PackageFiles } from './archive.ts';
import { planArduino } from './arduino.ts';
import { planEspAt } from './esp-at.ts';
import { planEspIdf } from './esp-idf.ts';
import { planEspWebTools } from './esp-web-tools.ts';
import type { FirmwarePackage, FlashSet } from './flash-set.ts';
import { errorOf, ImageLoader } from './load-set.ts';
import type { PackagePlan } from './plan.ts';
import { planPycom } from './pycom.ts';
import { isTar, openTar } from './tar.ts';
import { isTarGz, openTarGz } from './tar-gz.ts';
import { isZip, openZip } from './zip.ts';

/** What was found in an archive: with any problem it is not for use. */
export interface PackageReading {
  readonly container: Dossier['container'];
  readonly plan: PackagePlan | null;
  readonly sets: readonly FlashSet[];
  readonly problems: readonly ErrorReport[];
  readonly remarks: readonly string[];
}

interface Archive {
  readonly container: Dossier['container'];
  readonly isIt: (bytes: Uint8Array) => boolean;
  readonly open: (bytes: Uint8Array) => PackageFiles;
}

const ARCHIVES: readonly Archive[] = [
  { container: 'zip', isIt: isZip, open: openZip },
  { container: 'tar.gz', isIt: isTarGz, open: openTarGz },
  { container: 'tar', isIt: isTar, open: openTar },
];

/** The first that finds its manifest decides; a set without a manifest comes last. */
const PLANNERS: readonly ((files: PackageFiles) => PackagePlan | null)[] = [
  planEspIdf,
  planEspWebTools,
  planPycom,
  planEspAt,
  planArduino,
];

/** By its first bytes: ZIP, gzip or tar. */
export function isArchive(bytes: Uint8Array): boolean {
  return ARCHIVES.some(({ isIt }) => isIt(bytes));
}

/** The files of an archive; null where these bytes are none. Throws what {@link PackageFiles.read} throws. */
export function openArchive(bytes: Uint8Array): PackageFiles | null {
  return ARCHIVES.find(({ isIt }) => isIt(bytes))?.open(bytes) ?? null;
}

/** What an archive holds, or null where these bytes are no archive. Pure and total: what is wrong stands in `problems`. */
export function readPackage(bytes: Uint8Array): PackageReading | null {
  const archive = ARCHIVES.find(({ isIt }) => isIt(bytes));
  if (archive === undefined) return null;
  const nothing = { container: archive.container, plan: null, sets: [], remarks: [] };
  try {
    return { ...nothing, ...readFiles(archive.open(bytes)) };
  } catch (error) {
    if (!(error instanceof FlashError)) throw error;
    return { ...nothing, problems: [error.toJSON()] };
  }
}

/**
 * The package with the bytes of all its parts.
 *
 * @throws FlashError with the first of its problems
 */
export function openPackage(bytes: Uint8Array): FirmwarePackage {
  return packageOf(readPackage(bytes));
}

/** What was read, for use. `null`: it was no archive. Throws FlashError with the first of its problems. */
export function packageOf(reading: PackageReading | null): FirmwarePackage {
  const [first] = reading?.problems ?? [];
  if (first !== undefined) throw errorOf(first);
  if (reading?.plan == null) throw new FlashError('PACKAGE_UNKNOWN', 'it is no archive');
  const { source, name, version } = reading.plan;
  return { source, name, version, sets: reading.sets };
}

/** The plan that a package's files speak of, or null. Throws what a planner throws. */
export function planPackage(files: PackageFiles): PackagePlan | null {
  for (const plan of PLANNERS) {
    const found = plan(files);
    if (found !== null) return found;
  }
  return null;
}

function readFiles(files: PackageFiles): Omit<PackageReading, 'container'> {
  const plan = planPackage(files);
  if (plan === null) throw new FlashError('PACKAGE_UNKNOWN', `it is an archive of ${contentsText(files.paths)}`);
  const loader = new ImageLoader(files);
  const loaded = plan.sets.map((set) => loader.load(set));
  return {
    plan,
    sets: loaded.map(({ set }) => set),
    problems: distinct(
      loaded.flatMap(({ problems }) => problems),
      ({ code, message }) => `${code} ${message}`,
    ),
    remarks: distinct(
      loaded.flatMap(({ remarks }) => remarks),
      (remark) => remark,
    ),
  };
}

const NAMES_SHOWN = 4;

function contentsText(paths: readonly string[]): string {
  if (paths.length === 0) return 'no files';
  const rest = paths.length > NAMES_SHOWN ? ` and ${paths.length - NAMES_SHOWN} more` : '';
  return `${paths.slice(0, NAMES_SHOWN).join(', ')}${rest}; nothing in it says what goes where`;
}

/** The same file in two sets has the same faults. */
function distinct<T>(all: readonly T[], keyOf: (one: T) => string): T[] {
  return [...new Map(all.map((one) => [keyOf(one), one])).values()];
}
