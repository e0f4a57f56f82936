import { crc32 } from 'node:zlib';
import type { ErrorReport } from '../../errors.ts';
import { byteAt, hexOf, isFilledWith, sha256Of, startsWith, u32At } from '../bytes.ts';
import { type AddressRange, CHIP_FACTS, isWithin } from '../chips.ts';
import { completenessOf } from '../completeness.ts';
import { count, type Findings, hex, NOTHING_FOUND, problem, truncated } from '../findings.ts';
import { remarksOnRest } from './esp32-file.ts';
import { HEADER_BYTES, IMAGE_MAGIC, readHeader } from './header.ts';
import { readSegments, type SegmentTable, wrongChecksum } from './segments.ts';

/**
 * Where a segment of an ESP8266 image can be loaded. In an ESP32-family image the same four bytes are pin settings, of
 * which the first is EE or 0 and the others are small, so they never spell such an address.
 */
const LOADABLE: readonly AddressRange[] = [
  [0x3ffe8000, 0x40000000],
  [0x40100000, 0x40110000],
  ...CHIP_FACTS.esp8266.flashMapped,
];

const V2_MAGIC = 0xea;
const V2_SEGMENT_COUNT = 4;

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
  const problems = [table.problem, table.checksum === null ? null : wrongChecksum(table.checksum)].filter(
    (report) => report !== null,
  );
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
      isTruncated: problems.some(({ code }) => code === 'IMAGE_TRUNCATED'),
      isDamaged: problems.length > 0,
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

/** Code to be mapped, then a version 1 image, then a CRC: what the SDK's second-stage bootloader and rBoot start. */
export function readEsp8266V2(bytes: Uint8Array): Findings | null {
  if (byteAt(bytes, 0) !== V2_MAGIC || byteAt(bytes, 1) !== V2_SEGMENT_COUNT) return null;
  const found: Findings = { ...NOTHING_FOUND, kind: 'app', format: 'esp8266-v2', chip: 'esp8266' };
  const cut = (where: string, neededBytes: number): Findings => ({
    ...found,
    completeness: 'truncated',
    problems: [truncated(where, bytes.length, neededBytes)],
  });
  if (bytes.length < 2 * HEADER_BYTES) return cut('inside its header', 2 * HEADER_BYTES);
  const codeBytes = u32At(bytes, HEADER_BYTES + 4);
  const inner = 2 * HEADER_BYTES + codeBytes;
  if (inner + HEADER_BYTES > bytes.length) return cut('inside its mapped code', inner + HEADER_BYTES);
  if (byteAt(bytes, inner) !== IMAGE_MAGIC) {
    const message = `no second header follows its ${count(codeBytes)} bytes of mapped code`;
    return { ...found, problems: [problem('IMAGE_MALFORMED', `${message}, at ${hex(inner)}`)] };
  }
  const table = readSegments(bytes, {
    chip: 'esp8266',
    imageStart: 0,
    offset: inner + HEADER_BYTES,
    segmentCount: byteAt(bytes, inner + 1),
  });
  const seal = readV2Crc(bytes, table.endsAt);
  const problems = [table.problem, table.checksum === null ? null : wrongChecksum(table.checksum), seal.problem].filter(
    (report) => report !== null,
  );
  const code = { loadAddress: 0, sizeBytes: codeBytes, fileOffset: 2 * HEADER_BYTES, region: 'IROM' };
  return {
    ...headerFindings(bytes.subarray(inner)),
    kind: 'app',
    format: 'esp8266-v2',
    completeness: completenessOf({
      fileBytes: bytes.length,
      endsAt: seal.endsAt,
      isTruncated: problems.some(({ code: reported }) => reported === 'IMAGE_TRUNCATED'),
      isDamaged: problems.length > 0,
      isProven: seal.crc !== null,
      isSigned: false,
    }),
    endsAt: seal.endsAt,
    segments: [code, ...table.segments],
    checksum: table.checksum,
    crc: seal.crc,
    problems,
    remarks: remarksOnRest(bytes.subarray(seal.endsAt ?? bytes.length), seal.endsAt ?? 0),
  };
}

interface V2Seal {
  readonly endsAt: number | null;
  readonly crc: Findings['crc'];
  readonly problem: ErrorReport | null;
}

/** CRC-32 over the file, stored inverted where its top bit is set and one higher where not (esptool, esp8266_crc32). */
function readV2Crc(bytes: Uint8Array, checksumEnd: number | null): V2Seal {
  if (checksumEnd === null || bytes.length === checksumEnd) return { endsAt: checksumEnd, crc: null, problem: null };
  if (bytes.length < checksumEnd + 4) {
    return { endsAt: null, crc: null, problem: truncated('inside its CRC', bytes.length, checksumEnd + 4) };
  }
  const sum = crc32(bytes.subarray(0, checksumEnd));
  const computed = (sum >= 0x80000000 ? ~sum : sum + 1) >>> 0;
  const stored = u32At(bytes, checksumEnd);
  if (stored === computed) return { endsAt: checksumEnd + 4, crc: { stored, computed }, problem: null };
  // More than four bytes may be something else altogether; just four can only be a wrong CRC.
  if (bytes.length > checksumEnd + 4) return { endsAt: checksumEnd, crc: null, problem: null };
  const report = problem('IMAGE_CORRUPT', `its CRC-32 is ${hex(computed)}, the one behind it is ${hex(stored)}`);
  return { endsAt: checksumEnd + 4, crc: { stored, computed }, problem: report };
}
