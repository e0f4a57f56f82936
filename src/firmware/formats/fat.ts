import { byteAt, startsWith, u16At, u32At } from '../bytes.ts';
import { count, type Findings } from '../findings.ts';
import { filesystemFindings } from './filesystem.ts';

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

/** A FAT volume, bare or with wear levelling, by its boot sector. */
export function readFat(bytes: Uint8Array): Findings | null {
  const start = [0, WEAR_LEVELLING_SECTOR].find((offset) => isBootSector(bytes, offset));
  if (start === undefined) return null;
  const sectorSize = u16At(bytes, start + 11);
  const sectorCount = u16At(bytes, start + 19) || u32At(bytes, start + 32);
  const volumeEnd = start + sectorSize * sectorCount;
  const geometry = `FAT, ${count(sectorCount)} sectors of ${count(sectorSize)} bytes`;
  if (start === 0)
    return filesystemFindings('fat', { fileBytes: bytes.length, neededBytes: volumeEnd, remark: geometry });
  // Behind the volume come the state sectors of the wear levelling, whose number the image does not tell.
  const neededBytes = bytes.length < volumeEnd ? volumeEnd : null;
  return filesystemFindings('fat', {
    fileBytes: bytes.length,
    neededBytes,
    remark: `${geometry}, with wear levelling`,
  });
}
