import { describe, expect, it } from 'vitest';
import { describeDossier } from '../../../src/firmware/describe.ts';
import { readDossier } from '../../../src/firmware/dossier.ts';
import * as images from '../../fixtures/images.ts';

function lines(bytes: Uint8Array): string[] {
  return describeDossier(readDossier(bytes, 'sensor.bin'));
}

describe('the text of a dossier', () => {
  it('tells an application, aligned', () => {
    const image = images.buildEsp32App({ chip: 'esp32s3', minRevision: 2, maxRevision: 199, project: 'sensor' });
    const text = lines(image);
    expect(text.slice(0, 9)).toEqual([
      'kind        application, format esp32',
      'chip        ESP32-S3 from revision 0.2 up to revision 1.99',
      'size        4,000 bytes',
      'complete    yes',
      'flash       DIO, 4 MB, 80 MHz',
      'entry       0x40080400',
      'project     sensor',
      'version     1.0.0',
      'built       Jan  2 2025 12:34:56, ESP-IDF v5.3.1',
    ]);
    expect(text.slice(-4)).toEqual([
      'segments',
      '  0x3c000020  DROM  at 0x20   256 bytes',
      '  0x3fc88000  DRAM  at 0x128  64 bytes',
      '  0x42020170  IROM  at 0x170  3,584 bytes',
    ]);
  });

  it('tells sizes for people and to the byte', () => {
    const text = lines(images.gzipOf(images.buildEsp8266App({ sizeBytes: 1_500_000 })));
    expect(text[2]).toMatch(/^size {8}1\.4 MB \([\d,]+ bytes\), gzip; inflates to 1\.4 MB \(1,500,000 bytes\)$/);
  });

  it('tells parts and partitions of a merged image', () => {
    const text = lines(images.buildMerged());
    expect(text).toContain('  bootloader       0x1000   16 KB (16,384 bytes)');
    expect(text).toContain('  app0     app ota_0    0x10000   1.3 MB (1,310,720 bytes)');
  });

  it('tells problems with their code and what to do', () => {
    const text = lines(images.buildEsp32App().subarray(0, 1000));
    expect(text).toContain('complete    no, its end is missing');
    expect(text.at(-1)).toMatch(
      /^problem: IMAGE_TRUNCATED sensor\.bin: the file ends at 1,000 bytes.* Copy the file again/,
    );
  });

  it('finds words for every kind', () => {
    const kinds = [
      images.buildPartitionTable(),
      images.buildOtadata(),
      images.buildLittleFs(),
      images.buildEsp32Bootloader(),
      images.signArduino(images.buildEsp8266App()),
      new Uint8Array([1, 2, 3]),
      new Uint8Array(),
    ];
    for (const image of kinds) expect(lines(image).join('\n')).not.toMatch(/undefined|null|NaN/);
  });
});
