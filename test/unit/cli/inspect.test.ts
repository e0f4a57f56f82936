import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildEsp32App } from '../../fixtures/images.ts';
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
