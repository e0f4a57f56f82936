import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../../src/firmware/dossier.ts';
import type { StoredImage } from '../../../../src/model/image.ts';
import { espota } from '../../../../src/protocols/espota/index.ts';
import { buildEsp32App, buildEsp32Bootloader } from '../../../fixtures/images/esp32.ts';
import { buildEsp8266App, buildEsp8266V1, buildEsp8266V2, buildUserImage } from '../../../fixtures/images/esp8266.ts';
import { buildMerged, buildOtadata, buildPartitionTable } from '../../../fixtures/images/flash-map.ts';
import { buildLittleFs, gzipOf } from '../../../fixtures/images/wrappers.ts';
import { aDevice } from '../../../fixtures/records.ts';

/** Mapped code: it is an application, and begins where an Arduino build has its eboot. */
const WITHOUT_EBOOT = buildEsp8266V1({ segments: [{ loadAddress: 0x40210000, data: new Uint8Array(64) }] });

function stored(bytes: Uint8Array): StoredImage {
  return { sha256: '', name: 'image.bin', sizeBytes: bytes.length, dossier: readDossier(bytes, 'image.bin') };
}

describe('what ArduinoOTA can carry', () => {
  it.each([
    ['an ESP8266 application', buildEsp8266App()],
    ['an ESP32 application', buildEsp32App()],
    ['a gzip ESP8266 application', gzipOf(buildEsp8266App())],
    ['a filesystem', buildLittleFs()],
  ])('%s', (_what, bytes) => {
    expect(espota.accepts(aDevice(), stored(bytes))).toEqual({ accepted: true });
  });

  it.each([
    ['a merged image', buildMerged(), /bootloader.*USB/],
    ['a bootloader', buildEsp32Bootloader(), /bootloader.*USB/],
    ['a partition table', buildPartitionTable(), /partition table.*USB/],
    ['otadata', buildOtadata(), /boot choice.*USB/],
    ['an ESP8266 application of version 1, without eboot', WITHOUT_EBOOT, /esp8266-v1, without the eboot/],
    ['an ESP8266 application of version 2', buildEsp8266V2(), /esp8266-v2, without the eboot/],
    ['one half of an SDK release', buildUserImage({ user: 1 }), /SDK release/],
    ['a gzip ESP32 application', gzipOf(buildEsp32App()), /gzip/],
  ])('not %s', (_what, bytes, reason) => {
    expect(espota.accepts(aDevice(), stored(bytes))).toEqual({
      accepted: false,
      reason: expect.stringMatching(reason),
    });
  });

  it('not a gzip image for a device that is an ESP32, whatever the image says', () => {
    const image = stored(gzipOf(buildEsp8266App()));
    expect(espota.accepts(aDevice({ chip: 'esp32c3' }), image).accepted).toBe(false);
  });

  it('knows the default port of a chip, and says when it must be told', () => {
    expect(['esp8266', 'esp32', 'esp32c3', null].map((chip) => espota.defaultPort(chip))).toEqual([
      8266,
      3232,
      3232,
      null,
    ]);
  });
});
