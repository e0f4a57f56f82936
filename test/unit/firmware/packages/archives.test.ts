import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDossier } from '../../../../src/firmware/dossier.ts';
import type { PackageFiles } from '../../../../src/firmware/packages/archive.ts';
import { openTar, packTar } from '../../../../src/firmware/packages/tar.ts';
import { isTarGz, openTarGz } from '../../../../src/firmware/packages/tar-gz.ts';
import { openZip } from '../../../../src/firmware/packages/zip.ts';
import * as images from '../../../fixtures/images.ts';
import { runs } from '../../../runs.ts';

const FILES = { 'a.bin': new Uint8Array(5000).fill(7), 'folder/b.txt': 'hello', empty: '' };

function expectFiles({ paths, read }: PackageFiles): void {
  expect([...paths].sort()).toEqual(['a.bin', 'empty', 'folder/b.txt']);
  expect(Buffer.from(read('a.bin') ?? [])).toEqual(Buffer.from(FILES['a.bin']));
  expect(Buffer.from(read('folder/b.txt') ?? []).toString()).toBe('hello');
  expect(read('empty')?.length).toBe(0);
  expect(read('c')).toBeNull();
}

function refusal(code: string): unknown {
  return expect.objectContaining({ code });
}

describe('a ZIP archive', () => {
  it.each([true, false])('gives its files, stored: %s', (isStored) => {
    expectFiles(openZip(images.buildZip(FILES, { isStored })));
  });

  it('may have folders, a comment, and what macOS adds', () => {
    const zip = images.buildZip({ 'folder/': '', ...FILES, '__MACOSX/._a.bin': 'x' });
    const commented = Buffer.concat([zip.subarray(0, -2), Buffer.from([5, 0]), Buffer.from('PK\x05\x06!')]);
    expectFiles(openZip(commented));
  });

  it('of Windows has other slashes', () => {
    expect(openZip(images.buildZip({ 'build\\app.bin': 'x' })).paths).toEqual(['build/app.bin']);
  });

  it.each(['../a.bin', '/etc/passwd', 'C:\\a.bin', 'x/../../a', 'a\u0000.bin', '.'])(
    'is refused for the name %j',
    (name) => {
      expect(() => openZip(images.buildZip({ [name]: 'x' }))).toThrow(refusal('PACKAGE_REFUSED'));
    },
  );

  it('is refused for links, passwords, two files of one name, and other methods', () => {
    const twice = [
      ['a', 'x'],
      ['./a', 'y'],
    ] as const;
    expect(() => openZip(images.buildZip(twice))).toThrow(refusal('PACKAGE_REFUSED'));
    expect(() => openZip(images.buildZip(FILES, { unixMode: 0o120777 }))).toThrow(refusal('PACKAGE_REFUSED'));
    expect(() => openZip(images.buildZip(FILES, { flags: 1 }))).toThrow(refusal('PACKAGE_REFUSED'));
  });

  it('is refused where its files are larger than any package, before they are unpacked', () => {
    const zip = openZip(images.buildZip({ bomb: new Uint8Array(1000) }, { sizeBytes: 65 * 1024 * 1024 }));
    expect(() => zip.read('bomb')).toThrow(refusal('PACKAGE_REFUSED'));
  });

  it('is damaged where a file is not what its directory says', () => {
    for (const lie of [{ crc: 1 }, { sizeBytes: 10 }, { sizeBytes: 6000 }]) {
      expect(() => openZip(images.buildZip(FILES, lie)).read('a.bin')).toThrow(refusal('IMAGE_CORRUPT'));
    }
  });

  it('is truncated at every byte but the last', () => {
    const zip = images.buildZip({ a: 'hello' });
    for (let length = 4; length < zip.length; length++) {
      expect(readDossier(zip.subarray(0, length), 'x').completeness, String(length)).toBe('truncated');
    }
  });
});

describe('a tar archive', () => {
  it('gives its files', () => {
    expectFiles(openTar(images.buildTar(FILES)));
    expectFiles(openTarGz(images.buildTarGz(FILES)));
  });

  it('may have folders, long names of both kinds, and what macOS adds', () => {
    const long = `${'d'.repeat(120)}/${'f'.repeat(120)}`;
    const pax = `path=${long}/pax\n`;
    const tar = images.buildTar([
      { name: 'folder/', type: '5' },
      { name: '@LongLink', type: 'L', content: `${long}/gnu\0` },
      { name: 'short', content: 'gnu' },
      { name: 'PaxHeader', type: 'x', content: `${pax.length + 4} ${pax}` },
      { name: 'short', content: 'pax' },
      { name: 'folder/._a.bin', content: 'x' },
    ]);
    expect(openTar(tar).paths).toEqual([`${long}/gnu`, `${long}/pax`]);
  });

  it.each([
    ['a symbolic link', { name: 'a', type: '2' }],
    ['a hard link', { name: 'a', type: '1' }],
    ['a device', { name: 'a', type: '3' }],
    ['a way out', { name: '../a' }],
    ['an absolute path', { name: '/a' }],
    ['a file with holes', { name: 'x', type: 'x', content: '22 GNU.sparse.major=1\n' }],
  ])('is refused for %s', (_, entry) => {
    expect(() => openTar(images.buildTar([entry]))).toThrow(refusal('PACKAGE_REFUSED'));
  });

  it('is refused where it inflates to more than any package', () => {
    const bomb = gzipSync(
      Buffer.concat([images.buildTar({ a: 'x' }).subarray(0, 1024), Buffer.alloc(65 * 1024 * 1024)]),
    );
    expect(isTarGz(bomb)).toBe(true);
    expect(() => openTarGz(bomb)).toThrow(refusal('PACKAGE_REFUSED'));
  });

  it('is damaged where a header is', () => {
    const tar = images.buildTar({ ...FILES });
    tar[512 + 5120] = 0x41;
    expect(() => openTar(tar)).toThrow(refusal('IMAGE_CORRUPT'));
  });

  it('is truncated without its end', () => {
    expect(() => openTar(images.buildTar(FILES).subarray(0, -1024))).toThrow(refusal('IMAGE_TRUNCATED'));
    expect(readDossier(images.buildTarGz(FILES).subarray(0, -20), 'x').completeness).toBe('truncated');
  });

  it('is the same bytes for the same files', () => {
    const files = Object.entries(FILES).map(([path, content]) => ({ path, bytes: Buffer.from(content) }));
    expectFiles(openTar(packTar(files)));
    const deep = `${'d'.repeat(90)}/${'f'.repeat(90)}`;
    expect(openTar(packTar([{ path: deep, bytes: new Uint8Array(3) }])).paths).toEqual([deep]);
    expect(() => packTar([{ path: 'x'.repeat(101), bytes: new Uint8Array() }])).toThrow(refusal('PACKAGE_REFUSED'));
  });
});

describe('the dossier of a package', () => {
  it('tells what goes where', () => {
    const dossier = readDossier(images.buildZip(images.espIdfBuild()), 'build.zip');
    expect(dossier).toMatchObject({
      kind: 'package',
      container: 'zip',
      chip: 'esp32c3',
      completeness: 'complete',
      app: { project: 'sensor', version: '2.1.0' },
      problems: [],
      package: {
        source: 'esp-idf',
        sets: [{ chip: 'esp32c3', parts: [{ offset: 0 }, {}, {}, { offset: 0x10000, kind: 'app' }] }],
      },
    });
  });

  it('leaves gzip images to their own reader', () => {
    expect(readDossier(images.gzipOf(images.buildEsp8266App()), 'x').kind).toBe('app');
  });

  it('is made of damaged archives', () => {
    const seeds = [
      images.buildZip(images.arduinoBuild()),
      images.buildTar(images.pycomPackage()),
      images.buildTarGz(images.espIdfBuild()),
    ];
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.constantFrom(...seeds), damage, fc.nat(), (seed, changes, cut) => {
        const bytes = seed.slice(0, cut % 3 === 0 ? cut % seed.length : undefined);
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        const dossier = readDossier(bytes, 'x');
        expect(JSON.parse(JSON.stringify(dossier))).toEqual(dossier);
      }),
      runs(200),
    );
  });
});
