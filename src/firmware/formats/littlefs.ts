import { startsWith, u32At } from '../bytes.ts';
import { count, type Findings, NOTHING_FOUND, problem } from '../findings.ts';
import { filesystemFindings } from './filesystem.ts';

/** littlefs, SPEC.md, "superblock": the name entry holds the magic, the inline structure entry behind it the geometry. */
const MAGIC = Buffer.from('littlefs');
const MAGIC_OFFSET = 8;
const VERSION_OFFSET = 20;
const BLOCK_SIZE_OFFSET = 24;
const BLOCK_COUNT_OFFSET = 28;
const SUPERBLOCK_BYTES = 44;
const BLOCK_SIZE = { min: 128, max: 1 << 20 };

/** A LittleFS image, by its superblock. */
export function readLittleFs(bytes: Uint8Array): Findings | null {
  if (!startsWith(bytes, MAGIC_OFFSET, MAGIC)) return null;
  const fileBytes = bytes.length;
  if (fileBytes < SUPERBLOCK_BYTES) {
    return filesystemFindings('littlefs', { fileBytes, neededBytes: SUPERBLOCK_BYTES, remark: 'LittleFS' });
  }
  const version = u32At(bytes, VERSION_OFFSET);
  const blockSize = u32At(bytes, BLOCK_SIZE_OFFSET);
  const blockCount = u32At(bytes, BLOCK_COUNT_OFFSET);
  const geometry = `${count(blockCount)} blocks of ${count(blockSize)} bytes`;
  if (blockSize < BLOCK_SIZE.min || blockSize > BLOCK_SIZE.max || blockCount === 0) {
    const problems = [problem('IMAGE_MALFORMED', `its LittleFS superblock tells of ${geometry}`)];
    return { ...NOTHING_FOUND, kind: 'filesystem', format: 'filesystem', filesystem: 'littlefs', problems };
  }
  const remark = `LittleFS ${version >>> 16}.${version & 0xffff}, ${geometry}`;
  return filesystemFindings('littlefs', { fileBytes, neededBytes: blockSize * blockCount, remark });
}
