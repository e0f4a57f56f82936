import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../../src/firmware/dossier.ts';
import { silentLogger } from '../../../../src/log.ts';
import type { FirmwareImage } from '../../../../src/model/image.ts';
import { connectBoard } from '../../../../src/protocols/esptool/board.ts';
import { PreparedImages } from '../../../../src/protocols/esptool/prepared-image.ts';
import { quickClock, ScriptedChip, type ScriptedChipOptions } from '../../../devices/scripted-chip.ts';
import { noise } from '../../../fixtures/images/bytes.ts';
import {
  buildEsp32App,
  buildEsp32Bootloader,
  buildMerged,
  buildPartitionTable,
  buildZip,
  espIdfBuild,
} from '../../../fixtures/images.ts';
import { PORT } from './given.ts';

const ESP32_MAC = { 1073061892: 0xa4cf1234, 1073061896: 0x0000240a };
const quiet = () => undefined;

function image(bytes: Uint8Array, name = 'image.bin'): FirmwareImage {
  return { sha256: 'a'.repeat(64), name, sizeBytes: bytes.length, bytes, dossier: readDossier(bytes, name) };
}

function connect(chip: ScriptedChip) {
  const around = { links: chip.links, clock: quickClock, log: silentLogger, prepared: new PreparedImages() };
  return connectBoard(PORT, {}, around, new AbortController().signal);
}

async function board(options: ScriptedChipOptions = {}) {
  const chip = new ScriptedChip({ registers: ESP32_MAC, ...options });
  return { chip, board: await connect(chip) };
}

describe('a board on the bench', () => {
  it('says who it is', async () => {
    expect((await board()).board.identity).toEqual({
      chip: 'esp32',
      revision: 0,
      mac: '24:0a:a4:cf:12:34',
      flashId: '684016',
      flashSizeBytes: 0x400000,
      hasFlashEncryption: false,
    });
  });

  it('asks its guards before it tells that it begins, and changes nothing where that is refused', async () => {
    const { board: esp32, chip } = await board();
    const observer = { onBegin: () => Promise.reject(new Error('no row is left')), onBytes: quiet };
    await expect(esp32.write([image(buildMerged())], observer)).rejects.toThrow('no row is left');
    expect(chip.flash.every((byte) => byte === 0xff)).toBe(true);
    const wrong = esp32.write([image(buildEsp32App({ chip: 'esp32c3' }))], observer);
    await expect(wrong).rejects.toMatchObject({ code: 'IMAGE_WRONG_CHIP' });
  });

  it('writes images and then data of its own, and gives both back', async () => {
    const { board: esp32, chip } = await board();
    const merged = buildMerged();
    const placed = await esp32.write([image(merged)], { onBegin: async () => undefined, onBytes: quiet });
    expect(placed).toMatchObject([{ offset: 0, name: 'image.bin' }]);
    const nvs = noise(0x3000, 8);
    await esp32.writeData({ name: 'unit-1', offset: 0x9000, bytes: nvs }, quiet);
    expect(Buffer.compare(await esp32.read(0x9000, 0x3000, quiet), nvs)).toBe(0);
    expect(Buffer.compare(chip.flash.subarray(0x9000, 0xc000), nvs)).toBe(0);
    await expect(esp32.writeData({ name: 'unit-1', offset: 0x10000, bytes: nvs }, quiet)).rejects.toMatchObject({
      code: 'SERIAL_WRONG_PLACE',
    });
  });

  it('knows the partitions it will have', async () => {
    const { board: esp32 } = await board();
    expect(await esp32.partitionsWith([image(buildEsp32App())])).toBeNull();
    const labels = (await esp32.partitionsWith([image(buildMerged())]))?.map(({ label }) => label);
    expect(labels).toContain('nvs');
    await esp32.write([image(buildMerged())], { onBegin: async () => undefined, onBytes: quiet });
    expect((await esp32.partitionsWith([image(buildEsp32App())]))?.map(({ label }) => label)).toEqual(labels);
  });

  it('prints what it boots with', async () => {
    const { board: esp32, chip } = await board();
    await esp32.restart(115_200);
    expect(chip.baudRates.at(-1)).toBe(115_200);
    expect(String(await esp32.bootOutput(5_000))).toContain('SPI_FAST_FLASH_BOOT');
    await esp32.close();
    await esp32.close();
  });

  it('is refused where it does not tell its MAC', async () => {
    const SECURE_DOWNLOAD = 1 << 2;
    const connecting = board({ kind: 'esp32c3', security: { flags: SECURE_DOWNLOAD, cryptCount: 0 } });
    await expect(connecting).rejects.toMatchObject({ code: 'SERIAL_UNSUPPORTED' });
  });
});

describe('a package', () => {
  const files = {
    'flasher_args.json': JSON.stringify({
      flash_settings: { flash_mode: 'dout', flash_size: 'keep', flash_freq: 'keep' },
      flash_files: { '0x1000': 'bootloader.bin', '0x8000': 'partition-table.bin', '0x10000': 'app.bin' },
      extra_esptool_args: { chip: 'esp32' },
    }),
    'bootloader.bin': buildEsp32Bootloader(),
    'partition-table.bin': buildPartitionTable(),
    'app.bin': buildEsp32App(),
  };

  it('puts each of its images where it belongs, with its flash settings', async () => {
    const { board: esp32, chip } = await board();
    const build = image(buildZip(files), 'build.zip');
    expect(build.dossier.problems).toEqual([]);
    const placed = await esp32.write([build], { onBegin: async () => undefined, onBytes: quiet });
    expect(placed.map(({ offset }) => offset)).toEqual(expect.arrayContaining([0x1000, 0x8000, 0x10000]));
    expect(chip.flash[0x1002]).toBe(3);
    expect(readDossier(chip.flash.subarray(0x1000, 0x1000 + files['bootloader.bin'].length), '').problems).toEqual([]);
  });

  it('may bring erased otadata along', async () => {
    const { board: c3, chip } = await board({ kind: 'esp32c3', registers: {} });
    const build = buildZip(espIdfBuild());
    const placed = await c3.write([image(build)], { onBegin: async () => undefined, onBytes: quiet });
    expect(placed.map(({ offset }) => offset)).toEqual([0, 0x8000, 0xe000, 0x10000]);
    expect(chip.flash.subarray(0xe000, 0x10000).every((byte) => byte === 0xff)).toBe(true);
  });

  it('is refused on a board that it has no images for', async () => {
    const { board: c3 } = await board({ kind: 'esp32c3' });
    const writing = c3.write([image(buildZip(files))], { onBegin: async () => undefined, onBytes: quiet });
    await expect(writing).rejects.toMatchObject({ code: 'PACKAGE_NO_SET' });
  });
});
