import { createHash } from 'node:crypto';
import { CRC_BYTES, SEGMENT_SIZES } from './constants.ts';

/**
 * The version that a release goes by. Modules up to AT 1.7.4 take exactly five characters, 1.7.6 eleven at most without looking
 * (at_upgrade.c), and none compares it with its own: it only has to be the same in both requests.
 */
export function versionTag(sha256: string): string {
  const number = createHash('sha256').update(sha256).digest().readUInt16BE() % 1_000;
  return `v${Math.floor(number / 100)}.${String(number % 100).padStart(2, '0')}`;
}

/**
 * The answer to the version question. Modules search it for texts (`rom_version": `, `status`), so blanks and order are as the maker's
 * server has them. Null: nothing to offer, and so no `rom_version` in it, which a module reports as ERROR without touching anything.
 */
export function versionAnswer(version: string | null): Uint8Array {
  const json =
    version === null
      ? '{"status": 200, "productRoms": []}'
      : `{"recommended_rom_version": "${version}", "status": 200, "productRoms": [{"recommended": 1, "version": "${version}", "life_cycle": "beta"}]}`;
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${json.length}\r\nConnection: close\r\n\r\n`;
  return Buffer.from(head + json, 'latin1');
}

/** The answer to HEAD: a module looks for the status line and the length in one segment (libupgrade.a of SDK 2.0 and later). */
export function lengthAnswer(sizeBytes: number): Uint8Array {
  return Buffer.from(imageHead(sizeBytes), 'latin1');
}

/**
 * The answer to GET, in one piece: a module looks for `Content-Length: ` and the empty line in the first segment, and for the
 * image's first byte behind it; without them it takes everything for the image.
 */
export function imageAnswer(image: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(imageHead(image.length), 'latin1'), image]);
}

function imageHead(sizeBytes: number): string {
  if (sizeBytes < 1) throw new RangeError('an answer without a body would be taken for the image');
  const head = (pad: number) =>
    `HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ${sizeBytes}\r\nConnection: close\r\nServer: dropflash${'.'.repeat(pad)}\r\n\r\n`;
  for (let pad = 0; pad <= SEGMENT_SIZES.length * CRC_BYTES; pad += 1) {
    const text = head(pad);
    if (SEGMENT_SIZES.every((segment) => isTailWhole(text.length + sizeBytes, segment))) return text;
  }
  return head(0);
}

/** The SDK reads the CRC from the last segment alone: a tail of one to three bytes would tear it. */
function isTailWhole(totalBytes: number, segmentBytes: number): boolean {
  const tail = totalBytes % segmentBytes;
  return tail === 0 || tail >= CRC_BYTES;
}
