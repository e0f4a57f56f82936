import type { ErrorReport } from '../errors.ts';
import type { Completeness } from '../model/image.ts';
import { SIGNATURE_SECTOR } from './formats/signature.ts';

/** What the structure of a file says of its end. */
export interface EndOfImage {
  readonly fileBytes: number;
  /** Null: the structure could not be followed to its end. */
  readonly endsAt: number | null;
  readonly problems: readonly ErrorReport[];
  /** A hash or CRC-32 over the whole image, found right. */
  readonly isProven: boolean;
  /** The signature has been seen: nothing comes after one. */
  readonly isSigned: boolean;
}

/**
 * Does a file that holds one image end where the image ends? A file may still be growing when it is read, so whatever could be the
 * first part of a longer one is at most `may-continue` (docs/firmware.md, "Completeness" tells each trap).
 */
export function completenessOf(image: EndOfImage): Completeness {
  if (image.problems.some(({ code }) => code === 'IMAGE_TRUNCATED')) return 'truncated';
  if (image.problems.length > 0 || image.endsAt === null || image.fileBytes !== image.endsAt) return 'unknown';
  if (!image.isProven) return 'may-continue';
  if (image.isSigned) return 'complete';
  // Copies grow by whole blocks, and signatures and further parts begin on a sector: an end just there may be a pause.
  return image.fileBytes % SIGNATURE_SECTOR === 0 ? 'may-continue' : 'complete';
}
