import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../src/firmware/dossier.ts';
import { acceptsStoredImage } from '../../../src/protocols/espota/acceptance.ts';
import { buildEsp8266App, buildEsp8266V2, buildOldUserImage, buildUserImage } from '../../fixtures/images.ts';
import { aDevice } from '../../fixtures/records.ts';

describe('an image of the ESP8266 SDK', () => {
  it.each([
    [1, 2, '512+512'],
    [2, 4, '512+512'],
    [1, 5, '1024+1024'],
    [2, 6, '1024+1024'],
    [1, 0, '256+256'],
    [2, 9, null],
  ] as const)('user%i with size map %i is for %s', (user, sizeMap, flashMap) => {
    const dossier = readDossier(buildUserImage({ user, sizeMap }), 'app.bin');
    expect(dossier).toMatchObject({ format: 'esp8266-v2', kind: 'app', userSlot: { user, flashMap }, problems: [] });
  });

  it('is whole only with the right CRC', () => {
    const bytes = buildUserImage();
    expect(readDossier(bytes, 'app.bin').completeness).toBe('complete');
    const broken = Uint8Array.from(bytes);
    broken[100] = (broken[100] ?? 0) ^ 1;
    expect(readDossier(broken, 'app.bin').problems).toMatchObject([{ code: 'IMAGE_CORRUPT' }]);
  });

  it('of an SDK before 1.0 says nothing of its slot', () => {
    const dossier = readDossier(buildOldUserImage(), 'user1.bin');
    expect(dossier).toMatchObject({
      format: 'esp8266-user',
      kind: 'app',
      userSlot: { user: null, flashMap: null },
      completeness: 'may-continue',
      problems: [],
    });
  });

  it('with code at 0x10000, a slot mark and a CRC has both checked', () => {
    const bytes = buildOldUserImage({ user: 2 });
    expect(readDossier(bytes, 'x.bin')).toMatchObject({ format: 'esp8266-user', userSlot: { user: 2 }, problems: [] });
    const broken = Uint8Array.from(bytes);
    broken[0x10010] = (broken[0x10010] ?? 0) ^ 1;
    expect(readDossier(broken, 'x.bin').problems).toMatchObject([{ code: 'IMAGE_CORRUPT' }]);
  });

  it('is not what other tools build, and never goes to eboot', () => {
    expect(readDossier(buildEsp8266V2(), 'x.bin').userSlot).toBeNull();
    expect(readDossier(buildEsp8266App(), 'x.bin').userSlot).toBeNull();
    const image = (bytes: Uint8Array) => ({
      sha256: '00',
      name: 'x.bin',
      sizeBytes: bytes.length,
      dossier: readDossier(bytes, 'x.bin'),
    });
    expect(acceptsStoredImage(aDevice({ chip: 'esp8266' }), image(buildOldUserImage())).accepted).toBe(false);
    expect(acceptsStoredImage(aDevice({ chip: 'esp8266' }), image(buildUserImage())).accepted).toBe(false);
  });
});
