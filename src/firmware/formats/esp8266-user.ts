import type { ErrorReport } from '../../errors.ts';
import { byteAt, isFilledWith, u32At } from '../bytes.ts';
import { completenessOf } from '../completeness.ts';
import { type Findings, hex, NOTHING_FOUND, problem } from '../findings.ts';
import { looksLikeEsp8266Image, readV1At } from './esp8266-v1.ts';
import { sdkCrc } from './esp8266-v2.ts';
import { tableProblems } from './segments.ts';
import { readUserSlot } from './user-slot.ts';

/** Code that is mapped from flash starts at this offset of the file (ESP8266_NONOS_SDK, tools/gen_appbin.py, boot mode 1). */
const CODE_OFFSET = 0x10000;
const SEGMENTS = 3;
const CRC_BYTES = 4;

/**
 * One half of a release as SDKs before 1.0 build it for boot 1.1 (`user1.bin`, AT 0.17 to 0.20): a version 1 image, erased flash
 * up to 0x10000, mapped code. Null where these bytes are something else. The first of them say nothing of the slot; later ones
 * have a slot mark and a CRC behind the code.
 */
export function readEsp8266User(bytes: Uint8Array): Findings | null {
  const isCandidate = looksLikeEsp8266Image(bytes, 0) && byteAt(bytes, 1) === SEGMENTS && byteAt(bytes, 2) === 0;
  if (!isCandidate || byteAt(bytes, 3) > 2 || bytes.length <= CODE_OFFSET) return null;
  const table = readV1At(bytes, 0);
  if (table.endsAt === null || table.endsAt > CODE_OFFSET) return null;
  if (!isFilledWith(bytes.subarray(table.endsAt, CODE_OFFSET), 0xff)) return null;
  const slot = readUserSlot(bytes, null);
  const crc = slot === null ? null : readCrc(bytes);
  const problems = [...tableProblems(table), crcProblem(crc)].filter((report) => report !== null);
  return {
    ...NOTHING_FOUND,
    kind: 'app',
    format: 'esp8266-user',
    chip: 'esp8266',
    completeness: completenessOf({
      fileBytes: bytes.length,
      endsAt: bytes.length,
      problems,
      isProven: crc !== null,
      isSigned: false,
    }),
    endsAt: crc === null ? null : bytes.length,
    entryPoint: u32At(bytes, 4),
    segments: [
      ...table.segments,
      { loadAddress: 0, sizeBytes: bytes.length - CODE_OFFSET, fileOffset: CODE_OFFSET, region: 'IROM' },
    ],
    checksum: table.checksum,
    crc,
    userSlot: slot ?? { user: null, flashMap: null },
    problems,
  };
}

function readCrc(bytes: Uint8Array): NonNullable<Findings['crc']> {
  const end = bytes.length - CRC_BYTES;
  return { stored: u32At(bytes, end), computed: sdkCrc(bytes.subarray(0, end)) };
}

function crcProblem(crc: Findings['crc']): ErrorReport | null {
  if (crc === null || crc.stored === crc.computed) return null;
  return problem('IMAGE_CORRUPT', `its CRC-32 is ${hex(crc.computed)}, the one behind it is ${hex(crc.stored)}`, crc);
}
