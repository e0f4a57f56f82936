import { describe, expect, it } from 'vitest';
import { FlashError } from '../../../../src/errors.ts';
import type { FlashMap } from '../../../../src/model/image.ts';
import { type AtFiles, readAtFiles, readAtFilesApart } from '../../../../src/protocols/espat-cloud/files.ts';
import {
  buildEsp32App,
  buildEsp8266App,
  buildOldUserImage,
  buildUserImage,
  buildZip,
} from '../../../fixtures/images.ts';
import { anImage } from './given.ts';

const user1 = buildUserImage({ user: 1 });
const user2 = buildUserImage({ user: 2 });

/** Here and on a thread: the names of the files, or the code, which have to be the same. */
async function codeOf(bytes: Uint8Array, name: string, flashMap: FlashMap | null): Promise<string> {
  const image = anImage(bytes, name);
  const here = await wordOf(async () => readAtFiles(image, flashMap));
  expect(await wordOf(() => readAtFilesApart(image, flashMap))).toBe(here);
  return here;
}

async function wordOf(read: () => Promise<AtFiles>): Promise<string> {
  try {
    return [...(await read()).files.keys()].sort().join(' ');
  } catch (error) {
    if (error instanceof FlashError) return error.code;
    throw error;
  }
}

describe('what a dropped file holds for modules', () => {
  it.each([
    ['one half', user2, 'at.bin', '512+512', 'user2.bin'],
    [
      'both halves in an archive',
      buildZip({ 'a.bin': user1, 'b.bin': user2 }),
      'at.zip',
      '512+512',
      'user1.bin user2.bin',
    ],
    ['a half for another flash map', user1, 'at.bin', '1024+1024', 'ESPAT_WRONG_MAP'],
    ['a half where no map is known', user1, 'at.bin', null, 'ESPAT_MAP_UNKNOWN'],
    ['a half without a slot mark, named', buildOldUserImage(), 'user1.bin', '512+512', 'user1.bin'],
    ['a half without a slot mark or a name', buildOldUserImage(), 'at.bin', '512+512', 'ESPAT_SLOT_UNKNOWN'],
    ['a half that is too large', buildUserImage({ codeBytes: 504_000 }), 'at.bin', '512+512', 'ESPAT_TOO_LARGE'],
    ['a broken half', Uint8Array.from(user1).fill(1, 20, 30), 'at.bin', '512+512', 'IMAGE_CORRUPT'],
    [
      'halves of two builds',
      buildZip({ 'user1.bin': user1, 'user2.bin': buildUserImage({ user: 2, codeBytes: 1024 }) }),
      'at.zip',
      '512+512',
      'ESPAT_SLOT_UNKNOWN',
    ],
    ['an ESP-AT application', buildEsp32App(), 'esp-at.bin', null, 'ota.bin'],
    [
      'a compressed ESP-AT application',
      Buffer.from('ESP\x01\x02\x03\x04\x05\x80\x90'),
      'esp-at.bin.xz.packed',
      null,
      'ota.bin',
    ],
    ['an Arduino sketch', buildEsp8266App(), 'sketch.bin', '512+512', 'ESPAT_NOT_AT'],
    ['another archive', buildZip({ 'flasher_args.json': '{}' }), 'x.zip', '512+512', 'PACKAGE_MALFORMED'],
  ] as const)('%s', async (_what, bytes, name, flashMap, outcome) => {
    expect(await codeOf(bytes, name, flashMap)).toBe(outcome);
  });
});
