import { describe, expect, it } from 'vitest';
import { chipInfo, readFlash } from '../../../src/protocols/esptool/operations.ts';
import { DESK_CHIPS, firmwareFor, openDesk, write } from './desk.ts';

/** The client against chips that somebody else wrote from the same documents: both ends share no code. */
describe.concurrent.each(DESK_CHIPS)('a simulated %s', (chip) => {
  it.for([true, false])('is identified, written, compared and read back (stub: %s)', async (useStub, context) => {
    const { settings: base } = await openDesk(chip, { medium: 'tcp', mac: '24:0a:c4:01:02:03' }, context);
    const settings = { ...base, useStub };
    expect(await chipInfo(settings)).toMatchObject({ chip, mac: '24:0a:c4:01:02:03', flash: { sizeBytes: 0x100000 } });
    const image = firmwareFor(chip, 0x8000);
    const canVerify = useStub || chip !== 'esp8266';
    expect((await write(settings, image)).images).toMatchObject([{ outcome: 'written', isVerified: canVerify }]);
    if (!canVerify) return;
    const { bytes } = await readFlash(settings, { offset: 0, sizeBytes: image.length }, () => undefined);
    expect(Buffer.compare(bytes, image)).toBe(0);
    expect((await write(settings, image)).images).toMatchObject([{ outcome: 'identical', isVerified: true }]);
  });
});
