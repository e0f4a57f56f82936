import { startsWith, u32At } from '../bytes.ts';
import { count, type Findings, hex, NOTHING_FOUND, problem, truncated } from '../findings.ts';

/** littlefs, SPEC.md, "superblock": the name entry holds the magic, the inline structure entry behind it the geometry. */
const MAGIC = Buffer.from('littlefs');
const MAGIC_OFFSET = 8;
const VERSION_OFFSET = 20;
const BLOCK_SIZE_OFFSET = 24;
const BLOCK_COUNT_OFFSET = 28;
const SUPERBLOCK_BYTES = 44;
const BLOCK_SIZE = { min: 128, max: 1 << 20 };

/** A LittleFS image. Its superblock tells its size; no checksum covers the whole of it. */
export function readLittleFs(bytes: Uint8Array): Findings | null {
  if (!startsWith(bytes, MAGIC_OFFSET, MAGIC)) return null;
  const found: Findings = { ...NOTHING_FOUND, kind: 'filesystem', format: 'filesystem', filesystem: 'littlefs' };
  const cut = (where: string, neededBytes: number): Findings => ({
    ...found,
    completeness: 'truncated',
    problems: [truncated(where, bytes.length, neededBytes)],
  });
  if (bytes.length < SUPERBLOCK_BYTES) return cut('inside its superblock', SUPERBLOCK_BYTES);
  const version = u32At(bytes, VERSION_OFFSET);
  const blockSize = u32At(bytes, BLOCK_SIZE_OFFSET);
  const blockCount = u32At(bytes, BLOCK_COUNT_OFFSET);
  if (blockSize < BLOCK_SIZE.min || blockSize > BLOCK_SIZE.max || blockCount === 0) {
    const message = `its LittleFS superblock tells of ${count(blockCount)} blocks of ${count(blockSize)} bytes`;
    return { ...found, problems: [problem('IMAGE_MALFORMED', message)] };
  }
  const remark = `LittleFS ${version >>> 16}.${version & 0xffff}, ${count(blockCount)} blocks of ${count(blockSize)} bytes`;
  const endsAt = blockSize * blockCount;
  if (bytes.length < endsAt) return { ...cut(`inside its ${count(blockCount)} blocks`, endsAt), remarks: [remark] };
  const extra = bytes.length - endsAt;
  const remarks =
    extra === 0 ? [remark] : [remark, `${count(extra)} bytes follow the filesystem, which ends at ${hex(endsAt)}`];
  return { ...found, endsAt, remarks };
}
