import { byteAt, hexOf, isFilledWith, sha256Of, startsWith, u32At } from '../bytes.ts';
import { type AddressRange, CHIP_FACTS, isWithin } from '../chips.ts';
import { completenessOf } from '../completeness.ts';
import { type Findings, NOTHING_FOUND, remarksOnRest } from '../findings.ts';
import { HEADER_BYTES, IMAGE_MAGIC, readHeader } from './header.ts';
import { readSegments, type SegmentTable, tableProblems } from './segments.ts';

/**
 * Where a segment of an ESP8266 image can be loaded. In an ESP32-family image the same four bytes are pin settings, of
 * which the first is EE or 0 and the others are small, so they never spell such an address.
 */
const LOADABLE: readonly AddressRange[] = [
  [0x3ffe8000, 0x40000000],
  [0x40100000, 0x40110000],
  ...CHIP_FACTS.esp8266.flashMapped,
];

/** By magic byte and a first segment that an ESP8266 can load: nothing else in the header is its own. */
export function looksLikeEsp8266Image(bytes: Uint8Array, offset: number): boolean {
  const firstSegment = offset + HEADER_BYTES;
  return (
    startsWith(bytes, offset, [IMAGE_MAGIC]) &&
    firstSegment + 8 <= bytes.length &&
    isWithin(u32At(bytes, firstSegment), LOADABLE)
  );
}

/** Header, segments and checksum at `offset`; no extended header, no hash. */
export function readV1At(bytes: Uint8Array, offset: number): SegmentTable {
  return readSegments(bytes, {
    chip: 'esp8266',
    imageStart: offset,
    offset: offset + HEADER_BYTES,
    segmentCount: byteAt(bytes, offset + 1),
  });
}

/** What the header in front says, as findings; the flash settings of the first header are the ones the ROM goes by. */
export function headerFindings(bytes: Uint8Array): Findings {
  const { flashMode, flashSizeBytes, flashFrequencyMhz, entryPoint, remarks } = readHeader(bytes, 0, 'esp8266');
  return { ...NOTHING_FOUND, chip: 'esp8266', flashMode, flashSizeBytes, flashFrequencyMhz, entryPoint, remarks };
}

const DIGEST_BYTES = 32;

/**
 * A version 1 image on its own. Without code mapped from flash it is what the ROM loads from flash address 0: eboot, rBoot or
 * the first file of an SDK build, each the first part of something. With such code it is an application of the RTOS SDK,
 * which appends a SHA-256 (esptool: version 3).
 */
export function readEsp8266V1(bytes: Uint8Array): Findings | null {
  if (!looksLikeEsp8266Image(bytes, 0)) return null;
  const table = readV1At(bytes, 0);
  const digest = table.endsAt === null ? null : readDigest(bytes, table.endsAt);
  const endsAt = table.endsAt === null || digest === null ? table.endsAt : table.endsAt + DIGEST_BYTES;
  const problems = tableProblems(table);
  const isApp = table.segments.some(({ loadAddress }) => isWithin(loadAddress, CHIP_FACTS.esp8266.flashMapped));
  const rest = bytes.subarray(endsAt ?? bytes.length);
  // eboot's sector is filled up with AA, what serial tools pad is FF.
  const isAlone = isFilledWith(rest, 0xaa) || isFilledWith(rest, 0xff);
  const found = headerFindings(bytes);
  return {
    ...found,
    kind: kindOf(isApp, isAlone),
    format: digest === null ? 'esp8266-v1' : 'esp8266-v3',
    completeness: completenessOf({
      fileBytes: isAlone && endsAt !== null ? endsAt : bytes.length,
      endsAt,
      problems,
      isProven: digest !== null && isApp,
      isSigned: false,
    }),
    endsAt,
    flashOffset: isApp ? null : 0,
    segments: table.segments,
    checksum: table.checksum,
    digest,
    problems,
    remarks: [...found.remarks, ...(isAlone ? [] : remarksOnRest(rest, endsAt ?? 0))],
  };
}

function kindOf(isApp: boolean, isAlone: boolean): Findings['kind'] {
  if (isApp) return 'app';
  return isAlone ? 'bootloader' : 'merged';
}

/** No header field announces it: 32 bytes behind the checksum are the digest where they are the digest. */
function readDigest(bytes: Uint8Array, checksumEnd: number): Findings['digest'] {
  if (bytes.length < checksumEnd + DIGEST_BYTES) return null;
  const stored = hexOf(bytes.subarray(checksumEnd, checksumEnd + DIGEST_BYTES));
  const computed = sha256Of(bytes.subarray(0, checksumEnd));
  return stored === computed ? { stored, computed } : null;
}
