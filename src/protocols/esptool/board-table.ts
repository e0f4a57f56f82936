import { readPartitionTable, TABLE_SECTOR, USUAL_TABLE_OFFSET } from '../../firmware/formats/partition-table.ts';
import { otadataPartition } from './boot-choice.ts';
import type { BoardTable } from './placement.ts';
import { readFlash } from './read.ts';
import type { ChipSession } from './session.ts';

/** ESP-IDF lets the table be moved up to make room for a larger bootloader (CONFIG_PARTITION_TABLE_OFFSET). */
const OFFSETS = [USUAL_TABLE_OFFSET, 0x9000, 0xa000, 0xc000, 0xd000, 0xe000, 0xf000, 0x10000];
/** Two rows tell whether it is one. */
const LOOK_BYTES = 64;

/** The partition table in the board's flash, with the contents of otadata; null where there is none or it cannot be read. */
export async function readBoardTable(session: ChipSession): Promise<BoardTable | null> {
  // Neither reading nor MD5: an ESP8266 without stub, or secure download mode. Encrypted flash reads as noise.
  if (!session.canVerify || session.identity.security.hasFlashEncryption) return null;
  for (const offset of OFFSETS) {
    const look = await readFlash(session, { offset, sizeBytes: LOOK_BYTES });
    if (readPartitionTable(look, 0) === null) continue;
    const table = readPartitionTable(await readFlash(session, { offset, sizeBytes: TABLE_SECTOR }), 0);
    if (table === null || table.problems.length > 0 || table.partitions.length === 0) continue;
    return { offset, partitions: table.partitions, otadata: await readOtadata(session, table.partitions) };
  }
  return null;
}

async function readOtadata(session: ChipSession, partitions: BoardTable['partitions']): Promise<Uint8Array | null> {
  const partition = otadataPartition(partitions);
  const flashBytes = session.flash?.sizeBytes ?? 0;
  // A table for a larger flash; the images may be what puts that right.
  if (partition === null || partition.offset + partition.sizeBytes > flashBytes) return null;
  return readFlash(session, partition);
}
