import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import type { SimulatedBoard } from '../../../src/simulator/chip/board.ts';
import { BRISK_BOARD } from '../../../src/simulator/chip/chip-timings.ts';
import { type BoardSpec, startChips } from '../../../src/simulator/chip/chips.ts';
import { buildSmallMerged } from '../../fixtures/images/flash-map.ts';
import { dropflash as run } from '../../unit/cli/recorded-io.ts';

const IMAGE = buildSmallMerged({ chip: 'esp32c3' });
const MEGABYTE = 0x100000;

/** Two boards of one kind, one with an application and one blank, and a folder to run commands in. */
async function openDesk({ onTestFinished }: TestContext, flashBytes = MEGABYTE) {
  const folder = mkdtempSync(join(tmpdir(), 'dropflash-commands-'));
  const kind = { chip: 'esp32c3', medium: 'rfc2217', flashBytes } as const;
  const specs: readonly BoardSpec[] = [
    { ...kind, name: 'one', flash: IMAGE },
    { ...kind, name: 'blank' },
  ];
  const chips = await startChips(specs, { isPaced: false, timings: BRISK_BOARD });
  onTestFinished(async () => {
    await chips.stop();
    rmSync(folder, { recursive: true });
  });
  const dropflash = (...args: readonly string[]) => run(args, { cwd: folder });
  return { folder, dropflash, one: chips.board('one'), blank: chips.board('blank') };
}

function portOf({ address }: SimulatedBoard): string {
  if (address.kind !== 'rfc2217') throw new Error('not on the network');
  return `rfc2217://${address.host}:${address.port}`;
}

function isErased(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).equals(Buffer.alloc(bytes.length, 0xff));
}

describe.concurrent('commands for one board on a port', () => {
  it('chip tells what is there', async (context) => {
    const { dropflash, one } = await openDesk(context);
    const { exitCode, json } = await dropflash('chip', '--port', portOf(one), '--json');
    expect(exitCode).toBe(0);
    expect(json()).toMatchObject({ chip: 'esp32c3', mac: one.mac, flash: { sizeBytes: MEGABYTE } });
  });

  it('a backup of 4 MiB goes back onto its board bit by bit', async (context) => {
    const { dropflash, folder, one } = await openDesk(context, 4 * MEGABYTE);
    const before = Buffer.from(one.flash);
    const made = await dropflash('backup', '--port', portOf(one), '--out', 'one.bin', '--json');
    expect(made.exitCode).toBe(0);
    expect(made.json()).toMatchObject({ chip: 'esp32c3', mac: one.mac, sizeBytes: 4 * MEGABYTE, flashMode: 'DIO' });
    expect(readFileSync(join(folder, 'one.bin')).equals(before)).toBe(true);
    expect((await dropflash('erase', '--port', portOf(one), '--all')).exitCode).toBe(0);
    expect(isErased(one.flash)).toBe(true);
    expect((await dropflash('restore', 'one.bin', '--port', portOf(one))).exitCode).toBe(0);
    expect(before.equals(one.flash)).toBe(true);
  });

  it('a backup goes onto no other board without --force', async (context) => {
    const { dropflash, one, blank } = await openDesk(context);
    expect((await dropflash('backup', '--port', portOf(one), '--out', 'one.bin')).exitCode).toBe(0);
    const again = await dropflash('backup', '--port', portOf(blank), '--out', 'one.bin');
    expect([again.exitCode, again.err]).toEqual([1, expect.stringContaining('BACKUP_EXISTS')]);
    const refused = await dropflash('restore', 'one.bin', '--port', portOf(blank));
    expect(refused.exitCode).toBe(1);
    expect(refused.err).toContain('BACKUP_OTHER_BOARD');
    expect(isErased(blank.flash)).toBe(true);
    expect((await dropflash('restore', 'one.bin', '--port', portOf(blank), '--force')).exitCode).toBe(0);
    expect(Buffer.from(blank.flash).equals(one.flash)).toBe(true);
    expect((await dropflash('backup', '--port', portOf(blank), '--out', 'one.bin', '--force')).exitCode).toBe(0);
  });

  it('erase takes a region, and everything only where that is said', async (context) => {
    const { dropflash, one } = await openDesk(context);
    expect((await dropflash('erase', '--port', portOf(one))).exitCode).toBe(2);
    expect((await dropflash('erase', '--port', portOf(one), '--region', '0x9000:0x1001')).exitCode).toBe(2);
    expect((await dropflash('erase', '--port', portOf(one), '--region', '0x10000:0x1000')).exitCode).toBe(0);
    expect(isErased(one.flash.subarray(0x10000, 0x11000))).toBe(true);
    expect(isErased(one.flash.subarray(0x8000, 0x9000))).toBe(false);
  });

  it('flash writes an image to a port, at a rate of its own', async (context) => {
    const { dropflash, folder, blank } = await openDesk(context);
    writeFileSync(join(folder, 'factory.bin'), IMAGE);
    const target = `serial:${portOf(blank)}@460800`;
    const { exitCode, json } = await dropflash('flash', 'factory.bin', '--to', target, '--json');
    expect(json()).toMatchObject({ outcome: 'succeeded', proof: 'accepted', protocol: 'serial', bytes: IMAGE.length });
    expect(exitCode).toBe(0);
    expect(Buffer.from(blank.flash).subarray(0, IMAGE.length).equals(IMAGE)).toBe(true);
  });
});

describe('commands for a port that is not there', () => {
  it.each([
    ['flash', 'factory.bin', '--to', 'serial:rfc2217://nowhere'],
    ['flash', 'factory.bin', '--to', 'serial://dev/ttyUSB0'],
    ['flash', 'factory.bin', '--to', 'serial:/dev/ttyUSB0@1'],
    ['chip', '--port', 'COM3', '--set', 'speed=1'],
  ])('%s %s %s %s is wrong usage', async (...args) => {
    expect((await run(args, { cwd: tmpdir() })).exitCode).toBe(2);
  });

  it('fail and say so', async () => {
    const { exitCode, err } = await run(['chip', '--port', '/dev/ttyNONE']);
    expect(exitCode).toBe(1);
    expect(err).toContain('SERIAL_PORT_NOT_FOUND');
  });

  it('ports lists them without opening any', async () => {
    const { exitCode, json } = await run(['ports', '--json']);
    expect(exitCode).toBe(0);
    expect(Array.isArray(json())).toBe(true);
  });
});
