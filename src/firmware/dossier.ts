import type { Dossier } from '../model/image.ts';
import { readImageDossier } from './image-dossier.ts';
import { readPackageDossier } from './packages/package-dossier.ts';

export { LARGEST_IMAGE_BYTES } from './image-dossier.ts';

/**
 * Everything that can be read out of a file offline: of an image, or of a package of several. Pure, and total: any byte sequence
 * gives a dossier; what is wrong with it stands in `problems`. `name` is for messages only, since names lie.
 */
export function readDossier(bytes: Uint8Array, name: string): Dossier {
  const dossier = readPackageDossier(bytes) ?? readImageDossier(bytes);
  return {
    ...dossier,
    problems: dossier.problems.map((report) => ({ ...report, message: `${name}: ${report.message}` })),
  };
}
