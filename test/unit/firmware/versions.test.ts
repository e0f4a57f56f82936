import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { versionIn } from '../../../src/firmware/image-version.ts';
import { compareVersions, hasOrder } from '../../../src/firmware/version-order.ts';
import type { StoredImage } from '../../../src/model/image.ts';

describe('the version of an image', () => {
  it.each([
    ['sensor-2.4.0.bin', null, '2.4.0'],
    ['sensor-v1.0-rc.2.bin', null, '1.0-rc.2'],
    ['sensor.bin', null, null],
    ['sensor-2.4.0.bin', { project: 'sensor', version: '2.4.1' }, '2.4.1'],
    ['sensor-2.4.0.bin', { project: 'sensor', version: '' }, '2.4.0'],
    ['sensor-2.4.0.bin', { project: 'arduino-lib-builder', version: 'esp-idf: v4.4.7' }, '2.4.0'],
  ])('of %s with %j: %s', (name, app, expected) => {
    expect(versionIn({ name, dossier: { app } } as unknown as StoredImage)).toBe(expected);
  });
});

describe('the order of versions', () => {
  it('is that of Semantic Versioning, and of what builds write', () => {
    // Semantic Versioning 2.0.0, section 11, with what `git describe` and others make of versions in between.
    const ascending = [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0-rc.1-2-gabcdef1',
      'v1.0.0',
      'v1.0.0-4-gabcdef1',
      'v1.0.0-12-gabcdef1-dirty',
      '1.0.1',
      '1.2',
      '1.2.3',
      '1.2.3.4',
      '1.2.3.10',
      '1.17.2.b1',
      '1.17.2.rc2',
      '1.17.2',
      '1.17.2.r1',
      'v1.17.2.r1-3-gabcdef1-dirty',
      'v1.17.2.r10',
      '2',
      '2.10.0',
      '2026.06.01',
      '2026.11.2',
    ];
    const sorted = ascending.toReversed().sort((left, right) => compareVersions(left, right) ?? Number.NaN);
    expect(sorted).toEqual(ascending);
  });

  it.each([
    ['1.2', '1.2.0'],
    ['v1.2.3', '1.2.3+build.7'],
    ['1.2.3-dirty', '1.2.3'],
    ['nightly', 'nightly'],
  ])('has %s and %s at one place', (left, right) => expect(compareVersions(left, right)).toBe(0));

  it.each(['nightly', 'abcdef1', '', 'esp-idf: v4.4.7', '1.2.3(tasmota)', '20260601123456789', '1.0.0-01'])(
    'has no place for %j',
    (text) => {
      expect(hasOrder(text)).toBe(false);
      expect(compareVersions(text, '1.0.0')).toBeNull();
    },
  );

  it('is the same from both sides, whatever stands there', () => {
    const part = fc.constantFrom('1', '0', '2', '10', '.', '-', 'rc', 'v', '+', 'gabcd', 'dirty');
    const version = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(version, version, (left, right) => {
        const forth = compareVersions(left, right);
        const back = compareVersions(right, left);
        expect(forth === null ? null : Math.sign(forth) + 0).toBe(back === null ? null : 0 - Math.sign(back));
      }),
    );
  });
});
