import { crc32, inflateRawSync } from 'node:zlib';
import type { ErrorReport } from '../../errors.ts';
import { byteAt, startsWith, u16At, u32At } from '../bytes.ts';
import { count, problem, truncated } from '../findings.ts';
import { hasArduinoSignature } from './signature.ts';

/** RFC 1952, section 2.3: header, deflate stream, CRC-32, size. */
const GZIP_MAGIC = [0x1f, 0x8b];
const DEFLATE = 8;
const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const FHCRC = 0x02;
const FEXTRA = 0x04;
const FNAME = 0x08;
const FCOMMENT = 0x10;
/** The largest flash an ESP8266 can be given; nothing else inflates images. Keeps a small file from filling the memory. */
const MOST_INFLATED_BYTES = 16 * 1024 * 1024;

/** By its first two bytes (RFC 1952, section 2.3.1). */
export function isGzip(bytes: Uint8Array): boolean {
  return startsWith(bytes, 0, GZIP_MAGIC);
}

/** What is inside, or what is wrong with it. */
export interface Inflated {
  /** Null where it could not be inflated. */
  readonly content: Uint8Array | null;
  readonly isSigned: boolean;
  readonly problem: ErrorReport | null;
}

/**
 * Inflates a gzip file and checks what eboot relies on: one stream, whose size is the last four bytes of the file (eboot.c,
 * copy_raw), or of what a signature leaves of it (Updater.cpp). The frame is read here, as zlib's own reader takes a signature
 * behind the stream for a second, broken one.
 */
export function inflate(bytes: Uint8Array): Inflated {
  const streamStart = streamOffset(bytes);
  if (streamStart === null)
    return failed(truncated('inside its gzip header', bytes.length, HEADER_BYTES + TRAILER_BYTES));
  if (byteAt(bytes, 2) !== DEFLATE) {
    return failed(
      problem('IMAGE_MALFORMED', `its gzip compression method is ${byteAt(bytes, 2)}; only 8, deflate, is defined`),
    );
  }
  const stream = inflateStream(bytes.subarray(streamStart));
  if (!stream.ok) return failed(inflateProblem(stream.code, bytes.length));
  const { content } = stream;
  const trailer = streamStart + stream.sizeBytes;
  const end = trailer + TRAILER_BYTES;
  if (end > bytes.length) return failed(truncated('before the end of its gzip stream', bytes.length, end));
  const isSigned = hasArduinoSignature(bytes, end);
  return { content, isSigned, problem: trailerProblem(bytes, content, trailer, isSigned) };
}

function failed(report: ErrorReport): Inflated {
  return { content: null, isSigned: false, problem: report };
}

/** Where the deflate stream begins, behind the optional fields of the header; null: the file ends before it. */
function streamOffset(bytes: Uint8Array): number | null {
  const flags = byteAt(bytes, 3);
  let offset = HEADER_BYTES;
  if (flags & FEXTRA) {
    if (offset + 2 > bytes.length) return null;
    offset += 2 + u16At(bytes, offset);
  }
  for (const flag of [FNAME, FCOMMENT]) {
    if (!(flags & flag)) continue;
    const end = bytes.indexOf(0, offset);
    if (end === -1) return null;
    offset = end + 1;
  }
  if (flags & FHCRC) offset += 2;
  return offset < bytes.length ? offset : null;
}

type Stream =
  | { readonly ok: true; readonly content: Uint8Array; readonly sizeBytes: number }
  | { readonly ok: false; readonly code: unknown };

/** What `info` makes of the result; Node's types do not follow it. */
interface InflateInfo {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

function inflateStream(bytes: Uint8Array): Stream {
  try {
    const options = { maxOutputLength: MOST_INFLATED_BYTES, info: true };
    const { buffer, engine } = inflateRawSync(bytes, options) as unknown as InflateInfo;
    return { ok: true, content: buffer, sizeBytes: engine.bytesWritten };
  } catch (cause) {
    return { ok: false, code: cause instanceof Error && 'code' in cause ? cause.code : 'unknown reason' };
  }
}

function inflateProblem(code: unknown, sizeBytes: number): ErrorReport {
  switch (code) {
    case 'ERR_BUFFER_TOO_LARGE': {
      const most = count(MOST_INFLATED_BYTES);
      return problem('IMAGE_TOO_LARGE', `it inflates to more than ${most} bytes, the most flash an ESP8266 has`);
    }
    case 'Z_BUF_ERROR': {
      const message = `the file ends at ${count(sizeBytes)} bytes, inside its gzip stream`;
      return problem('IMAGE_TRUNCATED', message, { actualBytes: sizeBytes });
    }
    default:
      return problem('IMAGE_CORRUPT', `its gzip stream is damaged (${String(code)})`);
  }
}

function trailerProblem(
  bytes: Uint8Array,
  content: Uint8Array,
  trailer: number,
  isSigned: boolean,
): ErrorReport | null {
  const stored = u32At(bytes, trailer);
  const computed = crc32(content);
  if (stored !== computed || u32At(bytes, trailer + 4) !== content.length) {
    const message = `its gzip stream inflates to other bytes than went in: ${count(content.length)} of them`;
    return problem('IMAGE_CORRUPT', message, { stored, computed });
  }
  const extra = bytes.length - trailer - TRAILER_BYTES;
  if (extra === 0 || isSigned) return null;
  const message = `${count(extra)} bytes follow the end of its gzip stream; eboot would take the last four for its size`;
  return problem('IMAGE_MALFORMED', message);
}
