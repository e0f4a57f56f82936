import { describe, expect, it } from 'vitest';
import { chipInfo } from '../../../src/protocols/esptool/operations.ts';
import { PICO_D4_PADS } from '../../../src/simulator/chip/flash-pads.ts';
import { firmwareFor, openDesk, write } from './desk.ts';

/** Where the published stubs begin (esp-flasher-stub 1.2.2, esp32p4-rev1.json and esp32p4.json). */
const STUB_BELOW_V3 = 0x4ff10000;
const STUB_FROM_V3 = 0x4ff50000;

describe.concurrent('an ESP32-P4', () => {
  it.for([
    [0, 0, STUB_BELOW_V3],
    [0, 1, STUB_BELOW_V3],
    [1, 3, STUB_BELOW_V3],
    [3, 0, STUB_FROM_V3],
    [3, 1, STUB_FROM_V3],
    [3, 2, STUB_FROM_V3],
    [4, 0, STUB_FROM_V3],
  ] as const)('v%i.%i gets its stub, and its flash answers', async ([major, minor, textAddress], context) => {
    const { board, settings } = await openDesk('esp32p4', { medium: 'tcp', revision: { major, minor } }, context);
    expect(await chipInfo(settings)).toMatchObject({
      chip: 'esp32p4',
      revision: major * 100 + minor,
      flash: { sizeBytes: 0x100000 },
    });
    expect(board.uploads.map(({ segments }) => segments[0]?.address)).toEqual([textAddress]);
  });

  it('v3.2 whose ROM gives flash its power is let go of, and not powered again', async (context) => {
    const spec = { medium: 'tcp', revision: { major: 3, minor: 2 }, isFlashPoweredByRom: true } as const;
    const { settings } = await openDesk('esp32p4', spec, context);
    expect(await chipInfo(settings)).toMatchObject({ revision: 302, flash: { sizeBytes: 0x100000 } });
  });

  it('v3.1 gets its flash powered without a stub as well', async (context) => {
    const { board, settings } = await openDesk('esp32p4', { medium: 'tcp', revision: { major: 3, minor: 1 } }, context);
    expect(await chipInfo({ ...settings, useStub: false })).toMatchObject({ flash: { sizeBytes: 0x100000 } });
    expect(board.uploads).toEqual([]);
  });
});

describe.concurrent('an ESP32-C2', () => {
  it.for([
    [0, 0, 0],
    [1, 0, 1],
    [2, 0, 1],
  ] as const)('v%i.%i: %i stubs', async ([major, minor, stubs], context) => {
    const { board, settings } = await openDesk('esp32c2', { medium: 'tcp', revision: { major, minor } }, context);
    expect(await chipInfo(settings)).toMatchObject({ chip: 'esp32c2', revision: major * 100 + minor });
    expect(board.uploads).toHaveLength(stubs);
  });
});

describe.concurrent('an ESP32 whose flash is in its package', () => {
  it.for([true, false])('is written on the pads that its eFuses name (stub: %s)', async (useStub, context) => {
    const { board, settings } = await openDesk('esp32', { medium: 'tcp', flashPads: PICO_D4_PADS }, context);
    const image = Buffer.from(firmwareFor('esp32', 0x4000));
    expect((await write({ ...settings, useStub }, image)).images).toMatchObject([{ isVerified: true }]);
    expect(image.equals(board.flash.subarray(0, image.length))).toBe(true);
  });
});
