import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lowerBaudRate } from '../../../../src/protocols/esptool/baud.ts';
import { timeoutForSize } from '../../../../src/protocols/esptool/constants.ts';
import { esp8266RomEraseSize } from '../../../../src/protocols/esptool/erase-size.ts';
import {
  blocksOf,
  inflatedSizes,
  PreparedImages,
  prepareImage,
} from '../../../../src/protocols/esptool/prepared-image.ts';
import { flashChipOf } from '../../../../src/protocols/esptool/spi-flash.ts';
import { noise } from '../../../fixtures/images/bytes.ts';
import { turnsWhile } from '../../../turns.ts';

const SECTOR = 4096;

describe('the erase size for the ROM of an ESP8266', () => {
  /** What that ROM erases when told a size: the sectors up to the next 64 KB boundary count twice. */
  function erased(offset: number, toldBytes: number): number {
    const told = toldBytes / SECTOR;
    return told + Math.min(told, 16 - ((offset / SECTOR) % 16));
  }

  it('makes it erase what is needed, and at most a sector more', () => {
    fc.assert(
      fc.property(fc.nat({ max: 255 }), fc.integer({ min: 1, max: 0x100000 }), (sector, sizeBytes) => {
        const wanted = Math.ceil(sizeBytes / SECTOR);
        const got = erased(sector * SECTOR, esp8266RomEraseSize(sector * SECTOR, sizeBytes));
        expect(got).toBeGreaterThanOrEqual(wanted);
        expect(got).toBeLessThanOrEqual(wanted + 1);
      }),
    );
  });
});

describe('the flash id', () => {
  it.each([
    [0x1640c8, 'GigaDevice', 4],
    [0x1440ef, 'Winbond', 1],
    [0x13405e, 'Zbit', 0.5],
    [0x1840c8, 'GigaDevice', 16],
    [0x2040ef, 'Winbond', 64],
    [0x3625c2, 'Macronix', 4],
    [0x00471f, 'Adesto', 4],
    [0x167012, null, 4],
    [0x990000, null, null],
  ])('%s is %s with %s MB', (id, vendor, megabytes) => {
    expect(flashChipOf(id)).toEqual({ id, vendor, sizeBytes: megabytes === null ? null : megabytes * 1024 * 1024 });
  });
});

describe('the ladder of rates', () => {
  it('goes down to 115200, from any rate', () => {
    expect([2_000_000, 921_600, 500_000, 230_400, 115_200].map(lowerBaudRate)).toEqual([
      921_600,
      460_800,
      460_800,
      115_200,
      null,
    ]);
  });
});

describe('a timeout', () => {
  it('grows with the size, and is never shorter than that of any command', () => {
    expect(timeoutForSize(40_000, 0x400000)).toBe(160_000);
    expect(timeoutForSize(40_000, 64)).toBe(3_000);
  });
});

describe('a prepared image', () => {
  it('is padded to words, hashed with the padding, and deflated where that is smaller', async () => {
    const image = await prepareImage(new Uint8Array(5_001).fill(7), true);
    expect(image.bytes).toHaveLength(5_004);
    expect([...image.bytes.subarray(-4)]).toEqual([7, 0xff, 0xff, 0xff]);
    expect(image.deflated?.length).toBeLessThan(100);
    expect((await prepareImage(noise(5_000, 1), true)).deflated).toBeNull();
    expect((await prepareImage(new Uint8Array(5_000), false)).deflated).toBeNull();
  });

  it('knows what each block of it inflates to', async () => {
    const { bytes, deflated } = await prepareImage(Buffer.concat([noise(20_000, 2), new Uint8Array(500_000)]), true);
    const sizes = await inflatedSizes(blocksOf(deflated ?? Buffer.of(), 0x1000));
    expect(sizes.reduce((sum, size) => sum + size)).toBe(bytes.length);
    expect(sizes.at(-1)).toBeGreaterThan(300_000);
  });

  it('is made once for all who hold the same bytes', async () => {
    const images = new PreparedImages();
    const bytes = new Uint8Array(5_000);
    expect(await images.prepare(bytes, true)).toBe(await images.prepare(bytes, true));
    expect(await images.prepare(bytes, true)).not.toBe(await images.prepare(Uint8Array.from(bytes), true));
    expect((await images.prepare(bytes, false)).deflated).toBeNull();
  });

  it('does not hold up the event loop', async () => {
    // Less than a megabyte is hashed in one go: what lets the loop turn is compressing elsewhere.
    expect(await turnsWhile(prepareImage(noise(900_000, 1), true))).toBeGreaterThan(0);
    expect(await turnsWhile(prepareImage(noise(900_000, 1), false))).toBe(0);
  });
});
