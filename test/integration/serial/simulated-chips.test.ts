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

describe.concurrent('a chip that is locked', () => {
  const SECURED = [
    { chip: 'esp32', security: { secureBoot: true } },
    { chip: 'esp32', security: { flashEncryption: true } },
    { chip: 'esp32c3', security: { secureBoot: true } },
    { chip: 'esp32c3', security: { flashEncryption: true } },
    { chip: 'esp32c3', security: { secureDownload: true } },
  ] as const;

  it.for(SECURED)('$chip $security is left alone', async ({ chip, security }, context) => {
    const { board, settings } = await openDesk(chip, { medium: 'rfc2217', security }, context);
    await expect(write(settings, firmwareFor(chip, 0x4000))).rejects.toMatchObject({ code: 'SERIAL_SECURED' });
    expect(board.counts).toMatchObject({ bytesWritten: 0, sectorsErased: 0 });
  });

  it('is written through its ROM in secure download mode where that is allowed, and nothing more is claimed than sent', async (context) => {
    const { board, settings } = await openDesk(
      'esp32c3',
      { medium: 'rfc2217', security: { secureDownload: true } },
      context,
    );
    const image = Buffer.from(firmwareFor('esp32c3', 0x4000));
    const { images } = await write(settings, image, { allowSecure: true });
    expect(images).toMatchObject([{ outcome: 'written', isVerified: false }]);
    expect(image.equals(board.flash.subarray(0, image.length))).toBe(true);
    expect(board.uploads).toEqual([]);
  });
});
