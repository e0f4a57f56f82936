import { createHash, randomBytes } from 'node:crypto';
import { ESPLoader, Transport } from 'esptool-js';
import { SerialPort } from 'serialport';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Chip } from '../../../src/model/chip.ts';
import type { SimulatedBoard } from '../../../src/simulator/chip/board.ts';
import { BRISK_BOARD } from '../../../src/simulator/chip/chip-timings.ts';
import { type BoardSpec, type Chips, startChips } from '../../../src/simulator/chip/chips.ts';
import { ptyPrograms } from '../../../src/simulator/chip/pty-relay.ts';
import { chipBinding, chipPath, type SerialBinding } from '../../devices/chip-binding.ts';
import { WebSerialPort } from '../../devices/web-serial-port.ts';

/** esptool-js loses SYNC answers now and then (it drops half frames); people press the button again. */
const CONNECT_ATTEMPTS = 7;
const SPI_NOR_4_MIB = 0x1640ef;

let chips: Chips | null = null;
let transport: Transport | null = null;

afterEach(async () => {
  await transport?.disconnect();
  await chips?.stop();
  transport = null;
  chips = null;
});

async function boardOf(spec: BoardSpec): Promise<SimulatedBoard> {
  chips = await startChips([spec], { timings: BRISK_BOARD, isPaced: false });
  return chips.board(spec.name);
}

async function connect(path: string, binding: SerialBinding, mode: 'no_reset' | 'default_reset'): Promise<ESPLoader> {
  for (let attempt = 1; ; attempt += 1) {
    transport = new Transport(
      new WebSerialPort({ path, binding }) as unknown as ConstructorParameters<typeof Transport>[0],
    );
    // It reports to the console what its reading loop meets.
    transport.trace = () => undefined;
    const terminal = { clean: () => undefined, write: () => undefined, writeLine: () => undefined };
    const loader = new ESPLoader({ transport, baudrate: 460_800, romBaudrate: 115_200, terminal });
    try {
      await loader.main(mode);
      return loader;
    } catch (cause) {
      await transport.disconnect();
      if (attempt === CONNECT_ATTEMPTS) throw cause;
    }
  }
}

async function workThrough(loader: ESPLoader, board: SimulatedBoard): Promise<void> {
  const compressible = new Uint8Array(Buffer.alloc(50_000, 'the same again '));
  const noise = new Uint8Array(randomBytes(30_000));
  expect(await loader.chip.readMac(loader)).toBe(board.mac);
  expect(await loader.readFlashId()).toBe(SPI_NOR_4_MIB);
  await loader.writeFlash({
    fileArray: [
      { address: 0x10000, data: compressible },
      { address: 0x20000, data: noise },
    ],
    flashMode: 'keep',
    flashFreq: 'keep',
    flashSize: 'keep',
    eraseAll: false,
    compress: true,
    // With it, esptool-js compares the MD5 of each file with the chip's, and throws where they differ.
    calculateMD5Hash: (image) => createHash('md5').update(image).digest('hex'),
  });
  expect(Buffer.from(board.flash.subarray(0x10000, 0x10000 + compressible.length)).equals(compressible)).toBe(true);
  expect(Buffer.from(board.flash.subarray(0x20000, 0x20000 + noise.length)).equals(noise)).toBe(true);
  expect(Buffer.from(await loader.readFlash(0x20000, noise.length)).equals(noise)).toBe(true);
  await loader.eraseFlash();
  expect(board.flash.every((byte) => byte === 0xff)).toBe(true);
}

const CHIPS: readonly Chip[] = ['esp8266', 'esp32', 'esp32c3'];

describe.skipIf(ptyPrograms().length === 0)(
  'esptool-js on a pseudo-terminal (needs Linux with python3 or socat)',
  () => {
    it.each(CHIPS)('%s: chip, MAC, flash id, write and verify, read back, erase', async (chip) => {
      const board = await boardOf({ name: chip, chip, medium: 'pty' });
      const { address } = board;
      if (address.kind !== 'pty') throw new Error('no pseudo-terminal');
      const loader = await connect(address.path, SerialPort.binding, 'no_reset');
      expect(loader.IS_STUB).toBe(true);
      await workThrough(loader, board);
    });
  },
);

describe('esptool-js on a port with control lines', () => {
  it('resets a board into its loader, works, and resets it into its application', async () => {
    const board = await boardOf({ name: 'desk', chip: 'esp32' });
    const loader = await connect(chipPath('desk'), chipBinding([board]), 'default_reset');
    await workThrough(loader, board);
    const { starts } = board.counts;
    // Its hard reset only releases RTS.
    await transport?.setRTS(true);
    await loader.after('hard_reset');
    await vi.waitFor(() => expect(board.counts.starts).toBeGreaterThan(starts), { timeout: 5000 });
  });
});
