import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Clock } from '../../clock.ts';
import { FlashError } from '../../errors.ts';
import { CHIP_FACTS, FLASH_MODES } from '../../firmware/chips.ts';
import { IMAGE_MAGIC } from '../../firmware/formats/header.ts';
import { CHIPS, type Chip } from '../../model/chip.ts';
import type { BoardIdentity } from '../../model/unit.ts';
import type { Board, OnBytes } from '../line/bench.ts';

/** What lies beside the bytes of a backup, as `<name>.json`. The names are a contract with scripts. */
export interface BackupMetadata extends BoardIdentity {
  readonly format: typeof FORMAT;
  /** Of the bytes in the file. */
  readonly file: string;
  readonly sizeBytes: number;
  /** `QIO`, `DIO`, …, as the header of the image that the ROM starts has it; null: there is none. */
  readonly flashMode: string | null;
  readonly sha256: string;
  /** ISO 8601. */
  readonly madeAt: string;
}

const FORMAT = 'dropflash-backup-1';
/** esptool, "Firmware Image Format": the flash mode is the third byte of the header. */
const MODE_BYTE = 2;

/** Read at once, and begun anew at once where the line fails: two seconds at 921600 baud. */
const BLOCK_BYTES = 0x3_0000;

/** Where the metadata of a backup lies. */
export function metadataPath(path: string): string {
  return `${path.replace(/\.bin$/, '')}.json`;
}

/**
 * Reads the first `sizeBytes` of a board's flash into `path`, with its metadata beside it. Both are on the disk when it resolves; where it
 * throws, neither is there.
 *
 * @throws FlashError BACKUP_NOT_WRITTEN, and what reading the board throws
 */
export async function writeBackup(
  board: Board,
  { path, sizeBytes, clock }: { path: string; sizeBytes: number; clock: Clock },
  onBytes: OnBytes,
): Promise<BackupMetadata> {
  const part = `${path}.part`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    const file = await open(part, 'w', 0o640);
    const { sha256, head } = await copyFlash(board, file, sizeBytes, onBytes).finally(() => file.close());
    const madeAt = new Date(clock.now()).toISOString();
    const metadata: BackupMetadata = {
      format: FORMAT,
      file: basename(path),
      ...board.identity,
      sizeBytes,
      flashMode: flashModeOf(board.identity, head),
      sha256,
      madeAt,
    };
    // The metadata first: bytes without a word on whose they are could be restored to any board.
    await writeSynced(metadataPath(path), `${JSON.stringify(metadata, null, 2)}\n`);
    await rename(part, path);
    return metadata;
  } catch (cause) {
    await rm(part, { force: true }).catch(() => undefined);
    throw asBackupError(cause, path);
  }
}

async function copyFlash(
  board: Board,
  file: FileHandle,
  sizeBytes: number,
  onBytes: OnBytes,
): Promise<{ sha256: string; head: Uint8Array }> {
  const hash = createHash('sha256');
  let head: Uint8Array = new Uint8Array();
  for (let offset = 0; offset < sizeBytes; offset += BLOCK_BYTES) {
    const length = Math.min(BLOCK_BYTES, sizeBytes - offset);
    const block = await board.read(offset, length, (done) => onBytes(offset + done, sizeBytes));
    if (offset === 0) head = block;
    hash.update(block);
    await file.write(block, 0, block.length, offset);
    onBytes(offset + length, sizeBytes);
  }
  await file.sync();
  return { sha256: hash.digest('hex'), head };
}

/** Every bootloader begins within the first block. */
function flashModeOf({ chip }: BoardIdentity, head: Uint8Array): string | null {
  const { bootloaderOffset } = CHIP_FACTS[chip];
  if (head[bootloaderOffset] !== IMAGE_MAGIC) return null;
  return FLASH_MODES[head[bootloaderOffset + MODE_BYTE] ?? -1] ?? null;
}

async function writeSynced(path: string, text: string): Promise<void> {
  await using file = await open(path, 'w', 0o640);
  await file.writeFile(text);
  await file.sync();
}

/** What the board threw, or the signal's reason, stays as it is: only the disk's errors carry a system code. */
function asBackupError(cause: unknown, path: string): unknown {
  if (!(cause instanceof Error) || !('syscall' in cause)) return cause;
  return new FlashError('BACKUP_NOT_WRITTEN', `the backup ${path} cannot be written: ${cause.message}`, { cause });
}

/** A backup in memory, checked against its own hash. */
export interface Backup {
  readonly metadata: BackupMetadata;
  readonly bytes: Uint8Array;
}

/** Reads a backup. Throws BACKUP_UNREADABLE, BACKUP_DAMAGED. */
export async function readBackup(path: string): Promise<Backup> {
  const metadata = metadataOf(await readText(metadataPath(path)), metadataPath(path));
  const bytes = await readFile(path).catch((cause: unknown) => unreadable(path, cause));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (bytes.length === metadata.sizeBytes && sha256 === metadata.sha256) return { metadata, bytes };
  const message = `${path} has ${bytes.length} bytes with SHA-256 ${sha256}; ${metadata.sizeBytes} bytes with ${metadata.sha256} were backed up`;
  throw new FlashError('BACKUP_DAMAGED', message);
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => unreadable(path, cause));
}

function unreadable(path: string, cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new FlashError('BACKUP_UNREADABLE', `${path} cannot be read: ${why}`, { cause });
}

function metadataOf(text: string, path: string): BackupMetadata {
  const value = parsed(text) as Partial<Record<keyof BackupMetadata, unknown>> | null;
  const isWhole =
    typeof value === 'object' &&
    value?.format === FORMAT &&
    CHIPS.includes(value.chip as Chip) &&
    typeof value.mac === 'string' &&
    typeof value.sizeBytes === 'number' &&
    typeof value.sha256 === 'string';
  if (!isWhole) throw new FlashError('BACKUP_UNREADABLE', `${path} is not the metadata of a backup`);
  // Backups from before it was noted are of boards without.
  return { hasFlashEncryption: false, ...(value as Omit<BackupMetadata, 'hasFlashEncryption'>) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Refuses bytes of another board, and those that the board can no longer read or could not read yet: what was read before flash encryption was
 * switched on is noise to it afterwards.
 *
 * @throws FlashError BACKUP_OTHER_BOARD, BACKUP_OTHER_ENCRYPTION
 */
export function refuseOtherBoard({ chip, mac, hasFlashEncryption }: BackupMetadata, board: BoardIdentity): void {
  if (chip !== board.chip || mac !== board.mac) {
    const message = `the backup is of ${chip} ${mac}; the board is ${board.chip} ${board.mac}`;
    throw new FlashError('BACKUP_OTHER_BOARD', message);
  }
  if (hasFlashEncryption === board.hasFlashEncryption) return;
  const [then, now] = hasFlashEncryption ? ['on', 'off'] : ['off', 'on'];
  const message = `flash encryption of ${chip} ${mac} was ${then} when the backup was made, and is ${now}`;
  throw new FlashError('BACKUP_OTHER_ENCRYPTION', message);
}
