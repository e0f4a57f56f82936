import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageAnswer, lengthAnswer, versionAnswer, versionTag } from '../../../../src/protocols/espat-cloud/answers.ts';
import { SEGMENT_SIZES } from '../../../../src/protocols/espat-cloud/constants.ts';

/** lwIP's smallest segment: a module reads so many bytes at most of the first answer. */
const ONE_SEGMENT = 536;

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

describe('the answer to the version question', () => {
  it('is what every generation looks for, in one small segment', () => {
    const answer = text(versionAnswer('v9.99'));
    expect(answer).toBe(
      'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 130\r\nConnection: close\r\n\r\n' +
        '{"recommended_rom_version": "v9.99", "status": 200, "productRoms": [{"recommended": 1, "version": "v9.99", "life_cycle": "beta"}]}',
    );
    expect(answer.length).toBeLessThan(ONE_SEGMENT);
    // AT up to 1.7.4 skips the quote and takes five characters; 1.7.6 and ESP-AT read up to the next quote.
    expect(answer.split('rom_version": ')[1]?.slice(1, 6)).toBe('v9.99');
    expect(/recommended_rom_version": "([^"]*)"/.exec(answer)?.[1]).toBe('v9.99');
    expect(answer).toContain('status');
  });

  it('names no version where there is nothing', () => {
    expect(text(versionAnswer(null))).not.toContain('rom_version');
  });

  it('always has a version of five characters', () => {
    fc.assert(fc.property(fc.string(), (seed) => /^v\d\.\d\d$/.test(versionTag(seed))));
  });
});

describe('the answers to HEAD and GET', () => {
  it('have status, length and empty line in the first segment, and the image right behind', () => {
    const image = new Uint8Array(5000).fill(7);
    const head = text(lengthAnswer(image.length));
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*Content-Length: 5000\r\n(?:.*\r\n)*\r\n$/);
    expect(head.length).toBeLessThan(ONE_SEGMENT);
    expect(text(imageAnswer(image))).toBe(head + text(image));
  });

  it('never leave one to three bytes for the last segment, whatever the size of segments', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_100_000 }), (sizeBytes) => {
        const total = lengthAnswer(sizeBytes).length + sizeBytes;
        for (const segment of SEGMENT_SIZES) expect([1, 2, 3]).not.toContain(total % segment);
      }),
    );
  });

  it('are never made for an image of no bytes', () => {
    expect(() => lengthAnswer(0)).toThrow(RangeError);
    expect(() => imageAnswer(new Uint8Array())).toThrow(RangeError);
  });
});
