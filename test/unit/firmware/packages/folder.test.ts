import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packFolder } from '../../../../src/firmware/packages/folder.ts';
import { readPackage } from '../../../../src/firmware/packages/package.ts';
import { openTar } from '../../../../src/firmware/packages/tar.ts';
import * as images from '../../../fixtures/images.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-package-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function lay(files: images.Files): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content instanceof Uint8Array ? content : JSON.stringify(content));
  }
}

describe('a folder as a package', () => {
  it('holds what its manifest names, and nothing else', async () => {
    lay({ ...images.espIdfBuild(), 'sensor.elf': new Uint8Array(9000), 'esp-idf/x.o': new Uint8Array(10) });
    const packed = await packFolder(folder);
    expect(openTar(packed).paths).toEqual([
      'bootloader/bootloader.bin',
      'flasher_args.json',
      'ota_data_initial.bin',
      'partition_table/partition-table.bin',
      'sensor.bin',
    ]);
    expect(readPackage(packed)).toMatchObject({ container: 'tar', problems: [], plan: { source: 'esp-idf' } });
    expect(await packFolder(folder)).toEqual(packed);
  });

  it('may be an Arduino build or a Pycom package', async () => {
    lay(images.arduinoBuild());
    expect(readPackage(await packFolder(folder))?.plan?.source).toBe('arduino');
    lay(images.pycomPackage());
    expect(readPackage(await packFolder(folder))).toMatchObject({ plan: { source: 'pycom' }, problems: [] });
  });

  it('leaves out what is not there, so that the reader can say so', async () => {
    const { 'sensor.bin': _, ...files } = images.espIdfBuild();
    lay(files);
    expect(readPackage(await packFolder(folder))?.problems).toMatchObject([{ code: 'PACKAGE_FILE_MISSING' }]);
  });

  it('does not reach out of itself', async () => {
    lay({ 'flasher_args.json': { flash_files: { '0x0': '../../etc/passwd' } } });
    await expect(packFolder(folder)).rejects.toMatchObject({ code: 'PACKAGE_REFUSED' });
  });

  it('is named where it is none, or is not there', async () => {
    await expect(packFolder(folder)).rejects.toMatchObject({ code: 'PACKAGE_UNKNOWN' });
    await expect(packFolder(join(folder, 'x'))).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
  });
});
