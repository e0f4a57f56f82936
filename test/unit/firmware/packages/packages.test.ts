import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../../src/errors.ts';
import { chooseSet, type FlashSet } from '../../../../src/firmware/packages/flash-set.ts';
import { openPackage, readPackage } from '../../../../src/firmware/packages/package.ts';
import * as images from '../../../fixtures/images.ts';

const MB = 1024 * 1024;

/** What goes where, in the order it is written: `0x1000 bootloader`. */
function places(set: FlashSet | undefined): string[] {
  return (set?.parts ?? []).map(({ offset, name }) => `0x${offset.toString(16)} ${name}`);
}

function codes(files: images.Files): ErrorCode[] {
  return (readPackage(images.buildZip(files))?.problems ?? []).map(({ code }) => code);
}

function firstSet(files: images.Files): FlashSet {
  const [set] = openPackage(images.buildZip(files)).sets;
  if (set === undefined) throw new Error('no set');
  return set;
}

describe('an ESP-IDF build', () => {
  it('is read with its settings', () => {
    const { source, sets } = openPackage(images.buildZip(images.espIdfBuild()));
    expect([source, sets.length]).toEqual(['esp-idf', 1]);
    expect(sets[0]).toMatchObject({
      chip: 'esp32c3',
      flashSizeBytes: null,
      settings: { mode: 'DIO', sizeBytes: 4 * MB, frequencyMhz: 80 },
      erase: [],
    });
    expect(places(sets[0])).toEqual(['0x0 bootloader', '0x8000 partition-table', '0xe000 otadata', '0x10000 app']);
    expect(sets[0]?.parts.map(({ dossier }) => dossier.kind)).toEqual(['bootloader', 'partition-table', 'data', 'app']);
  });

  it('may stand in a folder of the archive, among whatever else', () => {
    const files = Object.entries(images.espIdfBuild()).map(
      ([path, content]) => [`sensor/build/${path}`, content] as const,
    );
    const archive = images.buildZip([['sensor/README', 'text'], ['sensor/build/x/flasher_args.json', '{}'], ...files]);
    expect(places(openPackage(archive).sets[0])).toHaveLength(4);
  });

  it('is the same from a tar file and a gzip of it', () => {
    for (const archive of [images.buildTar(images.espIdfBuild()), images.buildTarGz(images.espIdfBuild())]) {
      expect(places(openPackage(archive).sets[0])).toHaveLength(4);
    }
  });

  it('says which files the chip encrypts while it writes them', () => {
    const app = { offset: '0x10000', file: 'sensor.bin', encrypted: 'true' };
    const set = firstSet(images.espIdfBuild({ 'flasher_args.json': images.espIdfManifest({ app }) }));
    expect(set.parts.map(({ encryption }) => encryption)).toEqual(['none', 'none', 'none', 'on-write']);
  });

  it('goes onto a board with flash encryption where the chip is to encrypt it', () => {
    const board = { chip: 'esp32c3', flashSizeBytes: 4 * MB, isEncrypted: true } as const;
    const plain = openPackage(images.buildZip(images.espIdfBuild()));
    expect(() => chooseSet(plain, board)).toThrow(expect.objectContaining({ code: 'PACKAGE_NO_SET' }));
    const app = { offset: '0x10000', file: 'sensor.bin', encrypted: 'true' };
    const files = images.espIdfBuild({ 'flasher_args.json': images.espIdfManifest({ app }) });
    expect(chooseSet(openPackage(images.buildZip(files)), board).chip).toBe('esp32c3');
  });

  it.each<[string, object]>([
    ['no flash_files', { flash_files: undefined }],
    ['an empty list', { flash_files: {} }],
    ['an offset that is none', { flash_files: { app: 'sensor.bin' } }],
    ['a file without a name', { flash_files: { '0x10000': '' } }],
    ['an unknown chip', { extra_esptool_args: { chip: 'esp99' } }],
    ['an unknown mode', { flash_settings: { flash_mode: 'fast' } }],
    ['an unknown size', { flash_settings: { flash_size: 'large' } }],
    ['an unknown frequency', { flash_settings: { flash_freq: 'quick' } }],
  ])('is malformed with %s', (_, changes) => {
    expect(codes(images.espIdfBuild({ 'flasher_args.json': images.espIdfManifest(changes) }))).toEqual([
      'PACKAGE_MALFORMED',
    ]);
  });

  it.each<[string, number]>([
    ['512KB', 512 * 1024],
    ['2MB-c1', 2 * MB],
    ['16MB', 16 * MB],
  ])('knows the flash size %s', (flash_size, sizeBytes) => {
    const manifest = images.espIdfManifest({
      flash_settings: { flash_size },
      flash_files: { '0x10000': 'sensor.bin' },
    });
    expect(firstSet(images.espIdfBuild({ 'flasher_args.json': manifest })).settings.sizeBytes).toBe(sizeBytes);
  });

  it('keeps the settings that it does not name, and lets the flash chip tell its size', () => {
    const manifest = images.espIdfManifest({ flash_settings: { flash_mode: 'keep', flash_size: 'detect' } });
    const set = firstSet(images.espIdfBuild({ 'flasher_args.json': manifest }));
    expect(set.settings).toEqual({ mode: null, sizeBytes: 'detect', frequencyMhz: null });
  });
});

describe('an ESP Web Tools package', () => {
  it('has a set for each chip', () => {
    const { source, name, version, sets } = openPackage(images.buildZip(images.espWebToolsPackage()));
    expect([source, name, version]).toEqual(['esp-web-tools', 'Lamp', '1.2.0']);
    expect(sets.map(({ chip }) => chip)).toEqual(['esp32', 'esp32c3']);
    expect(sets[0]?.parts.map(({ offset }) => offset)).toEqual([0x1000, 0x8000, 0x10000]);
  });

  it('gives each board its own', () => {
    const found = openPackage(images.buildZip(images.espWebToolsPackage()));
    const board = { flashSizeBytes: 4 * MB, isEncrypted: false };
    expect(chooseSet(found, { ...board, chip: 'esp32c3' }).chip).toBe('esp32c3');
    expect(() => chooseSet(found, { ...board, chip: 'esp32s3' })).toThrow(
      expect.objectContaining({ code: 'PACKAGE_NO_SET' }),
    );
  });

  it('is often one merged image, which brings its own boot data', () => {
    const parts = [{ path: 'factory.bin', offset: 0 }];
    const files = {
      'manifest.json': { builds: [{ chipFamily: 'ESP32', parts }] },
      'factory.bin': images.buildMerged(),
    };
    const reading = readPackage(images.buildZip(files));
    expect(reading).toMatchObject({ problems: [], remarks: [], sets: [{ erase: [], parts: [{ offset: 0 }] }] });
    const beside = {
      'fs.bin': images.buildLittleFs(),
      'manifest.json': { builds: [{ chipFamily: 'ESP32', parts: [...parts, { path: 'fs.bin', offset: 0x28f000 }] }] },
    };
    expect(codes({ ...files, ...beside })).toEqual(['PACKAGE_MISPLACED']);
  });

  it('may be for an ESP8266, which has no partitions', () => {
    const manifest = { builds: [{ chipFamily: 'ESP8266', parts: [{ path: 'a.bin', offset: 0 }] }] };
    const reading = readPackage(images.buildZip({ 'manifest.json': manifest, 'a.bin': images.buildEsp8266App() }));
    expect(reading).toMatchObject({ problems: [], remarks: [], sets: [{ chip: 'esp8266' }] });
  });

  it.each<[string, object]>([
    ['without builds in it', { builds: [] }],
    ['for an unknown chip', { builds: [{ chipFamily: 'Z80', parts: [] }] }],
    ['with a build of no parts', { builds: [{ chipFamily: 'ESP32', parts: [] }] }],
    [
      'with parts on the network',
      { builds: [{ chipFamily: 'ESP32', parts: [{ path: 'https://example.org/a.bin', offset: 0 }] }] },
    ],
    ['with a part without offset', { builds: [{ chipFamily: 'ESP32', parts: [{ path: 'esp32/app.bin' }] }] }],
  ])('is malformed %s', (_, manifest) => {
    expect(codes(images.espWebToolsPackage({ 'manifest.json': manifest }))).toEqual(['PACKAGE_MALFORMED']);
  });

  it('does not choose between two manifests', () => {
    const twin = { builds: [] };
    expect(codes(images.espWebToolsPackage({ 'manifest-beta.json': twin }))).toEqual(['PACKAGE_MALFORMED']);
  });
});

describe('an Arduino or PlatformIO build', () => {
  it('is placed by its partition table', () => {
    const set = firstSet(images.arduinoBuild());
    expect(set.chip).toBe('esp32');
    expect(places(set)).toEqual([
      '0x1000 bootloader',
      '0x8000 partition table',
      '0xe000 boot data',
      '0x10000 application',
    ]);
  });

  it('takes a filesystem along', () => {
    expect(places(firstSet(images.arduinoBuild({ 'littlefs.bin': images.buildLittleFs() })))).toContain(
      '0x290000 filesystem',
    );
  });

  it('is not guessed at', () => {
    expect(codes(images.arduinoBuild({ 'other.ino.bin': images.buildEsp32App({ seed: 9 }) }))).toEqual([
      'PACKAGE_UNKNOWN',
    ]);
    expect(codes({ 'a.bin': images.buildEsp32App(), 'readme.txt': 'x' })).toEqual(['PACKAGE_UNKNOWN']);
    expect(codes({})).toEqual(['PACKAGE_UNKNOWN']);
  });
});

describe('a Pycom package', () => {
  const esp32 = { chip: 'esp32', isEncrypted: false } as const;

  it('has a set for each flash size, by its own script', () => {
    const found = openPackage(images.buildTarGz(images.pycomPackage()));
    expect(found.source).toBe('pycom');
    const small = chooseSet(found, { ...esp32, flashSizeBytes: 4 * MB });
    expect(small.settings).toEqual({ mode: 'DIO', sizeBytes: 'detect', frequencyMhz: 80 });
    expect(places(small)).toEqual([
      '0x1000 bootloader',
      '0x8000 partitions',
      '0x10000 factory',
      '0x1be000 boot choice',
    ]);
    expect(places(chooseSet(found, { ...esp32, flashSizeBytes: 8 * MB }))).toContain('0x1ff000 boot choice');
    expect(() => chooseSet(found, { ...esp32, flashSizeBytes: 2 * MB })).toThrow('4,194,304 bytes of flash');
  });

  it('falls back to script2, then to script', () => {
    const script2 = images.pycomScript('partitions_4MB.bin', { factory: ['0x10000', '0x1AE000'] });
    const { script_4MB: _, script_8MB: __, script, ...files } = images.pycomPackage();
    const sets = openPackage(images.buildTarGz({ ...files, script2, script: script ?? '' })).sets;
    expect(sets.map(({ flashSizeBytes, parts }) => [flashSizeBytes, parts[0]?.name])).toEqual([
      [4 * MB, 'bootloader'],
      [8 * MB, 'bootloader'],
    ]);
    const [old] = openPackage(images.buildTarGz({ ...files, script: script ?? '' })).sets;
    expect(places(old)).toEqual(['0x1000 bootloader.bin', '0x10000 wipy.bin']);
  });

  it('erases the partitions that it writes', () => {
    expect(firstSet(images.pycomPackage()).erase).toContainEqual({ offset: 0x10000, sizeBytes: 0x1ae000 });
  });

  it('writes the record of the vendor’s own updater for the slot it flashed', () => {
    const wipy = images.buildEsp32App({ sizeBytes: 512_336 });
    const record = firstSet(images.pycomPackage({ 'wipy.bin': wipy })).parts.at(-1);
    // pycom-micropython-sigfox, updater.py, set_ota: active, status, previous, size, safe boot, 16 × FF, CRC-32.
    expect(Buffer.from(record?.bytes.subarray(0, 40) ?? []).toString('hex')).toBe(
      '00000000010000000000000050d1070000000000ffffffffffffffffffffffffffffffff1a8b1c75',
    );
    expect(record?.bytes.length).toBe(0x1000);
  });

  it('may hold the application of old firmware, with its MD5 in letters behind it', () => {
    const app = images.buildEsp32App();
    const signed = Buffer.concat([app, Buffer.from(createHash('md5').update(app).digest('hex'))]);
    const set = firstSet(images.pycomPackage({ 'wipy.bin': signed }));
    expect(set.parts.find(({ name }) => name === 'factory')?.bytes.length).toBe(app.length + 32);
  });

  it('leaves boot data alone that a script sees to itself', () => {
    const places4 = { factory: ['0x10000', '0x1AE000'], otadata: ['0x1BE000', '0x1000'] };
    const script_4MB = images.pycomScript('partitions_4MB.bin', places4, [['e', 'otadata']]);
    const set = firstSet(images.pycomPackage({ script_4MB }));
    expect(places(set)).not.toContain('0x1be000 boot choice');
    expect(set.erase).toContainEqual({ offset: 0x1be000, sizeBytes: 0x1000 });
  });

  it('never loses the keys of the board', () => {
    for (const instruction of [
      ['e', 'all'],
      ['e', '0x3FF000', '0x1000'],
      ['o', 'config', 'wipy.bin'],
      ['e', 'cb'],
    ]) {
      const script_4MB = images.pycomScript('partitions_4MB.bin', {}, [instruction]);
      expect(codes(images.pycomPackage({ script_4MB })), instruction.join()).toContain('PACKAGE_ERASES_KEYS');
    }
  });

  it('writes around them', () => {
    const files = { ...images.pycomPackage(), 'fs.bin': new Uint8Array(0x3000).fill(0xa5) };
    const partitions = { factory: ['0x10000', '0x1AE000'], fs: ['0x3FE000', '0x3000'] };
    const script_8MB = images.pycomScript('partitions_8MB.bin', partitions, [['w', 'fs', 'fs.bin']]);
    const set = openPackage(images.buildTarGz({ ...files, script_8MB })).sets[1];
    expect(set?.parts.slice(-2).map(({ offset, bytes }) => [offset, bytes.length])).toEqual([
      [0x3fe000, 0x1000],
      [0x400000, 0x1000],
    ]);
  });

  it('erases the file system of the flash at hand', () => {
    const script_8MB = images.pycomScript('partitions_8MB.bin', {}, [['e', 'fs']]);
    const sets = openPackage(images.buildTarGz(images.pycomPackage({ script_8MB }))).sets;
    expect(sets[1]?.erase).toContainEqual({ offset: 0x400000, sizeBytes: 0x400000 });
  });

  it('keeps encrypted sets apart, and judges nothing in them', () => {
    const noise = new Uint8Array(4096).fill(0xe9);
    const names = ['bootloader.bin_enc', 'partitions.bin_enc', 'wipy.bin_enc'];
    const script_4MB_enc = {
      version: '2.1',
      partitions: { factory: ['0x10000', '0x1AE000'] },
      script: [
        ['w', 'bootloader', names[0]],
        ['w', 'partitions', names[1]],
        ['w', 'factory', names[2]],
      ],
    };
    const encrypted = Object.fromEntries(names.map((name) => [name, noise]));
    const found = openPackage(images.buildTarGz(images.pycomPackage({ script_4MB_enc, ...encrypted })));
    const set = chooseSet(found, { chip: 'esp32', flashSizeBytes: 4 * MB, isEncrypted: true });
    expect(set.parts.map(({ encryption }) => encryption)).toEqual(['done', 'done', 'done']);
  });

  it.each<[string, unknown]>([
    ['an unknown verb', [['x', '0x0', '0x1000']]],
    ['an unknown place', [['w', 'nowhere', 'wipy.bin']]],
    ['a write without a file', [['w', '0x10000']]],
    ['nothing to write', [['e', '0x8000', '0x1000']]],
    ['no list', 'w 0x10000 wipy.bin'],
    ['a place of our own making', [['w', '__proto__', 'wipy.bin']]],
  ])('is malformed with %s', (_, script) => {
    const script_4MB = { version: '2.1', script };
    expect(codes(images.pycomPackage({ script_4MB }))).toEqual(['PACKAGE_MALFORMED']);
  });
});

describe('what would go wrong on the board', () => {
  const manifestWith = (files: Record<string, string>): images.Files =>
    images.espIdfBuild({ 'flasher_args.json': images.espIdfManifest({ flash_files: files }) });
  const whole = {
    '0x0': 'bootloader/bootloader.bin',
    '0x8000': 'partition_table/partition-table.bin',
    '0x10000': 'sensor.bin',
  };

  it('a file that is not there', () => {
    const { 'sensor.bin': _, ...files } = images.espIdfBuild();
    expect(codes(files)).toEqual(['PACKAGE_FILE_MISSING']);
  });

  it('an image that is damaged', () => {
    const app = images.buildEsp32App({ chip: 'esp32c3' });
    expect(codes(images.espIdfBuild({ 'sensor.bin': app.subarray(0, 2000) }))).toContain('IMAGE_TRUNCATED');
  });

  it('an archive in the archive', () => {
    expect(codes(images.espIdfBuild({ 'sensor.bin': images.buildZip(images.arduinoBuild()) }))).toContain(
      'IMAGE_NOT_FIRMWARE',
    );
  });

  it('an image for another chip', () => {
    const app = images.buildEsp32App({ chip: 'esp32' });
    expect(codes(images.espIdfBuild({ 'sensor.bin': app }))).toEqual(['PACKAGE_CHIP_CONFLICT']);
  });

  it.each<[string, Record<string, string>, ErrorCode]>([
    ['a bootloader elsewhere', { '0x1000': 'bootloader/bootloader.bin' }, 'PACKAGE_MISPLACED'],
    ['an application as the bootloader', { '0x0': 'sensor.bin' }, 'PACKAGE_MISPLACED'],
    ['an application where the table has none', { ...whole, '0x290000': 'sensor.bin' }, 'PACKAGE_MISPLACED'],
    ['boot data as the application', { ...whole, '0x10000': 'ota_data_initial.bin' }, 'PACKAGE_MISPLACED'],
    ['a part that is not on a sector', { ...whole, '0x290010': 'ota_data_initial.bin' }, 'PACKAGE_MISPLACED'],
    [
      'two parts in one sector',
      { '0x8000': 'partition_table/partition-table.bin', '0x8800': 'ota_data_initial.bin' },
      'PACKAGE_OVERLAP',
    ],
    ['a part beyond the flash', { '0x3ff000': 'ota_data_initial.bin' }, 'PACKAGE_BEYOND_FLASH'],
    ['a part longer than its partition', { ...whole, '0x3ff000': 'ota_data_initial.bin' }, 'PACKAGE_MISPLACED'],
  ])('%s', (_, files, code) => {
    expect(codes(manifestWith(files))).toContain(code);
  });

  it('not a text in a data partition', () => {
    const files = images.espIdfBuild({
      'flasher_args.json': images.espIdfManifest({ flash_files: { ...whole, '0x290000': 'ca.pem' } }),
    });
    expect(codes({ ...files, 'ca.pem': '-----BEGIN CERTIFICATE-----\n' })).toEqual([]);
    const { '0x8000': _, ...tableless } = whole;
    expect(
      codes({ ...manifestWith({ ...tableless, '0x290000': 'ca.pem' }), 'ca.pem': `<html>${' '.repeat(99)}` }),
    ).toEqual(['IMAGE_NOT_FIRMWARE']);
  });
});

describe('the boot data of a set that is silent about it', () => {
  const files = (offset: string, rows: readonly images.PartitionRow[] = images.ARDUINO_ROWS): images.Files =>
    images.espIdfBuild({
      'partition_table/partition-table.bin': images.buildPartitionTable(rows),
      'flasher_args.json': images.espIdfManifest({
        flash_files: {
          '0x0': 'bootloader/bootloader.bin',
          '0x8000': 'partition_table/partition-table.bin',
          [offset]: 'sensor.bin',
        },
      }),
    });

  it('is erased where that boots what is written', () => {
    const set = firstSet(files('0x10000'));
    expect(set.erase).toEqual([{ offset: 0xe000, sizeBytes: 0x2000 }]);
    expect(set.parts).toHaveLength(3);
  });

  it('selects the slot that is written where an erased one would not', () => {
    const record = firstSet(files('0x150000')).parts.find(({ name }) => name === 'boot choice');
    expect(record?.offset).toBe(0xe000);
    expect(record?.bytes.subarray(0, 4)).toEqual(Uint8Array.of(2, 0, 0, 0));
    expect(record?.dossier).toMatchObject({ kind: 'otadata', completeness: 'complete' });
    expect(Buffer.from(record?.bytes ?? []).readUInt32LE(28)).toBe(crc32(Uint8Array.of(2, 0, 0, 0), 0xffffffff));
  });

  it('is left alone where the table has none', () => {
    const rows = images.ARDUINO_ROWS.filter(({ label }) => label !== 'otadata');
    expect(firstSet(files('0x10000', rows))).toMatchObject({ erase: [], parts: { length: 3 } });
  });
});
