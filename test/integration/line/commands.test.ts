import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SimulatedBoard } from '../../../src/simulator/chip/board.ts';
import { BRISK_BOARD } from '../../../src/simulator/chip/chip-timings.ts';
import { type Chips, startChips } from '../../../src/simulator/chip/chips.ts';
import { buildMerged } from '../../fixtures/images/flash-map.ts';
import { dropflash as run } from '../../unit/cli/recorded-io.ts';

let folder: string;
let chips: Chips;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-commands-'));
  const boards = [
    { name: 'one', chip: 'esp32c3', flashBytes: 0x400000, flash: buildMerged({ chip: 'esp32c3' }) },
    { name: 'blank', chip: 'esp32c3', flashBytes: 0x400000 },
  ] as const;
  const options = { isPaced: false, timings: BRISK_BOARD };
  chips = await startChips(
    boards.map((board) => ({ ...board, medium: 'rfc2217' as const })),
    options,
  );
});

afterEach(async () => {
  await chips.stop();
  rmSync(folder, { recursive: true });
});

function portOf({ address }: SimulatedBoard): string {
  if (address.kind !== 'rfc2217') throw new Error('not on the network');
  return `rfc2217://${address.host}:${address.port}`;
}

const dropflash = (...args: readonly string[]) => run(args, { cwd: folder });

const isErased = (bytes: Uint8Array) => bytes.every((byte) => byte === 0xff);

describe('commands for one board on a port', { timeout: 30_000 }, () => {
  it('chip tells what is there', async () => {
    const board = chips.board('one');
    const { exitCode, json } = await dropflash('chip', '--port', portOf(board), '--json');
    expect(exitCode).toBe(0);
    expect(json()).toMatchObject({ chip: 'esp32c3', mac: board.mac, flash: { sizeBytes: 0x400000 } });
  });

  it('a backup goes back onto its board bit by bit, and onto no other without --force', async () => {
    const [one, blank] = [chips.board('one'), chips.board('blank')];
    const before = Buffer.from(one.flash);
    const made = await dropflash('backup', '--port', portOf(one), '--out', 'one.bin', '--json');
    expect(made.exitCode).toBe(0);
    expect(made.json()).toMatchObject({ chip: 'esp32c3', mac: one.mac, sizeBytes: 0x400000, flashMode: 'DIO' });
    expect(readFileSync(join(folder, 'one.bin')).equals(before)).toBe(true);

    expect((await dropflash('erase', '--port', portOf(one), '--all')).exitCode).toBe(0);
    expect(isErased(one.flash)).toBe(true);
    expect((await dropflash('restore', 'one.bin', '--port', portOf(one))).exitCode).toBe(0);
    expect(Buffer.from(one.flash).equals(before)).toBe(true);

    const refused = await dropflash('restore', 'one.bin', '--port', portOf(blank));
    expect(refused.exitCode).toBe(1);
    expect(refused.err).toContain('BACKUP_OTHER_BOARD');
    expect(isErased(blank.flash)).toBe(true);
    expect((await dropflash('restore', 'one.bin', '--port', portOf(blank), '--force')).exitCode).toBe(0);
    expect(Buffer.from(blank.flash).equals(before)).toBe(true);
  });

  it('erase takes a region, and everything only where that is said', async () => {
    const board = chips.board('one');
    expect((await dropflash('erase', '--port', portOf(board))).exitCode).toBe(2);
    expect((await dropflash('erase', '--port', portOf(board), '--region', '0x9000:0x1001')).exitCode).toBe(1);
    expect((await dropflash('erase', '--port', portOf(board), '--region', '0x10000:0x1000')).exitCode).toBe(0);
    expect(isErased(board.flash.subarray(0x10000, 0x11000))).toBe(true);
    expect(isErased(board.flash.subarray(0x8000, 0x9000))).toBe(false);
  });

  it('flash writes an image to a port, at a rate of its own', async () => {
    const board = chips.board('blank');
    const image = buildMerged({ chip: 'esp32c3' });
    writeFileSync(join(folder, 'factory.bin'), image);
    const target = `serial:${portOf(board)}@460800`;
    const { exitCode, json } = await dropflash('flash', 'factory.bin', '--to', target, '--json');
    expect(json()).toMatchObject({ outcome: 'succeeded', proof: 'accepted', protocol: 'serial', bytes: image.length });
    expect(exitCode).toBe(0);
    expect(Buffer.from(board.flash).subarray(0, image.length).equals(image)).toBe(true);
  });

  it.each([
    ['flash', 'factory.bin', '--to', 'serial:rfc2217://nowhere'],
    ['flash', 'factory.bin', '--to', 'serial://dev/ttyUSB0'],
    ['flash', 'factory.bin', '--to', 'serial:/dev/ttyUSB0@1'],
    ['chip', '--port', 'COM3', '--set', 'speed=1'],
  ])('%s %s %s %s is wrong usage', async (...args) => {
    writeFileSync(join(folder, 'factory.bin'), buildMerged());
    expect((await dropflash(...args)).exitCode).toBe(2);
  });

  it('a port that is not there is a failure that says so', async () => {
    const { exitCode, err } = await dropflash('chip', '--port', '/dev/ttyNONE');
    expect(exitCode).toBe(1);
    expect(err).toContain('SERIAL_PORT_NOT_FOUND');
  });

  it('ports lists them without opening any', async () => {
    const { exitCode, json } = await dropflash('ports', '--json');
    expect(exitCode).toBe(0);
    expect(Array.isArray(json())).toBe(true);
  });
});
