import { expect, it } from 'vitest';
import { readDossier } from '../../../../src/firmware/dossier.ts';
import { CHIPS } from '../../../../src/model/chip.ts';
import { eraseFlash, readFlash, writeImages } from '../../../../src/protocols/esptool/operations.ts';
import { DEFAULT_SERIAL_OPTIONS } from '../../../../src/protocols/esptool/options.ts';
import { PreparedImages } from '../../../../src/protocols/esptool/prepared-image.ts';
import { refuseBeyondReach } from '../../../../src/protocols/esptool/reach.ts';
import { ScriptedChip } from '../../../devices/scripted-chip.ts';
import { noise } from '../../../fixtures/images/bytes.ts';
import { settingsFor } from './given.ts';

const MEGABYTES_16 = 0x1000000;

it('ends at 16 MB, but for the stubs of three chips', () => {
  const reaches = (chip: (typeof CHIPS)[number], isStub: boolean, end: number) => {
    const security = { hasSecureBoot: false, hasFlashEncryption: false, isSecureDownload: false };
    try {
      refuseBeyondReach({ identity: { chip, revision: null, mac: null, security }, isStub }, end);
      return true;
    } catch {
      return false;
    }
  };
  expect(CHIPS.filter((chip) => reaches(chip, true, MEGABYTES_16 + 1)).sort()).toEqual([
    'esp32c5',
    'esp32p4',
    'esp32s3',
  ]);
  expect(CHIPS.filter((chip) => reaches(chip, false, MEGABYTES_16 + 1))).toEqual([]);
  expect(CHIPS.filter((chip) => !reaches(chip, false, MEGABYTES_16))).toEqual([]);
});

it('nothing behind it is written, erased or read on an ESP32 with a flash of 32 MB', async () => {
  const chip = new ScriptedChip({ flashBytes: 2 * MEGABYTES_16 });
  const bytes = noise(4_096, 7);
  const write = writeImages(settingsFor(chip), {
    images: [{ name: 'x.bin', bytes, dossier: readDossier(bytes, 'x.bin'), offset: MEGABYTES_16 }],
    options: DEFAULT_SERIAL_OPTIONS,
    prepared: new PreparedImages(),
    onBegin: () => undefined,
    onProgress: () => undefined,
  });
  await expect(write).rejects.toMatchObject({ code: 'SERIAL_UNSUPPORTED' });
  const behind = { offset: MEGABYTES_16, sizeBytes: 4_096 };
  const unsupported = { code: 'SERIAL_UNSUPPORTED' };
  await expect(eraseFlash(settingsFor(chip), behind)).rejects.toMatchObject(unsupported);
  await expect(readFlash(settingsFor(chip), behind, () => undefined)).rejects.toMatchObject(unsupported);
  const FLASH_DEFL_BEGIN = 16;
  const ERASE_REGION = 209;
  expect(chip.commands.filter(({ op }) => op === FLASH_DEFL_BEGIN || op === ERASE_REGION)).toEqual([]);
});
