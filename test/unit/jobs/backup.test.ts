import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FlashError } from '../../../src/errors.ts';
import { metadataPath, readBackup, refuseOtherBoard, writeBackup } from '../../../src/jobs/backup/backup-file.ts';
import { BackupShelf } from '../../../src/jobs/backup/shelf.ts';
import { manualClock } from '../service/manual-clock.ts';
import { ScriptedBoard } from './line/scripted-bench.ts';

const MAC = '10:00:00:00:00:01';
const ignore = () => undefined;

let folder: string;
const clock = manualClock(Date.UTC(2026, 10, 21));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-backup-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

async function backedUp(board = new ScriptedBoard({ mac: MAC })) {
  const path = join(folder, 'a.bin');
  const metadata = await writeBackup(board, { path, sizeBytes: board.flash.length, clock }, ignore);
  return { path, metadata, board };
}

describe('a backup', () => {
  it('holds the flash, and whose it is', async () => {
    const board = new ScriptedBoard({ mac: MAC });
    board.flash.set(Buffer.from('the last block'), board.flash.length - 14);
    const { path } = await backedUp(board);
    const { bytes, metadata } = await readBackup(path);
    expect(board.flash.equals(bytes)).toBe(true);
    expect(metadata).toMatchObject({ chip: 'esp32c3', mac: MAC, flashId: 'ef4016', sizeBytes: 0x40000, file: 'a.bin' });
    expect(metadata.madeAt).toBe('2026-11-21T00:00:00.000Z');
  });

  it('is not there at all when the board fails in the middle', async () => {
    const error = new FlashError('LINK_CLOSED', 'gone');
    await expect(backedUp(new ScriptedBoard({ mac: MAC, fails: { at: 'backup', error } }))).rejects.toBe(error);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that cannot be written says why', async () => {
    writeFileSync(join(folder, 'file'), '');
    const path = join(folder, 'file', 'a.bin');
    const board = new ScriptedBoard({ mac: MAC });
    await expect(writeBackup(board, { path, sizeBytes: 4, clock }, ignore)).rejects.toMatchObject({
      code: 'BACKUP_NOT_WRITTEN',
    });
  });

  it('is refused when a byte has changed, or the metadata is something else', async () => {
    const { path } = await backedUp();
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.concat([Buffer.of(0), bytes.subarray(1)]));
    await expect(readBackup(path)).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
    writeFileSync(metadataPath(path), '{"chip":"esp32"}');
    await expect(readBackup(path)).rejects.toMatchObject({ code: 'BACKUP_UNREADABLE' });
    await expect(readBackup(join(folder, 'none.bin'))).rejects.toMatchObject({ code: 'BACKUP_UNREADABLE' });
  });

  it.each([{ mac: '10:00:00:00:00:02' }, { mac: MAC, chip: 'esp32' as const }])('is not for %j', async (other) => {
    const { metadata, board } = await backedUp();
    expect(() => refuseOtherBoard(metadata, board.identity)).not.toThrow();
    expect(() => refuseOtherBoard(metadata, new ScriptedBoard(other).identity)).toThrow(FlashError);
  });

  it.each([true, false])('is not for its own board once flash encryption is another (was on: %s)', async (wasOn) => {
    const { path } = await backedUp(new ScriptedBoard({ mac: MAC, hasFlashEncryption: wasOn }));
    const { metadata } = await readBackup(path);
    const now = (hasFlashEncryption: boolean) => new ScriptedBoard({ mac: MAC, hasFlashEncryption }).identity;
    expect(() => refuseOtherBoard(metadata, now(wasOn))).not.toThrow();
    expect(() => refuseOtherBoard(metadata, now(!wasOn))).toThrow(
      expect.objectContaining({ code: 'BACKUP_OTHER_ENCRYPTION' }),
    );
  });

  it('from before encryption was noted is of a board without', async () => {
    const { path, metadata } = await backedUp();
    const { hasFlashEncryption: _, ...older } = metadata;
    writeFileSync(metadataPath(path), JSON.stringify(older));
    expect((await readBackup(path)).metadata).toEqual(metadata);
  });
});

describe('the backups of a board', () => {
  it('are kept by their number, the newest ones, apart from those of others', async () => {
    const shelf = new BackupShelf(folder, clock);
    const make = async (mac: string) => {
      clock.advance(1_000);
      return shelf.make(new ScriptedBoard({ mac }), 2, ignore);
    };
    const other = await make('10:00:00:00:00:02');
    const paths = [await make(MAC), await make(MAC), await make(MAC)];
    const kept = readdirSync(join(folder, '10-00-00-00-00-01')).map((name) => join(folder, '10-00-00-00-00-01', name));
    expect(kept.sort()).toEqual(
      paths
        .slice(1)
        .flatMap((path) => [path, metadataPath(path)])
        .sort(),
    );
    expect((await readBackup(other)).metadata.mac).toBe('10:00:00:00:00:02');
  });
});
