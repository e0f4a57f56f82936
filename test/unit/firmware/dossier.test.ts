import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../src/firmware/dossier.ts';
import { CHIPS } from '../../../src/model/chip.ts';
import type { Dossier } from '../../../src/model/image.ts';
import * as images from '../../fixtures/images.ts';

function read(bytes: Uint8Array): Dossier {
  return readDossier(bytes, 'x.bin');
}

/** `bytes` with some of them replaced, from `offset` on. */
function changed(bytes: Uint8Array, offset: number, ...values: number[]): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy.set(values, offset);
  return copy;
}

function codes({ problems }: Dossier): string[] {
  return problems.map(({ code }) => code);
}

describe('an ESP32-family application', () => {
  for (const chip of CHIPS.filter((name) => name !== 'esp8266')) {
    it(`is read for ${chip}`, () => {
      const dossier = read(images.buildEsp32App({ chip, project: 'sensor', version: '1.2.3' }));
      expect(dossier).toMatchObject({
        kind: 'app',
        format: 'esp32',
        chip,
        completeness: 'complete',
        flashMode: 'DIO',
        flashSizeBytes: 4 * 1024 * 1024,
        app: { project: 'sensor', version: '1.2.3', idfVersion: 'v5.3.1', compiledAt: 'Jan  2 2025 12:34:56' },
        problems: [],
        remarks: [],
      });
      expect(dossier.segments.map(({ region }) => region).filter((region) => region === null)).toEqual([]);
    });
  }

  it('tells the flash frequency by the chip’s own table', () => {
    const at = (chip: images.Esp32Chip, flashSizeFrequency: number) =>
      read(images.buildEsp32App({ chip, flashSizeFrequency })).flashFrequencyMhz;
    expect([at('esp32', 0x2f), at('esp32c2', 0x2f), at('esp32h2', 0x2f), at('esp32c6', 0x20)]).toEqual([
      80, 60, 48, 80,
    ]);
    expect(read(images.buildEsp32App({ flashSizeFrequency: 0xf5, flashMode: 9 })).remarks).toHaveLength(3);
  });

  it('tells the chip revisions it is for', () => {
    expect(read(images.buildEsp32App({ minRevision: 101, maxRevision: 399 }))).toMatchObject({
      minChipRevision: 101,
      maxChipRevision: 399,
    });
    expect(read(images.buildEsp32App())).toMatchObject({ minChipRevision: 0, maxChipRevision: null });
    // Made before the two fields: byte 14 is a major revision on the ESP32 and a minor one on the ESP32-C3.
    const old = (chip: images.Esp32Chip) => read(changed(images.buildEsp32App({ chip, maxRevision: 0 }), 14, 3));
    expect(old('esp32').minChipRevision).toBe(300);
    expect(old('esp32c3').minChipRevision).toBe(3);
  });

  it('names a chip that was never sold, and one that nobody knows', () => {
    const segments = [{ loadAddress: 0x3c000020, data: new Uint8Array(16) }];
    expect(read(images.buildEsp32Image({ chipId: 6, segments }))).toMatchObject({
      chip: null,
      remarks: [expect.stringContaining('ESP32-S3 beta 3')],
    });
    expect(read(images.buildEsp32Image({ chipId: 999, segments })).remarks[0]).toContain('chip id 999');
  });

  it('is corrupt when a byte of its code, its checksum or its hash changed', () => {
    const image = images.buildEsp32App();
    const inCode = read(changed(image, 2000, 0, 1, 2));
    expect(codes(inCode)).toEqual(['IMAGE_CORRUPT', 'IMAGE_CORRUPT']);
    expect(inCode.problems[1]?.message).toMatch(/^x\.bin: its SHA-256 is [0-9a-f]{64}, the one appended to it is/);
    expect(codes(read(changed(image, image.length - 1, 0)))).toEqual(['IMAGE_CORRUPT']);
    expect(inCode.completeness).toBe('unknown');
  });

  it('says where it ends and where it should', () => {
    const dossier = read(images.buildEsp32App().subarray(0, 1000));
    expect(dossier).toMatchObject({ completeness: 'truncated', endsAt: null });
    expect(dossier.problems[0]).toMatchObject({
      code: 'IMAGE_TRUNCATED',
      message:
        'x.bin: the file ends at 1,000 bytes, inside segment 3 of 3; it would have to reach 3,952 bytes at least',
      details: { actualBytes: 1000, neededBytes: 3952 },
    });
  });

  it('is malformed with impossible counts, sizes and flags', () => {
    const image = images.buildEsp32App();
    expect(codes(read(changed(image, 1, 0)))).toContain('IMAGE_MALFORMED');
    expect(codes(read(changed(image, 1, 17)))).toContain('IMAGE_MALFORMED');
    expect(codes(read(changed(image, 28, 0xff, 0xff, 0xff, 0xff)))).toContain('IMAGE_MALFORMED');
    expect(codes(read(changed(image, 23, 7)))).toContain('IMAGE_MALFORMED');
  });

  it('shows no control characters of its texts', () => {
    const { app } = read(images.buildEsp32App({ project: 'a\u001b[31m\u202eb', hash: false }));
    expect(app?.project).toBe('a�[31m�b');
  });
});

describe('a signed image', () => {
  it('is complete with its signature sector, and not verified', () => {
    const signed = images.signSecureBootV2(images.buildEsp32App());
    expect(read(signed)).toMatchObject({ signature: 'secure-boot-v2', completeness: 'complete', endsAt: 8192 });
  });

  it('is found out when image and signature do not belong together', () => {
    const signed = images.signSecureBootV2(images.buildEsp32App());
    const sector = signed.subarray(4096);
    const other = images.signSecureBootV2(images.buildEsp32App({ seed: 2 }));
    other.set(sector, 4096);
    expect(codes(read(other))).toEqual(['IMAGE_CORRUPT']);
    expect(codes(read(changed(signed, 4096 + 500, 1, 2, 3)))).toEqual(['IMAGE_CORRUPT']);
    expect(codes(read(signed.subarray(0, 5000)))).toEqual(['IMAGE_TRUNCATED']);
  });

  it('is Arduino’s with the length at its end, plain and compressed', () => {
    const image = images.buildEsp8266App();
    expect(read(images.signArduino(image))).toMatchObject({
      kind: 'app',
      signature: 'arduino',
      completeness: 'complete',
    });
    expect(read(images.signArduino(images.gzipOf(image)))).toMatchObject({
      container: 'gzip',
      signature: 'arduino',
      completeness: 'complete',
      problems: [],
    });
  });
});

describe('an ESP8266 image', () => {
  it('is an application when it is eboot and an application', () => {
    const dossier = read(images.buildEsp8266App({ sizeBytes: 20_000 }));
    expect(dossier).toMatchObject({
      kind: 'app',
      format: 'esp8266-arduino',
      chip: 'esp8266',
      completeness: 'complete',
      flashMode: 'DOUT',
      flashSizeBytes: 1024 * 1024,
      endsAt: 20_000,
      problems: [],
    });
    expect(dossier.crc?.stored).toBe(dossier.crc?.computed);
    expect(dossier.segments.map(({ region }) => region)).toEqual(['IROM', 'IRAM', 'DRAM']);
  });

  it('is corrupt when its CRC-32 is wrong, wherever the change is', () => {
    const image = images.buildEsp8266App();
    for (const at of [500, 4090, 5000, image.length - 2]) {
      expect(codes(read(changed(image, at, 0x11, 0x22))), `at ${at}`).toContain('IMAGE_CORRUPT');
    }
  });

  it('is merged with a filesystem or a dump behind it, and still an application with padding', () => {
    const image = images.buildEsp8266App();
    const followed = (rest: Uint8Array) => read(new Uint8Array(Buffer.concat([image, rest])));
    expect(followed(images.buildLittleFs())).toMatchObject({ kind: 'merged', completeness: 'unknown' });
    expect(followed(Buffer.alloc(100, 0xff))).toMatchObject({ kind: 'app', completeness: 'unknown' });
  });

  it('of the SDKs is no Arduino image', () => {
    expect(read(images.buildEsp8266V1())).toMatchObject({ kind: 'bootloader', format: 'esp8266-v1', chip: 'esp8266' });
    expect(read(images.buildEsp8266V2())).toMatchObject({
      kind: 'app',
      format: 'esp8266-v2',
      completeness: 'complete',
    });
    expect(codes(read(changed(images.buildEsp8266V2(), 600, 1)))).toContain('IMAGE_CORRUPT');
  });

  it('is read inside gzip, whose problems are its own', () => {
    const image = images.buildEsp8266App();
    const zipped = images.gzipOf(image);
    expect(read(zipped)).toMatchObject({
      kind: 'app',
      container: 'gzip',
      contentBytes: 8000,
      completeness: 'complete',
    });
    expect(codes(read(zipped.subarray(0, 1000)))).toEqual(['IMAGE_TRUNCATED']);
    expect(codes(read(changed(zipped, zipped.length - 6, 0)))).toEqual(['IMAGE_CORRUPT']);
    expect(codes(read(new Uint8Array([...zipped, 0, 0, 0])))).toEqual(['IMAGE_MALFORMED']);
    expect(codes(read(new Uint8Array([...zipped, ...zipped])))).toEqual(['IMAGE_MALFORMED']);
    expect(codes(read(images.gzipOf(image.subarray(0, 6000))))).toEqual(['IMAGE_TRUNCATED']);
    expect(read(images.gzipOf(images.buildEsp32App())).remarks[0]).toContain('only eboot on an ESP8266');
  });
});

describe('a merged image', () => {
  it('has its parts, and goes where its first byte says', () => {
    const app = images.buildEsp32App({ project: 'factory' });
    const dossier = read(images.buildMerged({ app }));
    expect(dossier).toMatchObject({
      kind: 'merged',
      chip: 'esp32',
      flashOffset: 0,
      completeness: 'complete',
      problems: [],
    });
    expect(dossier.app?.project).toBe('factory');
    expect(dossier.parts?.map(({ kind, fileOffset }) => [kind, fileOffset])).toEqual([
      ['bootloader', 0x1000],
      ['partition-table', 0x8000],
      ['app', 0x10000],
    ]);
    expect(dossier.partitions?.map(({ label }) => label)).toEqual(['nvs', 'otadata', 'app0', 'app1', 'spiffs']);
  });

  for (const [chip, startsAt, flashOffset] of [
    ['esp32', 0x1000, 0x1000],
    ['esp32s3', 0, 0],
    ['esp32p4', 0x2000, 0x2000],
    ['esp32c6', 0, 0],
  ] as const) {
    it(`for ${chip} from ${startsAt} goes to ${flashOffset}`, () => {
      const dossier = read(images.buildMerged({ chip, startsAt }));
      expect(dossier).toMatchObject({ kind: 'merged', chip, flashOffset, completeness: 'complete', problems: [] });
    });
  }

  it('says which of its parts is broken', () => {
    const image = images.buildMerged();
    expect(read(changed(image, 0x1200, 1)).problems[0]?.message).toContain('x.bin: bootloader: ');
    expect(read(changed(image, 0x10400, 1)).problems[0]?.message).toContain('application in "app0" at 0x10000: ');
    expect(read(changed(image, 0x8008, 1)).problems[0]?.message).toContain('the MD5 of its partition table');
    expect(codes(read(image.subarray(0, image.length - 100)))).toEqual(['IMAGE_TRUNCATED']);
  });

  it('is one from its bootloader on, which may be cut', () => {
    const image = images.buildMerged();
    expect(read(image.subarray(0, 0x3000))).toMatchObject({ kind: 'merged', chip: 'esp32', completeness: 'truncated' });
    expect(read(image.subarray(0, 0x7000))).toMatchObject({
      kind: 'merged',
      flashOffset: 0,
      parts: [{ fileOffset: 0x1000 }],
    });
  });

  it('has no application larger than its slot', () => {
    const rows = images.ARDUINO_ROWS.map((row) => (row.label === 'app0' ? { ...row, sizeBytes: 0x1000 } : row));
    const app = images.buildEsp32App({ sizeBytes: 5008 });
    expect(read(images.buildMerged({ app, rows })).problems[0]).toMatchObject({
      code: 'IMAGE_MALFORMED',
      details: { imageBytes: 5008, slotBytes: 4096 },
    });
  });
});

describe('a file while it grows', () => {
  it.each([
    ['eboot before the application', images.buildEsp8266App().subarray(0, 4096)],
    ['a bootloader before the partition table', images.buildMerged({ chip: 'esp32c3' }).subarray(0, 0x4000)],
    ['a bootloader and its padding', images.buildMerged({ chip: 'esp32c3' }).subarray(0, 0x5000)],
    ['erased flash and a bootloader before the partition table', images.buildMerged().subarray(0, 0x6000)],
    ['a merged image before its application', images.buildMerged({ chip: 'esp32c3' }).subarray(0, 0x9000)],
    ['an application that ends on a sector, before a signature', images.buildEsp32App({ sizeBytes: 8192 })],
    ['an application padded for its signature', images.signSecureBootV2(images.buildEsp32App()).subarray(0, 4096)],
    ['an application without hash', images.buildEsp32App({ hash: false })],
    ['an Arduino image before elf2bin adds size and CRC', images.buildEsp8266App({ crc: false })],
    ['a partition table without MD5 row', images.buildPartitionTable(images.ARDUINO_ROWS, { md5: false })],
  ])('may continue: %s', (_name, bytes) => {
    expect(read(bytes)).toMatchObject({ completeness: 'may-continue', problems: [] });
  });

  it('with its size reserved and its end still zero is not complete', () => {
    for (const image of [images.buildEsp32App(), images.buildEsp8266App(), images.buildMerged()]) {
      const reserved = new Uint8Array(image.length);
      reserved.set(image.subarray(0, image.length - 600));
      expect(read(reserved).completeness).not.toBe('complete');
    }
    expect(read(new Uint8Array(4096)).problems[0]?.code).toBe('IMAGE_MALFORMED');
    // The first signature block is there; a second one, or the padding, is not.
    const signed = images.signSecureBootV2(images.buildEsp32App()).fill(0, 4096 + 1216);
    expect(read(signed)).toMatchObject({ completeness: 'may-continue', signature: 'secure-boot-v2', problems: [] });
  });
});

describe('data for a partition', () => {
  it('is a partition table with its rows', () => {
    const table = images.buildPartitionTable();
    const dossier = read(table);
    expect(dossier).toMatchObject({
      kind: 'partition-table',
      completeness: 'complete',
      flashOffset: 0x8000,
      problems: [],
    });
    expect(dossier.partitions?.[2]).toEqual({
      label: 'app0',
      type: 0,
      subtype: 0x10,
      offset: 0x10000,
      sizeBytes: 0x140000,
      isEncrypted: false,
      isReadOnly: false,
    });
    expect(codes(read(changed(table, 4, 1)))).toEqual(['IMAGE_CORRUPT']);
    expect(codes(read(table.subarray(0, 100)))).toEqual(['IMAGE_TRUNCATED']);
  });

  it('is no partition table that the device would refuse', () => {
    const row = { label: 'one', type: 0, subtype: 0, offset: 0x10000, sizeBytes: 0x20000 };
    const rows = [row, { ...row, label: 'two', offset: 0x20000 }, { ...row, label: 'three', offset: 0x51000 }];
    const messages = read(images.buildPartitionTable(rows)).problems.map(({ message }) => message);
    expect(messages).toEqual([
      expect.stringContaining('"three" starts at 0x51000'),
      expect.stringContaining('"one" ends at 0x30000, behind the start of "two" at 0x20000'),
    ]);
  });

  it('is OTA data with its sequence', () => {
    expect(read(images.buildOtadata(3))).toMatchObject({ kind: 'otadata', completeness: 'complete' });
    expect(read(images.buildOtadata(3)).remarks[0]).toContain('sequence 3');
    expect(codes(read(images.buildOtadata().subarray(0, 4096)))).toEqual(['IMAGE_TRUNCATED']);
  });

  it.each([
    ['littlefs', images.buildLittleFs(16)],
    ['spiffs', images.buildSpiffs()],
    ['spiffs', images.buildSpiffs({ blockSize: 8192, blockCount: 4 })],
    ['fat', images.buildFat()],
  ])('is a filesystem: %s', (filesystem, image) => {
    expect(read(image)).toMatchObject({ kind: 'filesystem', filesystem, endsAt: image.length, problems: [] });
    expect(read(image.subarray(0, image.length / 2))).toMatchObject({ filesystem, completeness: 'truncated' });
    expect(codes(read(image.subarray(0, image.length / 2)))).toEqual(['IMAGE_TRUNCATED']);
  });

  it('is a cut SPIFFS also where its last blocks were reserved and not written', () => {
    const cut = images.buildSpiffs({ blockCount: 64 }).slice(0, 32 * 4096);
    expect(codes(read(cut.fill(0, 30 * 4096)))).toEqual(['IMAGE_TRUNCATED']);
    // By then hardly any block says so any more.
    expect(codes(read(cut.fill(0, 8 * 4096)))).toEqual([]);
  });

  it('is SPIFFS by its structure where no magic tells', () => {
    expect(read(images.buildSpiffs({ magic: false }))).toMatchObject({ filesystem: 'spiffs', endsAt: null });
  });
});

describe('a file that is no firmware', () => {
  it.each([
    ['elf', 'an ELF file'],
    ['uf2', 'a UF2 file for the ESP32-C3'],
    ['hex', 'an Intel hex file'],
    ['html', 'an HTML page'],
    ['json', 'a JSON document'],
  ])('is named: %s', (kind, name) => {
    const dossier = read(images.WRONG_FILES[kind] ?? new Uint8Array());
    expect(codes(dossier)).toEqual(['IMAGE_NOT_FIRMWARE']);
    expect(dossier.problems[0]?.message).toContain(name);
  });

  it('may be empty', () => {
    expect(codes(read(new Uint8Array()))).toEqual(['IMAGE_EMPTY']);
  });
});
