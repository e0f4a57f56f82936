import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it, type TestContext, vi } from 'vitest';
import { readDossier } from '../../../src/firmware/dossier.ts';
import type { Chip } from '../../../src/model/chip.ts';
import type { SimulatedBoard } from '../../../src/simulator/chip/board.ts';
import { BRISK_BOARD } from '../../../src/simulator/chip/chip-timings.ts';
import { type BoardSpec, startChips } from '../../../src/simulator/chip/chips.ts';
import { ptyPrograms } from '../../../src/simulator/chip/pty-relay.ts';
import { chipBinding, chipPath } from '../../devices/chip-binding.ts';
import { ESPTOOL, EsptoolJs, esptoolFlasher, type Flasher, ourFlasher } from '../../devices/flashers.ts';
import { buildEsp32Bootloader } from '../../fixtures/images/esp32.ts';

/**
 * Ours and its peers do the same to boards of one kind, and the boards end alike. esptool-js is always there; esptool, where ESPTOOL tells
 * how to start it: ESPTOOL='python3 -m esptool'.
 */
const BAUD_RATE = 460_800;
const PEERS: readonly Flasher[] = [
  new EsptoolJs(BAUD_RATE),
  ...(ESPTOOL === null ? [] : [esptoolFlasher(ESPTOOL, BAUD_RATE)]),
];

const CHIPS: readonly Chip[] = ['esp8266', 'esp32', 'esp32c3'];
const SPI_NOR_1_MIB = 0x1440ef;

async function boardsOf(chip: Chip, names: readonly string[], { onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const spec = { chip, flashBytes: 0x100000, medium: 'pty', mac: '24:0a:c4:01:02:03' } as const;
  const chips = await startChips(
    names.map((name): BoardSpec => ({ ...spec, name })),
    { timings: BRISK_BOARD, isPaced: false },
  );
  onTestFinished(() => chips.stop());
  return chips.boards;
}

function pathOf({ address }: SimulatedBoard): string {
  if (address.kind !== 'pty') throw new Error('no pseudo-terminal');
  return address.path;
}

describe.skipIf(ptyPrograms().length === 0)(
  'side by side on pseudo-terminals (needs Linux with python3 or socat)',
  () => {
    it.concurrent.for(CHIPS)('%s: chip, MAC, flash id, write and verify, read back, erase', async (chip, context) => {
      const flashers = [ourFlasher(BAUD_RATE), ...PEERS];
      const boards = await boardsOf(
        chip,
        flashers.map(({ name }) => name),
        context,
      );
      const compressible = { offset: 0x10000, bytes: Buffer.alloc(50_000, Buffer.from([1, 2, 3, 5, 8, 13, 21])) };
      const noise = { offset: 0x20000, bytes: randomBytes(30_000) };
      const ends = await Promise.all(
        flashers.map(async (flasher, n) => {
          const board = boards[n];
          if (board === undefined) throw new Error('no board');
          const path = pathOf(board);
          // A new pseudo-terminal each time: one that is opened again at once was never seen to be closed.
          const replug = () => board.unplug().then(() => board.plug());
          expect(await flasher.identify(path)).toEqual({ mac: board.mac, flashId: SPI_NOR_1_MIB });
          await replug();
          await flasher.write(path, [compressible, noise]);
          await replug();
          const flash = Buffer.from(board.flash);
          const range = { offset: noise.offset, sizeBytes: noise.bytes.length };
          expect(noise.bytes.equals(await flasher.read(path, range))).toBe(true);
          await replug();
          await flasher.eraseAll(path);
          expect(board.flash.every((byte) => byte === 0xff)).toBe(true);
          return flash;
        }),
      );
      const [ours, ...others] = ends;
      expect(noise.bytes.equals(ours?.subarray(0x20000, 0x20000 + noise.bytes.length) ?? Buffer.of())).toBe(true);
      for (const other of others) expect(ours?.equals(other)).toBe(true);
    });
  },
);

/** SHA-256 of a bootloader after esptool 5.3.1 wrote it with other settings; with ESPTOOL they are taken anew and compared. */
const HEADERS = [
  {
    chip: 'esp32',
    offset: 0x1000,
    header: { mode: 'qio', frequency: '80m', size: '1MB' },
    sha256: '56c6abab050d9ca2323cf15443470788c439a9f498ada4fefbaaf016d717ec67',
  },
  {
    chip: 'esp32',
    offset: 0x1000,
    header: { mode: 'dout', frequency: '20m', size: '1MB' },
    sha256: '09a3e6de61ed4d836ce5edfff4e0e404e63f8bebfc8b1936354e8ed81889e573',
  },
  {
    chip: 'esp32c3',
    offset: 0,
    header: { mode: 'dio', frequency: '26m', size: '1MB' },
    sha256: '52e1b53e7497d0568bcd398ad813e48bb98d695ff27f7fb29b23928a075d01f4',
  },
  {
    chip: 'esp32c6',
    offset: 0,
    header: { mode: 'qout', frequency: '20m', size: '1MB' },
    sha256: 'd22ac74fed6de1119bc7db32cf1b3d6c55248bd9a1fe0380aacb584be6bb0d71',
  },
] as const;

describe.skipIf(ptyPrograms().length === 0)('a bootloader with other flash settings', () => {
  it.concurrent.for(HEADERS)(
    '$chip $header.mode $header.frequency is byte for byte what esptool makes of it',
    async (given, context) => {
      const { chip, offset, header, sha256 } = given;
      const bytes = buildEsp32Bootloader({ chip, sizeBytes: 0x2000 });
      const flashers = [ourFlasher(BAUD_RATE), ...(ESPTOOL === null ? [] : [esptoolFlasher(ESPTOOL, BAUD_RATE)])];
      const boards = await boardsOf(
        chip,
        flashers.map(({ name }) => name),
        context,
      );
      for (const [n, board] of boards.entries()) {
        await flashers[n]?.write(pathOf(board), [{ offset, bytes }], header);
        const written = board.flash.subarray(offset, offset + bytes.length);
        expect(createHash('sha256').update(written).digest('hex')).toBe(sha256);
        expect(readDossier(written, 'bootloader.bin').problems).toEqual([]);
      }
    },
  );
});

describe('esptool-js on a port with control lines', () => {
  it('resets a board into its loader, works, and resets it into its application', async ({ onTestFinished }) => {
    const chips = await startChips([{ name: 'desk', chip: 'esp32' }], { timings: BRISK_BOARD, isPaced: false });
    onTestFinished(() => chips.stop());
    const board = chips.board('desk');
    const peer = new EsptoolJs(BAUD_RATE, chipBinding([board]));
    await peer.with(chipPath('desk'), 'default_reset', async (loader, transport) => {
      await peer.writeBy(loader, [{ offset: 0x10000, bytes: Buffer.from('application') }]);
      expect(Buffer.from(board.flash.subarray(0x10000, 0x1000b)).toString()).toBe('application');
      const { starts } = board.counts;
      // Its hard reset only releases RTS.
      await transport.setRTS(true);
      await loader.after('hard_reset');
      await vi.waitFor(() => expect(board.counts.starts).toBeGreaterThan(starts), { timeout: 30_000 });
    });
  });
});
