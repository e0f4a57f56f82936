import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../../src/firmware/dossier.ts';
import { chipInfo, eraseFlash, readFlash, writeImages } from '../../../../src/protocols/esptool/operations.ts';
import { DEFAULT_SERIAL_OPTIONS } from '../../../../src/protocols/esptool/options.ts';
import type { ImageToPlace } from '../../../../src/protocols/esptool/placement.ts';
import { PreparedImages } from '../../../../src/protocols/esptool/prepared-image.ts';
import type { SessionSettings } from '../../../../src/protocols/esptool/session.ts';
import type { WriteRequest } from '../../../../src/protocols/esptool/write-images.ts';
import { ScriptedChip, type ScriptedChipOptions } from '../../../devices/scripted-chip.ts';
import { noise } from '../../../fixtures/images/bytes.ts';
import { buildEsp32App, buildEsp8266App, buildMerged } from '../../../fixtures/images.ts';
import { PORT, settingsFor } from './given.ts';

const MEM_END = 6;
const FLASH_DEFL_DATA = 17;
const READ_REG = 10;
const GET_SECURITY_INFO = 20;
const SECURE_DOWNLOAD = 1 << 2;

function image(bytes: Uint8Array, offset: number | 'auto' = 'auto'): ImageToPlace {
  return { name: 'image.bin', bytes, dossier: readDossier(bytes, 'image.bin'), offset };
}

function request(images: readonly ImageToPlace[], over: Partial<WriteRequest['options']> = {}): WriteRequest {
  return {
    images,
    options: { ...DEFAULT_SERIAL_OPTIONS, ...over },
    prepared: new PreparedImages(),
    onBegin: () => undefined,
    onProgress: () => undefined,
  };
}

function write(chip: ScriptedChip, images: readonly ImageToPlace[], over: Partial<SessionSettings> = {}) {
  return writeImages(settingsFor(chip, over), request(images));
}

describe('connecting', () => {
  it.each(['esp8266', 'esp32', 'esp32s2', 'esp32c3'] as const)(
    'finds out about an %s, and lets it run again',
    async (kind) => {
      const chip = new ScriptedChip({ kind });
      expect(await chipInfo(settingsFor(chip))).toMatchObject({
        chip: kind,
        flash: { sizeBytes: 0x400000 },
        baudRate: 921_600,
      });
      expect(chip.state).toBe('application');
    },
  );

  it.each(['esp8266', 'esp32', 'esp32s2', 'esp32c3'] as const)('does so on an %s without stub', async (kind) => {
    const chip = new ScriptedChip({ kind });
    await chipInfo(settingsFor(chip, { useStub: false }));
    expect(chip.commands.filter(({ op }) => op === MEM_END)).toEqual([]);
  });

  it('reads MAC and revision from where each chip has them', async () => {
    const cases: [ScriptedChipOptions, string, number | null][] = [
      [{ kind: 'esp8266', registers: { 1072693328: 0x7a000000, 1072693332: 0x0201c4d5 } }, 'ac:d0:74:c4:d5:7a', null],
      [
        {
          kind: 'esp32',
          registers: {
            1073061892: 0xa4cf1234,
            1073061896: 0x00f3240a,
            1073061900: 1 << 15,
            1073061908: (1 << 20) | (1 << 24),
            1073111164: 0x80000000,
          },
        },
        '24:0a:a4:cf:12:34',
        301,
      ],
      [
        {
          kind: 'esp32c3',
          registers: { 1610647620: 0x11223344, 1610647624: 0x0000aabb, 1610647632: 4 << 18, 1610647640: 1 << 24 },
        },
        'aa:bb:11:22:33:44',
        104,
      ],
    ];
    for (const [options, mac, revision] of cases) {
      expect(await chipInfo(settingsFor(new ScriptedChip(options)))).toMatchObject({ mac, revision });
    }
  });

  it('tells of encryption and secure boot', async () => {
    const esp32 = new ScriptedChip({ registers: { 1073061888: 0x7 << 20, 1073061912: 1 << 4 } });
    expect((await chipInfo(settingsFor(esp32))).security).toMatchObject({
      hasSecureBoot: true,
      hasFlashEncryption: true,
    });
    const c3 = new ScriptedChip({ kind: 'esp32c3', security: { flags: 1, cryptCount: 3 } });
    expect((await chipInfo(settingsFor(c3))).security).toMatchObject({
      hasSecureBoot: true,
      hasFlashEncryption: false,
    });
  });

  it('opens a port again that goes away with the reset', async () => {
    const chip = new ScriptedChip({ kind: 'esp32c3' });
    chip.faults.vanishes = 1;
    const usb = { vendorId: 0x303a, productId: 0x1001, serialNumber: null, location: null };
    expect(await chipInfo(settingsFor(chip, { port: { ...PORT, usb } }))).toMatchObject({ chip: 'esp32c3' });
  });

  it('goes on with a stub that is running already', async () => {
    const chip = new ScriptedChip({ hasLines: false });
    chip.state = 'stub';
    await chipInfo(settingsFor(chip, { reset: 'none' }));
    expect(chip.commands.filter(({ op }) => op === MEM_END)).toEqual([]);
  });
});

describe('a chip that does not answer', () => {
  async function failure(prepare: (chip: ScriptedChip) => void, options: ScriptedChipOptions = {}) {
    const chip = new ScriptedChip(options);
    prepare(chip);
    // Two resets tell as much as seven.
    const settings = settingsFor(chip, {
      reset: [
        { dtr: false, rts: true },
        { dtr: true, rts: false },
      ],
    });
    return chipInfo(settings).catch((error: unknown) => error);
  }

  it('was not told to wait for a download', async () => {
    expect(
      await failure((chip) => {
        chip.faults.ignoresBoot = true;
      }),
    ).toMatchObject({
      code: 'SERIAL_WRONG_BOOT_MODE',
      message: expect.stringContaining('SPI_FAST_FLASH_BOOT'),
    });
  });

  it('hears nothing', async () => {
    expect(
      await failure((chip) => {
        chip.faults.isDeaf = true;
      }),
    ).toMatchObject({ code: 'SERIAL_NO_SYNC' });
  });

  it('says nothing at all', async () => {
    expect(
      await failure((chip) => {
        chip.faults.isMute = true;
      }),
    ).toMatchObject({ code: 'SERIAL_NO_REPLY' });
  });

  it('hangs on a port without control lines', async () => {
    expect(await failure(() => undefined, { hasLines: false })).toMatchObject({
      code: 'SERIAL_NO_REPLY',
      message: expect.stringContaining('no control lines'),
    });
  });
});

describe('the rate', () => {
  it('falls back where it does not work', async () => {
    const chip = new ScriptedChip();
    chip.faults.badRates = [921_600, 460_800];
    expect((await chipInfo(settingsFor(chip))).baudRate).toBe(230_400);
    expect(chip.baudRates).toEqual([921_600, 115_200, 460_800, 115_200, 230_400]);
  });
});

describe('writing', () => {
  const merged = buildMerged({ app: buildEsp32App({ sizeBytes: 0x30000 }) });

  it.each([true, false])('puts an image where it belongs and verifies it (stub: %s)', async (useStub) => {
    const chip = new ScriptedChip();
    const { images } = await write(chip, [image(merged)], { useStub });
    expect(images).toMatchObject([{ offset: 0, outcome: 'written', isVerified: true }]);
    expect(Buffer.compare(chip.flash.subarray(0, merged.length), merged)).toBe(0);
  });

  it.each([true, false])('writes an ESP8266 (stub: %s), which only the stub can verify', async (useStub) => {
    const chip = new ScriptedChip({ kind: 'esp8266' });
    const sketch = buildEsp8266App({ sizeBytes: 0x10000 });
    const { images } = await write(chip, [image(sketch)], { useStub });
    expect(images).toMatchObject([{ isVerified: useStub }]);
    expect(Buffer.compare(chip.flash.subarray(0, sketch.length), sketch)).toBe(0);
  });

  it('sends bytes that do not get smaller as they are', async () => {
    const chip = new ScriptedChip();
    const bytes = noise(0x9001, 9);
    await write(chip, [image(bytes, 0x20000)]);
    expect(chip.commands.filter(({ op }) => op === FLASH_DEFL_DATA)).toEqual([]);
    expect(Buffer.compare(chip.flash.subarray(0x20000, 0x29001), bytes)).toBe(0);
  });

  it('leaves an image alone that is there already', async () => {
    const chip = new ScriptedChip();
    await write(chip, [image(merged)]);
    chip.commands.length = 0;
    expect((await write(chip, [image(merged)])).images).toMatchObject([{ outcome: 'identical', isVerified: true }]);
    expect(chip.commands.filter(({ op }) => op === 2 || op === 16)).toEqual([]);
  });

  it('finds the place of an application in the table on the chip', async () => {
    const chip = new ScriptedChip();
    await write(chip, [image(merged)]);
    const app = buildEsp32App({ seed: 77 });
    expect((await write(chip, [image(app)])).images).toMatchObject([{ offset: 0x10000 }]);
  });

  it('changes nothing on a chip that the image is not for', async () => {
    const chip = new ScriptedChip({ kind: 'esp32c3' });
    await expect(write(chip, [image(merged)])).rejects.toMatchObject({ code: 'IMAGE_WRONG_CHIP' });
    expect(chip.flash.every((byte) => byte === 0xff)).toBe(true);
    expect(chip.commands.filter(({ op }) => op === 2 || op === 16 || op >= 0xd0)).toEqual([]);
  });

  it('writes an image again that reads back differently', async () => {
    const chip = new ScriptedChip();
    chip.faults.spoiledWrites = 1;
    expect((await write(chip, [image(merged)])).images).toMatchObject([{ isVerified: true }]);
    expect(Buffer.compare(chip.flash.subarray(0, merged.length), merged)).toBe(0);
  });

  it('never calls it a success when that does not help', async () => {
    const chip = new ScriptedChip();
    chip.faults.spoiledWrites = 1_000;
    await expect(write(chip, [image(merged)])).rejects.toMatchObject({ code: 'SERIAL_VERIFY_FAILED' });
  });

  it('begins again, without a reset, when a block was damaged', async () => {
    const chip = new ScriptedChip();
    let blocks = 0;
    chip.faults.reply = (op) =>
      op === FLASH_DEFL_DATA && ++blocks === 2 ? chip.reply(op, 0, Buffer.of(), [0xc1, 0]) : undefined;
    await write(chip, [image(merged)]);
    expect(chip.resets).toBe(2); // into download mode, and out of it
    expect(Buffer.compare(chip.flash.subarray(0, merged.length), merged)).toBe(0);
  });

  it('goes slower when it happens again, and says how far it got without going back', async () => {
    const chip = new ScriptedChip();
    chip.faults.reply = (op) =>
      op === FLASH_DEFL_DATA && chip.baudRates.at(-1) === 921_600
        ? chip.reply(op, 0, Buffer.of(), [0xc1, 0])
        : undefined;
    const seen: number[] = [];
    const settings = settingsFor(chip);
    const { info } = await writeImages(settings, {
      ...request([image(merged)]),
      onProgress: (bytes) => seen.push(bytes),
    });
    expect(info.baudRate).toBe(460_800);
    expect(seen).toEqual([...seen].sort((one, other) => one - other));
    expect(seen.at(-1)).toBe(merged.length);
  });

  it('goes slower without a reset on a port that has no lines', async () => {
    const chip = new ScriptedChip({ hasLines: false });
    chip.state = 'download';
    chip.faults.reply = (op) =>
      op === FLASH_DEFL_DATA && chip.baudRates.at(-1) === 921_600
        ? chip.reply(op, 0, Buffer.of(), [0xc1, 0])
        : undefined;
    const { info } = await write(chip, [image(merged)]);
    expect([info.baudRate, chip.resets]).toEqual([460_800, 0]);
    expect(chip.commands.filter(({ op }) => op === MEM_END)).toHaveLength(1);
    expect(Buffer.compare(chip.flash.subarray(0, merged.length), merged)).toBe(0);
  });

  it('says that the rate was too much where no reset can bring the chip back from it', async () => {
    const chip = new ScriptedChip({ hasLines: false });
    chip.state = 'download';
    chip.faults.badRates = [921_600];
    const failed = expect(write(chip, [image(merged)])).rejects;
    await failed.toMatchObject({
      code: 'SERIAL_BAUD_REFUSED',
      message: expect.stringContaining('not at 921600 baud'),
    });
  });

  it('stops when another board answers after a reset', async () => {
    const chip = new ScriptedChip();
    chip.faults.reply = (op) => {
      if (op !== FLASH_DEFL_DATA) return undefined;
      chip.registers.set(0x3ff5a004, 0x12345678);
      return chip.reply(op, 0, Buffer.of(), [0xc1, 0]);
    };
    await expect(write(chip, [image(merged)])).rejects.toMatchObject({ code: 'SERIAL_BOARD_CHANGED' });
  });

  it('obeys its signal between two blocks, with the reason it was given', async () => {
    const chip = new ScriptedChip();
    const stop = new AbortController();
    const reason = new Error('enough');
    chip.faults.reply = (op) => {
      if (op === FLASH_DEFL_DATA) stop.abort(reason);
      return undefined;
    };
    await expect(write(chip, [image(merged)], { signal: stop.signal })).rejects.toBe(reason);
  });

  it('turns off the watchdogs of a chip that is itself the USB device, and leaves its rate alone', async () => {
    const chip = new ScriptedChip({ kind: 'esp32c3' });
    const usb = { vendorId: 0x303a, productId: 0x1001, serialNumber: null, location: null };
    await chipInfo(settingsFor(chip, { port: { ...PORT, usb } }));
    expect(chip.registers.get(0x60008090)).toBe(0);
    expect(chip.registers.get(0x600080ac)).toBe(2 ** 31);
    expect(chip.baudRates).toEqual([]);
  });
});

describe('an ESP32-S2 that is itself the USB device', () => {
  it('is reset by its watchdog, and not back into its loader', async () => {
    const OPTION1 = 0x3f408128;
    const chip = new ScriptedChip({ kind: 'esp32s2', registers: { [OPTION1]: 0b11 } });
    const usb = { vendorId: 0x303a, productId: 0x0002, serialNumber: null, location: null };
    await chipInfo(settingsFor(chip, { port: { ...PORT, usb } }));
    expect(chip.registers.get(OPTION1)).toBe(0b10);
    expect(chip.registers.get(0x3f408098)).toBe(2_000);
    // Enabled, stage 0 resets the chip (technical reference manual, RTC_CNTL_WDTCONFIG0_REG).
    expect((chip.registers.get(0x3f408094) ?? 0) >>> 28).toBe(0b1101);
    // Locked again.
    expect(chip.registers.get(0x3f4080ac)).toBe(0);
  });
});

describe('reading', () => {
  it.each([true, false])('gives what is in flash (stub: %s)', async (useStub) => {
    const chip = new ScriptedChip();
    noise(0x5000, 7).forEach((byte, index) => {
      chip.flash[0x1000 + index] = byte;
    });
    const range = { offset: 0x1001, sizeBytes: 0x4321 };
    const { bytes } = await readFlash(settingsFor(chip, { useStub }), range, () => undefined);
    expect(Buffer.compare(bytes, chip.flash.subarray(0x1001, 0x1001 + 0x4321))).toBe(0);
  });

  it('reads again what lost a byte', async () => {
    const chip = new ScriptedChip();
    chip.faults.lostReads = 1;
    const { bytes } = await readFlash(settingsFor(chip), { offset: 0, sizeBytes: 0x80000 }, () => undefined);
    expect(Buffer.compare(bytes, chip.flash.subarray(0, 0x80000))).toBe(0);
  });

  it('refuses what is behind the end of the flash', async () => {
    const reading = readFlash(
      settingsFor(new ScriptedChip()),
      { offset: 0x3ff000, sizeBytes: 0x2000 },
      () => undefined,
    );
    await expect(reading).rejects.toMatchObject({ code: 'SERIAL_NO_SPACE' });
  });

  it('says when a loader cannot', async () => {
    const chip = new ScriptedChip({ kind: 'esp8266' });
    const reading = readFlash(settingsFor(chip, { useStub: false }), { offset: 0, sizeBytes: 4096 }, () => undefined);
    await expect(reading).rejects.toMatchObject({ code: 'SERIAL_UNSUPPORTED' });
  });
});

describe('erasing', () => {
  it.each([true, false])('takes whole sectors, or everything (stub: %s)', async (useStub) => {
    const chip = new ScriptedChip({ flashBytes: 0x100000 });
    chip.flash.fill(0);
    await eraseFlash(settingsFor(chip, { useStub }), { offset: 0x2000, sizeBytes: 0x3000 });
    expect(chip.flash.indexOf(0xff)).toBe(0x2000);
    expect(chip.flash.lastIndexOf(0xff)).toBe(0x4fff);
    await eraseFlash(settingsFor(chip, { useStub }), 'all');
    expect(chip.flash.every((byte) => byte === 0xff)).toBe(true);
    await expect(eraseFlash(settingsFor(chip), { offset: 1, sizeBytes: 4096 })).rejects.toMatchObject({
      code: 'SERIAL_WRONG_PLACE',
    });
  });

  it.each([true, false])('refuses what reaches over the end of the flash (stub: %s)', async (useStub) => {
    const chip = new ScriptedChip({ flashBytes: 0x100000 });
    chip.flash.fill(0);
    const erasing = eraseFlash(settingsFor(chip, { useStub }), { offset: 0xff000, sizeBytes: 0x2000 });
    await expect(erasing).rejects.toMatchObject({ code: 'SERIAL_NO_SPACE' });
    expect(chip.flash.every((byte) => byte === 0)).toBe(true);
  });
});

describe('a loader that refuses', () => {
  it.each([true, false])(
    'is an ESP32-S2 in secure download mode where it tells no chip (security: %s)',
    async (tells) => {
      const chip = new ScriptedChip({ kind: 'esp32s2', security: { flags: SECURE_DOWNLOAD, cryptCount: 1 } });
      const isRefused = (op: number) => op === READ_REG || (op === GET_SECURITY_INFO && !tells);
      chip.faults.reply = (op) => (isRefused(op) ? chip.reply(op, 0, Buffer.of(), [1, 5]) : undefined);
      const info = await chipInfo(settingsFor(chip));
      expect(info).toMatchObject({ chip: 'esp32s2', mac: null, flash: null });
      expect(info.security).toEqual({ hasSecureBoot: false, hasFlashEncryption: tells, isSecureDownload: true });
    },
  );

  it('runs no stub and is never heard of again: what it failed at is told, and not that it is silent', async () => {
    const chip = new ScriptedChip({ hasLines: false });
    chip.state = 'download';
    chip.faults.reply = (op) => {
      if (op === MEM_END) chip.faults.isDeaf = true;
      return op === MEM_END ? null : undefined;
    };
    await expect(chipInfo(settingsFor(chip))).rejects.toMatchObject({
      code: 'SERIAL_STUB_FAILED',
      message: expect.stringMatching(/did not say hello.*could not be reached again .*not a byte came back/),
    });
  });

  it('is quoted with its status byte', async () => {
    const chip = new ScriptedChip();
    const FLASH_READ_FAILED = 0x09;
    chip.faults.reply = (op) => (op === READ_REG ? chip.reply(op, 0, Buffer.of(), [1, FLASH_READ_FAILED]) : undefined);
    await expect(chipInfo(settingsFor(chip))).rejects.toMatchObject({
      code: 'SERIAL_FLASH_FAILED',
      message: expect.stringContaining('01 09'),
    });
  });
});
