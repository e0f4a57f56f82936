import { byteAt, startsWith, u16At, u32At } from '../bytes.ts';
import { count, type Findings, NOTHING_FOUND, truncated } from '../findings.ts';

/** Microsoft, "FAT: General Overview of On-Disk Format", boot sector and BPB. */
const BOOT_SECTOR_BYTES = 512;
const END_MARK_OFFSET = 510;
const SECTOR_SIZES = [512, 1024, 2048, 4096];
/** ESP-IDF's wear levelling keeps a dummy sector in front of the volume (wl_fatfsgen.py). */
const WEAR_LEVELLING_SECTOR = 4096;

function isBootSector(bytes: Uint8Array, start: number): boolean {
  if (start + BOOT_SECTOR_BYTES > bytes.length || !startsWith(bytes, start + END_MARK_OFFSET, [0x55, 0xaa]))
    return false;
  const jump = byteAt(bytes, start);
  const named = startsWith(bytes, start + 54, Buffer.from('FAT')) || startsWith(bytes, start + 82, Buffer.from('FAT'));
  return (jump === 0xeb || jump === 0xe9) && named && SECTOR_SIZES.includes(u16At(bytes, start + 11));
}

/** A FAT volume, bare or with wear levelling. The boot sector tells its size; no checksum covers it. */
export function readFat(bytes: Uint8Array): Findings | null {
  const start = [0, WEAR_LEVELLING_SECTOR].find((offset) => isBootSector(bytes, offset));
  if (start === undefined) return null;
  const sectorSize = u16At(bytes, start + 11);
  const sectorCount = u16At(bytes, start + 19) || u32At(bytes, start + 32);
  const volumeEnd = start + sectorSize * sectorCount;
  const isTruncated = bytes.length < volumeEnd;
  const geometry = `FAT, ${count(sectorCount)} sectors of ${count(sectorSize)} bytes`;
  return {
    ...NOTHING_FOUND,
    kind: 'filesystem',
    format: 'filesystem',
    filesystem: 'fat',
    completeness: isTruncated ? 'truncated' : 'unknown',
    // Behind a volume with wear levelling come its state sectors, whose number the image does not tell.
    endsAt: isTruncated || start !== 0 ? null : volumeEnd,
    problems: isTruncated ? [truncated(`inside its ${count(sectorCount)} sectors`, bytes.length, volumeEnd)] : [],
    remarks: [start === 0 ? geometry : `${geometry}, with wear levelling`],
  };
}
