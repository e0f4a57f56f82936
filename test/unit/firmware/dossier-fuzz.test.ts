import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../src/firmware/dossier.ts';
import * as images from '../../fixtures/images.ts';
import { runs } from '../../runs.ts';

/** One small image of each kind: what is mutated and cut. */
const SEEDS: Readonly<Record<string, Uint8Array>> = {
  'ESP32 app': images.buildEsp32App({ sizeBytes: 640 }),
  'ESP32-C3 bootloader': images.buildEsp32Bootloader({ chip: 'esp32c3', sizeBytes: 512 }),
  'ESP8266 Arduino': images.buildEsp8266App({ sizeBytes: 4800 }),
  'ESP8266 v1': images.buildEsp8266V1(),
  'ESP8266 v2': images.buildEsp8266V2(),
  'signed ESP8266': images.signArduino(images.buildEsp8266App({ sizeBytes: 4800 })),
  'signed ESP32': images.signSecureBootV2(images.buildEsp32App({ sizeBytes: 640 })),
  gzip: images.gzipOf(images.buildEsp8266App({ sizeBytes: 4800 })),
  'partition table': images.buildPartitionTable(),
  otadata: images.buildOtadata(),
  merged: images.buildMerged({ app: images.buildEsp32App({ sizeBytes: 640 }) }),
  LittleFS: images.buildLittleFs(),
  SPIFFS: images.buildSpiffs(),
  FAT: images.buildFat(),
};

/** Kinds whose own structure protects them: any cut must be noticed. */
const SELF_DELIMITING = ['ESP32 app', 'ESP8266 Arduino', 'ESP8266 v2', 'gzip'];

/** Holds for the dossier of any bytes whatever. */
function expectSane(bytes: Uint8Array): void {
  const before = Buffer.from(bytes);
  const dossier = readDossier(bytes, 'x.bin');
  expect(before.equals(bytes), 'the input is left as it was').toBe(true);
  expect(dossier.sizeBytes).toBe(bytes.length);
  expect(dossier.segments.length).toBeLessThanOrEqual(17);
  expect(dossier.endsAt === null || dossier.endsAt <= dossier.contentBytes).toBe(true);
  if (dossier.completeness === 'complete') expect(dossier.problems).toEqual([]);
  for (const { sizeBytes, fileOffset } of dossier.segments) {
    expect(fileOffset + sizeBytes).toBeLessThanOrEqual(dossier.contentBytes);
  }
  expect(JSON.parse(JSON.stringify(dossier))).toEqual(dossier);
}

describe('a dossier of any bytes', () => {
  it('is made of noise', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 4096 }), expectSane), runs(300));
  });

  it('is made of noise behind each magic', () => {
    const magic = fc.constantFrom([0xe9], [0xe9, 3], [0xea, 4], [0x1f, 0x8b, 8], [0xaa, 0x50], [0xff], [0x55, 0xaa]);
    const bytes = fc
      .tuple(magic, fc.uint8Array({ maxLength: 300 }))
      .map(([head, rest]) => Uint8Array.of(...head, ...rest));
    fc.assert(fc.property(bytes, expectSane), runs(500));
  });

  for (const [name, image] of Object.entries(SEEDS)) {
    it(`is made of a damaged image: ${name}`, () => {
      const damage = fc.array(fc.tuple(fc.nat(image.length - 1), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 8,
      });
      const damaged = fc.tuple(damage, fc.nat(image.length)).map(([changes, cut]) => {
        const bytes = new Uint8Array(image);
        for (const [at, value] of changes) bytes[at % 64] = bytes[at] = value;
        return bytes.subarray(0, image.length - (cut % 7 === 0 ? cut : 0));
      });
      fc.assert(fc.property(damaged, expectSane), runs(image.length > 20_000 ? 25 : 100));
    });
  }

  for (const name of SELF_DELIMITING) {
    it(`cut anywhere, is not complete: ${name}`, () => {
      const image = SEEDS[name] ?? new Uint8Array();
      expect(readDossier(image, 'x.bin').completeness).toBe('complete');
      const passedFor = new Map<string, number>();
      for (let length = 0; length < image.length; length++) {
        const { completeness } = readDossier(image.subarray(0, length), 'x.bin');
        passedFor.set(completeness, (passedFor.get(completeness) ?? 0) + 1);
      }
      expect(passedFor.get('complete')).toBeUndefined();
      // Before its second byte nothing can be told of it.
      expect(passedFor.get('unknown') ?? 0).toBeLessThanOrEqual(8);
    });

    it(`one byte changed, is noticed: ${name}`, () => {
      const image = SEEDS[name] ?? new Uint8Array();
      const flip = fc.tuple(fc.nat(image.length - 1), fc.integer({ min: 1, max: 255 }));
      const whole = readDossier(image, 'x.bin');
      fc.assert(
        fc.property(flip, ([at, change]) => {
          const bytes = new Uint8Array(image);
          bytes[at] = (bytes[at] ?? 0) ^ change;
          const dossier = readDossier(bytes, 'x.bin');
          // In gzip's own header the time and the system may change without harm to the content.
          const isSameContent = name === 'gzip' && dossier.contentBytes === whole.contentBytes;
          expect(dossier.problems.length > 0 || dossier.completeness !== 'complete' || isSameContent).toBe(true);
        }),
        runs(200),
      );
    });
  }

  it('does not let a small gzip fill the memory', () => {
    const bomb = images.gzipOf(new Uint8Array(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    expect(readDossier(bomb, 'x.gz').problems).toMatchObject([{ code: 'IMAGE_TOO_LARGE' }]);
  });
});
