import { crc32 } from 'node:zlib';
import type { ErrorReport } from '../../errors.ts';
import { byteAt, u32At } from '../bytes.ts';
import { completenessOf } from '../completeness.ts';
import { count, type Findings, hex, NOTHING_FOUND, problem, remarksOnRest, truncated } from '../findings.ts';
import { headerFindings } from './esp8266-v1.ts';
import { HEADER_BYTES, IMAGE_MAGIC } from './header.ts';
import { readSegments, tableProblems } from './segments.ts';
import { innerHeaderAt, readUserSlot } from './user-slot.ts';

const V2_MAGIC = 0xea;
/** Not a number of segments here, but a constant (esptool: IMAGE_V2_SEGMENT). */
const V2_SEGMENT_COUNT = 4;

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
  const inner = innerHeaderAt(codeBytes);
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
  const problems = seal.problem === null ? tableProblems(table) : [...tableProblems(table), seal.problem];
  const code = { loadAddress: 0, sizeBytes: codeBytes, fileOffset: 2 * HEADER_BYTES, region: 'IROM' };
  const header = headerFindings(bytes.subarray(inner));
  return {
    ...header,
    kind: 'app',
    format: 'esp8266-v2',
    completeness: completenessOf({
      fileBytes: bytes.length,
      endsAt: seal.endsAt,
      problems,
      isProven: seal.crc !== null,
      isSigned: false,
    }),
    endsAt: seal.endsAt,
    segments: [code, ...table.segments],
    checksum: table.checksum,
    crc: seal.crc,
    userSlot: readUserSlot(bytes, inner),
    problems,
    remarks: [...header.remarks, ...remarksOnRest(bytes.subarray(seal.endsAt ?? bytes.length), seal.endsAt ?? 0)],
  };
}

interface V2Seal {
  readonly endsAt: number | null;
  readonly crc: Findings['crc'];
  readonly problem: ErrorReport | null;
}

/** CRC-32, inverted where its top bit is set and one higher where not (esptool, esp8266_crc32; SDK, tools/gen_appbin.py). */
export function sdkCrc(bytes: Uint8Array): number {
  const sum = crc32(bytes);
  return (sum >= 0x80000000 ? ~sum : sum + 1) >>> 0;
}

function readV2Crc(bytes: Uint8Array, checksumEnd: number | null): V2Seal {
  if (checksumEnd === null || bytes.length === checksumEnd) return { endsAt: checksumEnd, crc: null, problem: null };
  if (bytes.length < checksumEnd + 4) {
    return { endsAt: null, crc: null, problem: truncated('inside its CRC', bytes.length, checksumEnd + 4) };
  }
  const computed = sdkCrc(bytes.subarray(0, checksumEnd));
  const stored = u32At(bytes, checksumEnd);
  if (stored === computed) return { endsAt: checksumEnd + 4, crc: { stored, computed }, problem: null };
  // More than four bytes may be something else altogether; just four can only be a wrong CRC.
  if (bytes.length > checksumEnd + 4) return { endsAt: checksumEnd, crc: null, problem: null };
  const report = problem('IMAGE_CORRUPT', `its CRC-32 is ${hex(computed)}, the one behind it is ${hex(stored)}`);
  return { endsAt: checksumEnd + 4, crc: { stored, computed }, problem: report };
}
