import type { Filesystem } from '../../model/image.ts';
import { count, type Findings, NOTHING_FOUND, truncated } from '../findings.ts';

/** How much a filesystem image ought to have, by its superblock. */
export interface FilesystemSize {
  readonly fileBytes: number;
  /** What its geometry says it has at least; null: its geometry does not tell. */
  readonly neededBytes: number | null;
  /** The geometry, for people. */
  readonly remark: string;
}

/**
 * A filesystem image. The right size is no proof that it is whole: no checksum covers all of it, and copies reserve the size
 * before they write. A size too small proves the contrary.
 */
export function filesystemFindings(filesystem: Filesystem, size: FilesystemSize): Findings {
  const { fileBytes, neededBytes, remark } = size;
  const found: Findings = { ...NOTHING_FOUND, kind: 'filesystem', format: 'filesystem', filesystem, remarks: [remark] };
  if (neededBytes === null) return found;
  if (fileBytes < neededBytes) {
    const problems = [truncated('inside the filesystem', fileBytes, neededBytes)];
    return { ...found, completeness: 'truncated', problems };
  }
  const extra = fileBytes - neededBytes;
  const remarks = extra === 0 ? [remark] : [remark, `${count(extra)} bytes follow the filesystem`];
  return { ...found, endsAt: neededBytes, remarks };
}
