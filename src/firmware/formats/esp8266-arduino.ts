import type { ErrorReport } from '../../errors.ts';
import { byteAt, isFilledWith, u32At, xorOf } from '../bytes.ts';
import { completenessOf } from '../completeness.ts';
import { count, type Findings, hex, problem, remarksOnRest } from '../findings.ts';
import { headerFindings, looksLikeEsp8266Image, readV1At } from './esp8266-v1.ts';
import { IMAGE_MAGIC } from './header.ts';
import { type SegmentTable, wrongChecksum } from './segments.ts';
import { hasArduinoSignature } from './signature.ts';

/** eboot has the first sector to itself (esp8266/Arduino, elf2bin.py: to_addr=4096). */
const APP_OFFSET = 0x1000;
/** File offsets of size and CRC: in the first bytes of the code since core 3.0, at the end of eboot's sector in 2.6 and 2.7. */
const CRC_PLACES = [APP_OFFSET + 16, APP_OFFSET - 8];
const CRC_BYTES = 8;

/** What Arduino for ESP8266 builds: eboot, then the application at 0x1000. The whole file goes over the air. */
export function readEsp8266Arduino(bytes: Uint8Array): Findings | null {
  if (!looksLikeEsp8266Image(bytes, 0) || byteAt(bytes, APP_OFFSET) !== IMAGE_MAGIC) return null;
  const eboot = readV1At(bytes, 0);
  if (eboot.endsAt === null || eboot.endsAt > APP_OFFSET) return null;
  const app = readV1At(bytes, APP_OFFSET);
  const whole = app.endsAt === null ? unfinished(app) : finished(bytes, app, app.endsAt);
  const inEboot = eboot.checksum === null ? null : wrongChecksum(eboot.checksum);
  const found = headerFindings(bytes);
  return {
    ...found,
    ...whole,
    format: 'esp8266-arduino',
    flashOffset: 0,
    entryPoint: app.segments.length > 0 ? u32At(bytes, APP_OFFSET + 4) : null,
    segments: app.segments,
    problems: [...(inEboot === null ? [] : [located(inEboot, 'eboot')]), ...whole.problems],
    remarks: [...found.remarks, ...whole.remarks],
  };
}

type Whole = Pick<
  Findings,
  'kind' | 'completeness' | 'endsAt' | 'checksum' | 'crc' | 'signature' | 'problems' | 'remarks'
>;

/** The application's segments go on behind the end of the file, or make no sense. */
function unfinished({ problem: report }: SegmentTable): Whole {
  return {
    kind: 'app',
    completeness: report?.code === 'IMAGE_TRUNCATED' ? 'truncated' : 'unknown',
    endsAt: null,
    checksum: null,
    crc: null,
    signature: null,
    problems: report === null ? [] : [located(report, APPLICATION)],
    remarks: [],
  };
}

function finished(bytes: Uint8Array, app: SegmentTable, appEnd: number): Whole {
  const seal = findCrc(bytes, appEnd);
  const checksum = seal === null ? app.checksum : withoutCrc(bytes, app, seal.place);
  // Neither eboot nor the updater looks at this checksum; where the stronger CRC-32 is right, it has nothing to add.
  const isProven = seal !== null && seal.stored === seal.computed;
  const inApp = checksum === null || isProven ? null : wrongChecksum(checksum);
  const problems = [inApp === null ? null : located(inApp, APPLICATION), wrongCrc(seal, appEnd)].filter(
    (report) => report !== null,
  );
  const rest = bytes.subarray(appEnd);
  const isSigned = hasArduinoSignature(bytes, appEnd);
  const endsAt = isSigned ? bytes.length : appEnd;
  return {
    // A dump or factory image brings a filesystem along, and would not fit the space for sketches.
    kind: isSigned || isFilledWith(rest, 0xff) ? 'app' : 'merged',
    completeness: completenessOf({
      fileBytes: bytes.length,
      endsAt,
      problems,
      isProven,
      isSigned,
    }),
    endsAt,
    checksum,
    crc: seal === null ? null : { stored: seal.stored, computed: seal.computed },
    signature: isSigned ? 'arduino' : null,
    problems,
    remarks: [...(seal === null ? [NO_CRC_REMARK] : []), ...remarksOnRest(bytes.subarray(endsAt), endsAt)],
  };
}

const APPLICATION = `application at ${hex(APP_OFFSET)}`;
const NO_CRC_REMARK = 'it carries no CRC-32: built by a core before 2.6, or not yet finished';

function located(report: ErrorReport, part: string): ErrorReport {
  return { ...report, message: `${part}: ${report.message}` };
}

interface Crc {
  readonly place: number;
  readonly stored: number;
  readonly computed: number;
}

/** The CRC whose size field is the image's own size; any other value in its place is code. */
function findCrc(bytes: Uint8Array, imageBytes: number): Crc | null {
  const place = CRC_PLACES.find((offset) => u32At(bytes, offset) === imageBytes);
  if (place === undefined) return null;
  const before = ebootCrc(bytes.subarray(0, place), 0xffffffff);
  const withZeros = ebootCrc(new Uint8Array(CRC_BYTES), before);
  const computed = ebootCrc(bytes.subarray(place + CRC_BYTES, imageBytes), withZeros);
  return { place, stored: u32At(bytes, place + 4), computed };
}

/** The image with its CRC-32 computed anew, after bytes under it were changed; as it is where it carries none. */
export function withFreshCrc(bytes: Uint8Array, imageBytes: number): Uint8Array {
  const crc = findCrc(bytes, imageBytes);
  if (crc === null) return bytes;
  const fresh = Buffer.from(bytes);
  fresh.writeUInt32LE(crc.computed, crc.place + 4);
  return fresh;
}

/** elf2bin fills in size and CRC after the checksum was made, so the checksum still counts their eight bytes as zero. */
function withoutCrc(bytes: Uint8Array, app: SegmentTable, place: number): SegmentTable['checksum'] {
  if (app.checksum === null || place < APP_OFFSET) return app.checksum;
  const { stored, computed } = app.checksum;
  return { stored, computed: xorOf(bytes.subarray(place, place + CRC_BYTES), computed) };
}

function wrongCrc(crc: Crc | null, imageBytes: number): ErrorReport | null {
  if (crc === null || crc.stored === crc.computed) return null;
  const message = `its CRC-32 over ${count(imageBytes)} bytes is ${hex(crc.computed)}, the one stored in it is ${hex(crc.stored)}`;
  return problem('IMAGE_CORRUPT', message);
}

/** CRC-32 as elf2bin and the core compute it: most significant bit first, no final inversion. Goes on from `seed`. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

function ebootCrc(bytes: Uint8Array, seed: number): number {
  let crc = seed;
  for (let at = 0; at < bytes.length; at++) crc = (crc << 8) ^ (CRC_TABLE[(crc >>> 24) ^ (bytes[at] ?? 0)] ?? 0);
  return crc >>> 0;
}
