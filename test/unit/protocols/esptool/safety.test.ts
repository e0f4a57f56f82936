import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../../src/firmware/dossier.ts';
import { type FlashSettings, withFlashSettings } from '../../../../src/protocols/esptool/flash-settings.ts';
import type { ImageToPlace } from '../../../../src/protocols/esptool/placement.ts';
import { refuseUnsafe, type SafetyRules, type TargetChip } from '../../../../src/protocols/esptool/safety.ts';
import { noise } from '../../../fixtures/images/bytes.ts';
import { buildEsp32App, buildEsp32Bootloader, buildEsp8266App, buildMerged, gzipOf } from '../../../fixtures/images.ts';

const OPEN = { hasSecureBoot: false, hasFlashEncryption: false, isSecureDownload: false };
const STRICT: SafetyRules = { allowSecure: false, replacesFlashSize: false };

function target(over: Partial<TargetChip> = {}): TargetChip {
  return { chip: 'esp32', revision: 300, mac: null, security: OPEN, flashSizeBytes: 0x400000, ...over };
}

function image(bytes: Uint8Array): ImageToPlace {
  return { name: 'image.bin', bytes, dossier: readDossier(bytes, 'image.bin'), offset: 'auto' };
}

function refusal(code: string) {
  return expect.objectContaining({ code });
}

describe('what is refused before anything is erased', () => {
  it('nothing, where all is well', () => {
    refuseUnsafe([image(buildEsp32App()), image(buildEsp32Bootloader()), image(noise(100, 1))], target(), STRICT);
  });

  it.each([
    ['an application', buildEsp32App({ chip: 'esp32c3' })],
    ['a bootloader', buildEsp32Bootloader({ chip: 'esp32s3' })],
    ['a factory image', buildMerged({ chip: 'esp32c3' })],
    ['a sketch for the ESP8266', buildEsp8266App()],
  ])('%s for another chip', (_what, bytes) => {
    expect(() => refuseUnsafe([image(bytes)], target(), STRICT)).toThrow(refusal('IMAGE_WRONG_CHIP'));
  });

  it.each([
    [{ minRevision: 301 }, 300],
    [{ minRevision: 0, maxRevision: 199 }, 300],
  ])('an image for other revisions: %j on %i', (revisions, revision) => {
    const bytes = buildEsp32App(revisions);
    expect(() => refuseUnsafe([image(bytes)], target({ revision }), STRICT)).toThrow(refusal('SERIAL_WRONG_REVISION'));
  });

  it('takes the limits of the revision themselves', () => {
    const bytes = buildEsp32App({ minRevision: 300, maxRevision: 399 });
    refuseUnsafe([image(bytes)], target({ revision: 300 }), STRICT);
    refuseUnsafe([image(bytes)], target({ revision: 399 }), STRICT);
  });

  it.each([{ hasSecureBoot: true }, { hasFlashEncryption: true }, { isSecureDownload: true }])(
    'a chip with %j, unless the rule allows it',
    (over) => {
      const secured = target({ security: { ...OPEN, ...over } });
      expect(() => refuseUnsafe([image(buildEsp32App())], secured, STRICT)).toThrow(refusal('SERIAL_SECURED'));
      refuseUnsafe([image(buildEsp32App())], secured, { ...STRICT, allowSecure: true });
    },
  );

  it('a damaged image, and a compressed one', () => {
    const damaged = Buffer.from(buildEsp32App());
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    expect(() => refuseUnsafe([image(damaged)], target(), STRICT)).toThrow(refusal('IMAGE_CORRUPT'));
    const gzip = image(gzipOf(buildEsp8266App()));
    expect(() => refuseUnsafe([gzip], target({ chip: 'esp8266' }), STRICT)).toThrow(refusal('IMAGE_NOT_FIRMWARE'));
  });

  it('a build for more flash than there is, unless its header will be changed', () => {
    const bytes = buildEsp8266App({ flashSizeFrequency: 0x40 });
    const plug = target({ chip: 'esp8266', revision: null, flashSizeBytes: 0x100000 });
    expect(() => refuseUnsafe([image(bytes)], plug, STRICT)).toThrow(refusal('SERIAL_NO_SPACE'));
    refuseUnsafe([image(bytes)], plug, { ...STRICT, replacesFlashSize: true });
  });
});

describe('flash settings', () => {
  const KEEP: FlashSettings = { mode: null, frequencyMhz: null, sizeBytes: null };

  function patched(
    bytes: Uint8Array,
    offset: number,
    settings: Partial<FlashSettings>,
    chip: 'esp32' | 'esp8266' = 'esp32',
  ) {
    const placement = { ...image(bytes), offset, reason: '' };
    return withFlashSettings(placement, chip, { ...KEEP, ...settings });
  }

  it('change two bytes of the bootloader, and its SHA-256 with them', () => {
    const before = buildEsp32Bootloader();
    const after = patched(before, 0x1000, { mode: 'DOUT', frequencyMhz: 40, sizeBytes: 0x1000000 });
    expect([after[2], after[3]]).toEqual([3, 0x40]);
    expect(after.subarray(4, -32)).toEqual(Buffer.from(before.subarray(4, -32)));
    expect(after.subarray(-32)).toEqual(createHash('sha256').update(after.subarray(0, -32)).digest());
    expect(readDossier(after, '').problems).toEqual([]);
  });

  it.each([0, 0x1000])('find the bootloader in a factory image for %i', (startsAt) => {
    const before = buildMerged({ startsAt });
    const after = patched(before, startsAt, { mode: 'QIO' });
    expect(after[0x1000 - startsAt + 2]).toBe(0);
    expect(readDossier(after, '')).toMatchObject({ problems: [], flashMode: 'QIO', kind: 'merged' });
  });

  it('leave an ESP8266 image with the right CRC', () => {
    const after = patched(buildEsp8266App({ flashMode: 2 }), 0, { mode: 'DOUT', sizeBytes: 0x100000 }, 'esp8266');
    expect(readDossier(after, '')).toMatchObject({ problems: [], flashMode: 'DOUT', flashSizeBytes: 0x100000 });
  });

  it('leave other images, and those that are to be kept, as they are', () => {
    const app = buildEsp32App();
    expect(patched(app, 0x10000, { mode: 'QIO' })).toBe(app);
    const bootloader = buildEsp32Bootloader();
    expect(patched(bootloader, 0x1000, {})).toBe(bootloader);
  });

  it('that the chip does not have are refused', () => {
    const bootloader = buildEsp32Bootloader();
    expect(() => patched(bootloader, 0x1000, { frequencyMhz: 48 })).toThrow(refusal('SERIAL_UNSUPPORTED'));
  });
});
