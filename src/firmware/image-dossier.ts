import type { Dossier } from '../model/image.ts';
import { byteAt, isFilledWith } from './bytes.ts';
import { count, type Findings, hex, NOTHING_FOUND, problem } from './findings.ts';
import { readCc3200 } from './formats/cc3200.ts';
import { readEsp32File } from './formats/esp32-file.ts';
import { readEsp8266Arduino } from './formats/esp8266-arduino.ts';
import { readEsp8266User } from './formats/esp8266-user.ts';
import { readEsp8266V1 } from './formats/esp8266-v1.ts';
import { readEsp8266V2 } from './formats/esp8266-v2.ts';
import { readFat } from './formats/fat.ts';
import { inflate, isGzip } from './formats/gzip.ts';
import { readLittleFs } from './formats/littlefs.ts';
import { readMerged } from './formats/merged.ts';
import { readOtadata } from './formats/otadata.ts';
import { readPartitionTableFile } from './formats/partition-table.ts';
import { readSpiffs } from './formats/spiffs.ts';
import { recogniseWrongFile } from './formats/wrong-file.ts';

/** The largest flash in the header's tables. */
export const LARGEST_IMAGE_BYTES = 128 * 1024 * 1024;

/** The first that recognises the bytes decides. Those with strong marks come first; what a magic of one byte is enough for, last. */
const READERS: readonly ((bytes: Uint8Array) => Findings | null)[] = [
  readLittleFs,
  readFat,
  readEsp8266Arduino,
  readEsp8266User,
  readEsp8266V1,
  readMerged,
  readEsp32File,
  readEsp8266V2,
  readPartitionTableFile,
  readOtadata,
  readSpiffs,
  readCc3200,
  readRaw,
];

/** The dossier of one image, which is not a package of several. Pure, and total. */
export function readImageDossier(bytes: Uint8Array): Dossier {
  return isGzip(bytes) ? readGzip(bytes) : { ...readContent(bytes), ...plainSizes(bytes) };
}

function plainSizes({ length }: Uint8Array): Pick<Dossier, 'container' | 'sizeBytes' | 'contentBytes'> {
  return { container: 'none', sizeBytes: length, contentBytes: length };
}

function readContent(bytes: Uint8Array): Findings {
  if (bytes.length === 0) return { ...NOTHING_FOUND, problems: [problem('IMAGE_EMPTY', 'the file holds no bytes')] };
  if (bytes.length > LARGEST_IMAGE_BYTES) {
    const message = `it has ${count(bytes.length)} bytes; the largest flash has ${count(LARGEST_IMAGE_BYTES)}`;
    return { ...NOTHING_FOUND, problems: [problem('IMAGE_TOO_LARGE', message)] };
  }
  const instead = recogniseWrongFile(bytes);
  if (instead !== null) return { ...NOTHING_FOUND, problems: [problem('IMAGE_NOT_FIRMWARE', `it is ${instead}`)] };
  for (const read of READERS) {
    const findings = read(bytes);
    if (findings !== null) return findings;
  }
  return NOTHING_FOUND;
}

/** The gzip stream carries its own end and CRC-32, so a whole stream is a whole file, whatever could follow the image inside. */
function readGzip(bytes: Uint8Array): Dossier {
  const { content, isSigned, problem: report } = inflate(bytes);
  const findings = content === null ? NOTHING_FOUND : readContent(content);
  const problems = report === null ? findings.problems : [report, ...findings.problems];
  return {
    ...findings,
    container: 'gzip',
    sizeBytes: bytes.length,
    contentBytes: content?.length ?? 0,
    completeness: gzipCompleteness(report?.code ?? null, findings),
    signature: isSigned ? 'arduino' : findings.signature,
    problems,
    remarks: content === null || findings.chip === 'esp8266' ? findings.remarks : [...findings.remarks, GZIP_REMARK],
  };
}

const GZIP_REMARK = 'it is compressed; only eboot on an ESP8266 inflates an image';

function gzipCompleteness(code: string | null, { completeness }: Findings): Dossier['completeness'] {
  if (code === 'IMAGE_TRUNCATED' || completeness === 'truncated') return 'truncated';
  return code === null ? 'complete' : 'unknown';
}

/** Nothing is known but the bytes: NVS, a filesystem without a mark, an encrypted image. */
function readRaw(bytes: Uint8Array): Findings {
  const first = byteAt(bytes, 0);
  if (bytes.length < 2 || !isFilledWith(bytes, first)) return NOTHING_FOUND;
  // A file system hands out zeros for what a copy has reserved and not yet written; erased flash reads FF.
  const problems = first === 0 ? [problem('IMAGE_MALFORMED', `all its ${count(bytes.length)} bytes are zero`)] : [];
  return { ...NOTHING_FOUND, problems, remarks: [`all its ${count(bytes.length)} bytes are ${hex(first)}`] };
}
