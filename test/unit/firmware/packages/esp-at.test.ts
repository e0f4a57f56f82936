import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../../src/firmware/dossier.ts';
import { chooseSet } from '../../../../src/firmware/packages/flash-set.ts';
import { openPackage } from '../../../../src/firmware/packages/package.ts';
import { withFlashSettings } from '../../../../src/protocols/esptool/flash-settings.ts';
import { buildEsp8266V1, buildOldUserImage, buildUserImage, buildZip } from '../../../fixtures/images.ts';

const BOOT = buildEsp8266V1({ flashSizeFrequency: 0 });

function release(sizeMap: number) {
  return {
    'at/boot_v1.7.bin': BOOT,
    [`at/user1.2048.new.${sizeMap}.bin`]: buildUserImage({ user: 1, sizeMap }),
    [`at/user2.2048.new.${sizeMap}.bin`]: buildUserImage({ user: 2, sizeMap }),
    'at/esp_init_data_default_v08.bin': new Uint8Array(128).fill(5),
    'at/blank.bin': new Uint8Array(4096).fill(0xff),
  };
}

/** name@offset of what goes onto a board with so much flash. */
function places(zip: Uint8Array, megabytes: number): string[] {
  const board = { chip: 'esp8266', flashSizeBytes: megabytes * 0x100000, isEncrypted: false } as const;
  return chooseSet(openPackage(zip), board).parts.map(({ name, offset }) => `${name}@${offset.toString(16)}`);
}

describe('a release of the ESP8266 SDK as an archive', () => {
  it('has the places of its flash map, by the size of the flash', () => {
    const small = buildZip(release(2));
    const large = buildZip(release(5));
    expect(places(small, 1)).toEqual([
      'boot@0',
      'user1@1000',
      'blank@7e000',
      'user2@81000',
      'init-data@fc000',
      'blank@fe000',
    ]);
    expect(places(small, 4).slice(-2)).toEqual(['init-data@3fc000', 'blank@3fe000']);
    expect(places(large, 2)).toEqual([
      'boot@0',
      'user1@1000',
      'blank@fe000',
      'user2@101000',
      'init-data@1fc000',
      'blank@1fe000',
    ]);
    expect(places(large, 8)).toEqual(places(large, 2));
  });

  it('tells the bootloader the size that stands for its flash map', () => {
    const { settings, parts } = chooseSet(openPackage(buildZip(release(5))), {
      chip: 'esp8266',
      flashSizeBytes: 0x400000,
      isEncrypted: false,
    });
    const [boot] = parts;
    if (boot === undefined) throw new Error('no part');
    const sizeBytes = settings.sizeBytes === 'detect' ? null : settings.sizeBytes;
    const placement = { name: 'boot', bytes: boot.bytes, offset: 0, reason: '', dossier: boot.dossier };
    const bytes = withFlashSettings(placement, 'esp8266', { ...settings, sizeBytes });
    expect(bytes[3]).toBe(0x60);
    expect(readDossier(bytes, 'boot').problems).toEqual([]);
  });

  it('needs no more than the two halves', () => {
    const { 'at/boot_v1.7.bin': _boot, 'at/blank.bin': _blank, ...rest } = release(2);
    expect(places(buildZip(rest), 1)).toEqual(['user1@1000', 'user2@81000', 'init-data@fc000']);
    expect(places(buildZip({ 'user1.bin': buildOldUserImage(), 'user2.bin': buildOldUserImage() }), 4)).toEqual([
      'user1@1000',
      'user2@41000',
    ]);
  });

  it('is refused where two images want one place, or two flash maps meet', () => {
    const twice = { ...release(2), 'at/user1.other.bin': buildUserImage({ user: 1 }) };
    expect(readDossier(buildZip(twice), 'at.zip').problems).toMatchObject([{ code: 'PACKAGE_UNKNOWN' }]);
    const mixed = { 'user1.bin': buildUserImage({ user: 1 }), 'user2.bin': buildUserImage({ user: 2, sizeMap: 5 }) };
    expect(readDossier(buildZip(mixed), 'at.zip').problems).toMatchObject([{ code: 'PACKAGE_MISPLACED' }]);
  });
});
