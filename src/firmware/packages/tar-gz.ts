import { constants, gunzipSync } from 'node:zlib';
import { FlashError } from '../../errors.ts';
import { count } from '../findings.ts';
import { isGzip } from '../formats/gzip.ts';
import { corrupt, MOST_CONTENT_BYTES, type PackageFiles, refused } from './archive.ts';
import { isTar, openTar } from './tar.ts';

/** Inflates to the first header of an archive, at the very least. */
const PEEK_BYTES = 2048;
/** What deflate makes of one byte at most is 1,032 (zlib, "Technical Details"). */
const MOST_PEEKED_BYTES = PEEK_BYTES * 1032;

/** Is there a tar archive in this gzip file? */
export function isTarGz(bytes: Uint8Array): boolean {
  if (!isGzip(bytes)) return false;
  try {
    const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MOST_PEEKED_BYTES };
    return isTar(gunzipSync(bytes.subarray(0, PEEK_BYTES), options));
  } catch {
    return false;
  }
}

/**
 * The files of a `.tar.gz`.
 *
 * @throws FlashError IMAGE_TRUNCATED, IMAGE_CORRUPT, PACKAGE_REFUSED
 */
export function openTarGz(bytes: Uint8Array): PackageFiles {
  return openTar(gunzip(bytes));
}

function gunzip(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MOST_CONTENT_BYTES });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : null;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw refused(`it inflates to more than ${count(MOST_CONTENT_BYTES)} bytes`);
    if (code !== 'Z_BUF_ERROR') throw corrupt(`its gzip stream is damaged (${String(code)})`);
    const message = `the file ends at ${count(bytes.length)} bytes, inside its gzip stream`;
    throw new FlashError('IMAGE_TRUNCATED', message, { cause });
  }
}
