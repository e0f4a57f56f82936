import type { PackageFiles } from './archive.ts';
import { KEEP_SETTINGS } from './flash-set.ts';
import { addressOf, chipOf, isObject, malformed, pathBeside, readJson, shallowest, textOf } from './manifest.ts';
import type { PackagePlan, PlannedPart, PlannedSet } from './plan.ts';

/** ESP Web Tools, "Preparing your firmware": `manifest.json`, often with the product's name in its own. */
function isManifestName(name: string): boolean {
  return name.endsWith('.json') && name.includes('manifest');
}

/** The plan of an ESP Web Tools package; null where no manifest has `builds`. */
export function planEspWebTools(files: PackageFiles): PackagePlan | null {
  const manifests = shallowest(files.paths, isManifestName).flatMap((path) => {
    const manifest = readJson(files, path);
    return isObject(manifest) && Array.isArray(manifest['builds']) ? [{ path, manifest }] : [];
  });
  const [first, second] = manifests;
  if (first === undefined) return null;
  if (second !== undefined) throw malformed(first.path, `${second.path} is a manifest as well; which of them holds?`);
  const builds = first.manifest['builds'] as readonly unknown[];
  if (builds.length === 0) throw malformed(first.path, 'its "builds" are empty');
  return {
    source: 'esp-web-tools',
    name: textOf(first.manifest['name']),
    version: textOf(first.manifest['version']),
    sets: builds.map((build) => planBuild(first.path, build)),
  };
}

function planBuild(path: string, build: unknown): PlannedSet {
  const family = isObject(build) ? textOf(build['chipFamily']) : null;
  const parts = isObject(build) ? build['parts'] : null;
  if (family === null) throw malformed(path, 'a build names no "chipFamily"');
  const chip = chipOf(family);
  if (chip === null) throw malformed(path, `the chip family ${JSON.stringify(family)} is not known`);
  if (!Array.isArray(parts) || parts.length === 0) throw malformed(path, `the build for ${family} has no "parts"`);
  return {
    chip,
    flashSizeBytes: null,
    isEncrypted: false,
    settings: KEEP_SETTINGS,
    parts: parts.map((part) => planPart(path, family, part)),
    erase: [],
    keep: null,
    bootRecord: 'esp-idf',
  };
}

function planPart(path: string, family: string, part: unknown): PlannedPart {
  const file = isObject(part) ? textOf(part['path']) : null;
  const offset = isObject(part) ? addressOf(part['offset']) : null;
  if (file === null) throw malformed(path, `a part for ${family} has no "path"`);
  if (/^[a-z][a-z0-9+.-]*:/i.test(file)) throw malformed(path, `${file} is on the network, not in the package`);
  if (offset === null) throw malformed(path, `${file} has no "offset"`);
  return { name: file, path: pathBeside(path, file), offset, roomBytes: null, encryption: 'none' };
}
