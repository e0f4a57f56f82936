import type { Dossier, PackageContents } from '../../model/image.ts';
import { NOTHING_FOUND } from '../findings.ts';
import type { FlashSet } from './flash-set.ts';
import { type PackageReading, readPackage } from './package.ts';

/** The dossier of an archive of images; null where these bytes are no archive. */
export function readPackageDossier(bytes: Uint8Array): Dossier | null {
  const reading = readPackage(bytes);
  if (reading === null) return null;
  const { container, sets, problems, remarks } = reading;
  const apps = sets.map(({ parts }) =>
    parts.find(({ dossier }) => dossier.kind === 'app' || dossier.kind === 'merged'),
  );
  return {
    ...NOTHING_FOUND,
    kind: 'package',
    format: 'package',
    container,
    sizeBytes: bytes.length,
    contentBytes: bytes.length,
    completeness: completenessOf(reading),
    chip: common(sets.map(({ chip }) => chip)),
    app: common(apps.map((app) => app?.dossier.app ?? null)),
    package: contentsOf(reading),
    problems,
    remarks,
  };
}

/** A tar file has no checksum over its contents, and the directory of a ZIP file and the trailer of gzip stand at the end. */
function completenessOf({ container, problems }: PackageReading): Dossier['completeness'] {
  if (problems.some(({ code }) => code === 'IMAGE_TRUNCATED')) return 'truncated';
  return problems.length === 0 && container !== 'tar' ? 'complete' : 'unknown';
}

/** What all sets agree on, or null. */
function common<T>(values: readonly (T | null)[]): T | null {
  const texts = new Set(values.map((value) => JSON.stringify(value)));
  return texts.size === 1 ? (values[0] ?? null) : null;
}

function contentsOf({ plan, sets }: PackageReading): PackageContents | null {
  if (plan === null) return null;
  const { source, name, version } = plan;
  return { source, name, version, sets: sets.map(summaryOf) };
}

function summaryOf({ chip, flashSizeBytes, isEncrypted, parts, erase }: FlashSet): PackageContents['sets'][number] {
  return {
    chip,
    flashSizeBytes,
    isEncrypted,
    parts: parts.map(({ name, path, offset, bytes, dossier }) => ({
      name,
      ...(path === null ? {} : { file: path }),
      kind: dossier.kind,
      offset,
      sizeBytes: bytes.length,
    })),
    erase,
  };
}
