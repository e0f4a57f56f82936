import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildEsp32App, buildZip, espIdfBuild } from '../../fixtures/images.ts';
import { dropflash } from './recorded-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'dropflash-inspect-'));
beforeAll(() => {
  const image = buildEsp32App({ chip: 'esp32s3' });
  writeFileSync(join(folder, 'app.bin'), image);
  writeFileSync(join(folder, 'half.bin'), image.subarray(0, image.length / 2));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('inspect', () => {
  it('prints the dossier of an image', async () => {
    const { exitCode, out, err } = await dropflash(['inspect', 'app.bin'], { cwd: folder });
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(/^app\.bin\nsha256 +[0-9a-f]{64}\nkind +application/);
    expect(out).toMatch(/^chip +ESP32-S3/m);
  });

  it('prints what a package puts where, from an archive and from a folder', async () => {
    const files = espIdfBuild();
    mkdirSync(join(folder, 'build/bootloader'), { recursive: true });
    mkdirSync(join(folder, 'build/partition_table'));
    for (const [path, content] of Object.entries(files)) {
      writeFileSync(join(folder, 'build', path), content instanceof Uint8Array ? content : JSON.stringify(content));
    }
    writeFileSync(join(folder, 'build.zip'), buildZip(files));
    for (const name of ['build.zip', 'build']) {
      const { exitCode, out, err } = await dropflash(['inspect', name], { cwd: folder });
      expect([exitCode, err]).toEqual([0, '']);
      expect(out).toMatch(/^kind +package of images from an ESP-IDF build$/m);
      expect(out).toMatch(/^for ESP32-C3\n {2}0x0 +bootloader +bootloader +1,024 bytes$/m);
    }
  });

  it('fails when one of them has problems or is not there, and shows the others', async () => {
    const { exitCode, json } = await dropflash(['inspect', '--json', 'app.bin', 'half.bin', 'nope.bin'], {
      cwd: folder,
    });
    expect(exitCode).toBe(1);
    expect(json()).toMatchObject([
      { file: 'app.bin', dossier: { chip: 'esp32s3', problems: [] }, error: null },
      { file: 'half.bin', dossier: { problems: [{ code: 'IMAGE_TRUNCATED' }] } },
      { file: 'nope.bin', dossier: null, error: { code: 'IMAGE_UNREADABLE' } },
    ]);
  });
});
