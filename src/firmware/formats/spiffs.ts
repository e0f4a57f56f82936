import { u16At } from '../bytes.ts';
import { count, type Findings } from '../findings.ts';
import { filesystemFindings } from './filesystem.ts';

/** Page and block sizes of the Arduino cores and ESP-IDF (CONFIG_SPIFFS_PAGE_SIZE), most usual first. */
const GEOMETRIES = [256, 512, 1024].flatMap((pageSize) =>
  [4096, 8192, 65536].map((blockSize) => ({ pageSize, blockSize })),
);
const ID_BYTES = 2;
const FREE = 0xffff;
const DELETED = 0;
/** Low half of SPIFFS_MAGIC (spiffs_nucleus.h), as object ids have 16 bits here. */
const MAGIC = 0x0529;
/** How much of a lookup has to agree with its pages, so that noise does not pass for one. */
const ENOUGH_ENTRIES = 2;
/** An upload that was cut off may have reserved blocks that it did not write, and a live filesystem may have lost power while it erased one. */
const ENOUGH_MAGICS = 0.75;

type Geometry = (typeof GEOMETRIES)[number];

/**
 * A SPIFFS image, by its structure: each block begins with a lookup that names the object of every following page, and each
 * page repeats that name in its header. Where the builder wrote magics, they tell the number of blocks.
 */
export function readSpiffs(bytes: Uint8Array): Findings | null {
  const possible = GEOMETRIES.filter(({ blockSize }) => bytes.length >= blockSize);
  // By structure alone, a block of 8 KB looks like two of 4 KB; the magics settle it.
  for (const geometry of possible) {
    const blockCount = blockCountByMagic(bytes, geometry);
    if (blockCount !== null) return found(bytes, geometry, blockCount);
  }
  const geometry = possible.find((candidate) => hasLookup(bytes, candidate));
  return geometry === undefined ? null : found(bytes, geometry, null);
}

function found({ length }: Uint8Array, { pageSize, blockSize }: Geometry, blockCount: number | null): Findings {
  return filesystemFindings('spiffs', {
    fileBytes: length,
    neededBytes: blockCount === null ? null : blockCount * blockSize,
    remark: `SPIFFS, pages of ${pageSize} bytes in blocks of ${count(blockSize)}`,
  });
}

function lookupPages({ pageSize, blockSize }: Geometry): number {
  return Math.ceil(((blockSize / pageSize) * ID_BYTES) / pageSize);
}

/** SPIFFS_MAGIC with SPIFFS_USE_MAGIC_LENGTH: magic ^ page size ^ (blocks − block index), before the last id of the lookup. */
function blockCountByMagic(bytes: Uint8Array, geometry: Geometry): number | null {
  const magicOffset = lookupPages(geometry) * geometry.pageSize - 2 * ID_BYTES;
  const remaining = (block: number): number =>
    u16At(bytes, block * geometry.blockSize + magicOffset) ^ MAGIC ^ (geometry.pageSize & FREE);
  const blockCount = remaining(0);
  const present = Math.min(Math.floor(bytes.length / geometry.blockSize), blockCount);
  if (present < 2) return null;
  let agreeing = 1;
  for (let block = 1; block < present; block++) {
    if (remaining(block) === blockCount - block) agreeing++;
  }
  return agreeing >= present * ENOUGH_MAGICS ? blockCount : null;
}

/** In the first block, every entry in use agrees with the header of its page, and there are enough of them to mean something. */
function hasLookup(bytes: Uint8Array, geometry: Geometry): boolean {
  const firstPage = lookupPages(geometry);
  const entries = geometry.blockSize / geometry.pageSize - firstPage;
  let agreeing = 0;
  for (let entry = 0; entry < entries; entry++) {
    const id = u16At(bytes, entry * ID_BYTES);
    if (id === FREE || id === DELETED) continue;
    if (u16At(bytes, (firstPage + entry) * geometry.pageSize) !== id) return false;
    agreeing++;
  }
  return agreeing >= ENOUGH_ENTRIES;
}
