import { createHash } from 'node:crypto';
import { readDossier } from '../../../../src/firmware/dossier.ts';
import type { FirmwareImage } from '../../../../src/model/image.ts';

/** Bytes as the store would hand them out. */
export function anImage(bytes: Uint8Array, name = 'user1.bin'): FirmwareImage {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { bytes, name, sha256, sizeBytes: bytes.length, dossier: readDossier(bytes, name) };
}

export const TOKEN = '0123456789abcdef0123456789abcdef01234567';

/** A request as AT firmware sends it (fact sheet C.2). */
export function moduleRequest(line: string, { token = TOKEN, host = '192.168.1.10' } = {}): string {
  return [
    line,
    `Host: ${host}:80`,
    'Connection: keep-alive',
    'Cache-Control: no-cache',
    'User-Agent: Mozilla/5.0 (Windows NT 5.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/30.0.1599.101 Safari/537.36 ',
    'Accept: */*',
    `Authorization: token ${token}`,
    'Accept-Encoding: gzip,deflate,sdch',
    'Accept-Language: zh-CN,zh;q=0.8',
    '',
    '',
  ].join('\r\n');
}

export const VERSION_LINE = 'GET /v1/device/rom/?is_format_simple=true HTTP/1.0';

export function downloadLine(file: string, { method = 'GET', version = 'v9.99' } = {}): string {
  return `${method} /v1/device/rom/?action=download_rom&version=${version}&filename=${file} HTTP/1.1`;
}
