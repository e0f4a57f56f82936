import type { Completeness } from '../../model/image.ts';
import { alignUp, isFilledWith } from '../bytes.ts';
import { completenessOf } from '../completeness.ts';
import { type Findings, remarksOnRest } from '../findings.ts';
import { readEsp32Image } from './esp32.ts';
import { readSignatureSector, SIGNATURE_SECTOR } from './signature.ts';

/** A file that holds one ESP32-family image: an application or a bootloader, with its signature and whatever follows. */
export function readEsp32File(bytes: Uint8Array): Findings | null {
  const image = readEsp32Image(bytes);
  if (image === null) return null;
  const signature = image.endsAt === null ? null : readSignatureSector(bytes, image.endsAt);
  const problems = signature?.problem ? [...image.problems, signature.problem] : image.problems;
  const endsAt = signature === null ? image.endsAt : signature.endsAt;
  const completeness = completenessOf({
    fileBytes: bytes.length,
    endsAt,
    problems,
    isProven: image.digest !== null,
    isSigned: signature?.isFilled ?? false,
  });
  const rest = endsAt === null ? bytes.subarray(0, 0) : bytes.subarray(endsAt);
  const isBootloader = image.kind === 'bootloader';
  const isWithinSector = bytes.length <= alignUp(endsAt ?? 0, SIGNATURE_SECTOR);
  const isPadded =
    problems.length === 0 && rest.length > 0 && isFilledWith(rest, 0xff) && (isBootloader || isWithinSector);
  return {
    ...image,
    endsAt,
    completeness: widen(completeness, isBootloader, isPadded),
    signature: signature === null ? null : 'secure-boot-v2',
    problems,
    remarks: [...image.remarks, ...remarksOnRest(rest, endsAt ?? 0)],
  };
}

/** A bootloader, and erased flash behind it, may be the start of a merged image; padding to the sector, what comes before a signature. */
function widen(completeness: Completeness, isBootloader: boolean, isPadded: boolean): Completeness {
  if (completeness === 'complete' && isBootloader) return 'may-continue';
  return completeness === 'unknown' && isPadded ? 'may-continue' : completeness;
}
