import type { Completeness } from '../../model/image.ts';
import { alignUp, isFilledWith } from '../bytes.ts';
import { completenessOf } from '../completeness.ts';
import { type Findings, problem, remarksOnRest } from '../findings.ts';
import { readEsp32Image } from './esp32.ts';
import { MD5_TAIL_BYTES, readMd5Tail } from './md5-tail.ts';
import { findMicroPython } from './micropython.ts';
import { readSignatureSector, SIGNATURE_SECTOR } from './signature.ts';

/** A file that holds one ESP32-family image: an application or a bootloader, with its signature and whatever follows. */
export function readEsp32File(bytes: Uint8Array): Findings | null {
  const image = readEsp32Image(bytes);
  if (image === null) return null;
  const tailed = readTailed(bytes, image);
  if (tailed !== null) return tailed;
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
    micropython: image.kind === 'app' ? findMicroPython(bytes) : null,
    signature: signature === null ? null : 'secure-boot-v2',
    problems,
    remarks: [...image.remarks, ...remarksOnRest(rest, endsAt ?? 0)],
  };
}

/** An application of Pycom's until 1.17.1: 32 hex digits follow the image, the MD5 of it, and nothing else. */
function readTailed(bytes: Uint8Array, image: Findings): Findings | null {
  if (image.endsAt === null || bytes.length !== image.endsAt + MD5_TAIL_BYTES) return null;
  const md5Tail = readMd5Tail(bytes);
  if (md5Tail === null) return null;
  const isWhole = md5Tail.stored === md5Tail.computed;
  const message = `its MD5 is ${md5Tail.computed}, the one appended to it is ${md5Tail.stored}`;
  const problems = isWhole ? image.problems : [...image.problems, problem('IMAGE_CORRUPT', message)];
  return {
    ...image,
    endsAt: bytes.length,
    completeness: problems.length === 0 ? 'complete' : 'unknown',
    md5Tail,
    micropython: findMicroPython(bytes),
    problems,
  };
}

/** A bootloader, and erased flash behind it, may be the start of a merged image; padding to the sector, what comes before a signature. */
function widen(completeness: Completeness, isBootloader: boolean, isPadded: boolean): Completeness {
  if (completeness === 'complete' && isBootloader) return 'may-continue';
  return completeness === 'unknown' && isPadded ? 'may-continue' : completeness;
}
