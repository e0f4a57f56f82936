import { gunzipSync } from 'node:zlib';
import type { ErrorReport } from '../../errors.ts';
import { startsWith, u32At } from '../bytes.ts';
import { count, problem } from '../findings.ts';
import { hasArduinoSignature } from './signature.ts';

/** RFC 1952, section 2.3.1. */
const GZIP_MAGIC = [0x1f, 0x8b];
const SIZE_FIELD_BYTES = 4;
/** The largest flash an ESP8266 can be given; nothing else inflates images. Keeps a small file from filling the memory. */
const MOST_INFLATED_BYTES = 16 * 1024 * 1024;

export function isGzip(bytes: Uint8Array): boolean {
  return startsWith(bytes, 0, GZIP_MAGIC);
}

export interface Inflated {
  /** Null where it could not be inflated. */
  readonly content: Uint8Array | null;
  readonly isSigned: boolean;
  readonly problem: ErrorReport | null;
}

/** Node has the number of bytes read in the engine that `info` asks for; its types do not know the option's result. */
interface GunzipInfo {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

/** Inflates a gzip file and checks what eboot relies on: one stream, and its size in the last four bytes (eboot.c, copy_raw). */
export function inflate(bytes: Uint8Array): Inflated {
  let result: GunzipInfo;
  try {
    const options = { maxOutputLength: MOST_INFLATED_BYTES, info: true };
    result = gunzipSync(bytes, options) as unknown as GunzipInfo;
  } catch (cause) {
    return { content: null, isSigned: false, problem: inflateProblem(cause, bytes.length) };
  }
  const content = result.buffer;
  const streamEnd = result.engine.bytesWritten;
  const isSigned = hasArduinoSignature(bytes, streamEnd);
  const storedBytes = u32At(bytes, streamEnd - SIZE_FIELD_BYTES);
  if (streamEnd !== bytes.length && !isSigned) {
    const message = `${count(bytes.length - streamEnd)} bytes follow the end of its gzip stream at ${count(streamEnd)}; eboot would take the last four for the size`;
    return { content, isSigned, problem: problem('IMAGE_MALFORMED', message) };
  }
  if (storedBytes !== content.length) {
    const message = `it is several gzip streams in one file: ${count(content.length)} bytes, of which the last is ${count(storedBytes)}; eboot inflates one`;
    return { content, isSigned, problem: problem('IMAGE_MALFORMED', message) };
  }
  return { content, isSigned, problem: null };
}

function inflateProblem(cause: unknown, sizeBytes: number): ErrorReport {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  if (code === 'ERR_BUFFER_TOO_LARGE') {
    return problem(
      'IMAGE_TOO_LARGE',
      `it inflates to more than ${count(MOST_INFLATED_BYTES)} bytes, the most flash an ESP8266 has`,
    );
  }
  if (code === 'Z_BUF_ERROR') {
    return problem('IMAGE_TRUNCATED', `the file ends at ${count(sizeBytes)} bytes, inside its gzip stream`, {
      actualBytes: sizeBytes,
    });
  }
  return problem('IMAGE_CORRUPT', `its gzip stream is damaged (${code === null ? 'unknown reason' : String(code)})`);
}
