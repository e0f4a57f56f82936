import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildNvs } from '../../../../src/firmware/nvs/build.ts';
import { INTEGER_TYPES, integerShape, type NvsEntry } from '../../../../src/firmware/nvs/entry.ts';
import { fillTemplate, parseNvsTemplate } from '../../../../src/firmware/nvs/template.ts';
import { readNvs } from '../../../devices/nvs-reader.ts';
import { runs } from '../../../runs.ts';

const PAGE = 4096;

function thrown(code: string, message?: RegExp): unknown {
  return expect.objectContaining({
    code,
    ...(message === undefined ? {} : { message: expect.stringMatching(message) }),
  });
}

function numbers(count: number, namespace = 'ns'): NvsEntry[] {
  return Array.from({ length: count }, (_, index) => ({
    namespace,
    key: `k${index}`,
    type: 'u8',
    value: BigInt(index % 256),
  }));
}

/** A template with every type, as it was given to esp-idf-nvs-partition-gen 0.2.0 for the hash below. */
const TEMPLATE = `key,type,encoding,value
factory,namespace,,
serial,data,string,SN-0001
revision,data,u8,3
offset,data,i8,-7
port,data,u16,8266
trim,data,i16,-300
id,data,u32,4294967295
bias,data,i32,-2147483648
stamp,data,u64,18446744073709551615
delta,data,i64,-9223372036854775808
secret,data,hex2bin,00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff01
token,data,base64,aGVsbG8gd29ybGQ=
cert,file,binary,cert.bin
wifi,namespace,,
ssid,data,string,"a, ""b"" ü"
`;
const CERTIFICATE = Uint8Array.from({ length: 5000 }, (_, index) => (index * 7) & 0xff);

describe('an NVS image', () => {
  it('is byte for byte what Espressif’s generator writes', () => {
    const image = buildNvs(
      [
        { namespace: 'ns', key: 'n', type: 'u16', value: 515n },
        { namespace: 'ns', key: 's', type: 'string', value: 'hi' },
        { namespace: 'ns', key: 'b', type: 'blob', value: Uint8Array.of(0xc0, 0xff, 0xee) },
      ],
      3 * PAGE,
    );
    // esp-idf-nvs-partition-gen 0.2.0, "generate" with --version 2 and 0x3000.
    const expected = [
      'feffffff00000000feffffffffffffffffffffffffffffffffffffff842dbab9',
      'aaeaffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
      '000101ff3b280e0e6e73000000000000000000000000000001ffffffffffffff',
      '010201ff580e1b8b6e0000000000000000000000000000000302ffffffffffff',
      '012102ff0b6d4933730000000000000000000000000000000300ffff89b5040d',
      '686900ffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
      '01420200631a2354620000000000000000000000000000000300ffffb25bc6ba',
      'c0ffeeffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
      '014801ffb4cf37ec62000000000000000000000000000000030000000100ffff',
    ];
    const head = Buffer.from(image.subarray(0, expected.length * 32));
    expect(head.toString('hex').match(/.{64}/g)).toEqual(expected);
    expect(image.subarray(head.length).every((byte) => byte === 0xff)).toBe(true);
    expect(image.length).toBe(3 * PAGE);
  });

  it('is so with every type and a blob over pages', () => {
    const files = new Map([['cert.bin', CERTIFICATE]]);
    const image = buildNvs(fillTemplate(parseNvsTemplate(TEMPLATE), new Map(), files), 4 * PAGE);
    expect(createHash('sha256').update(image).digest('hex')).toBe(
      '9410baaf08fdc5657aeca948f1ab66750d3dabe400264d45cefcad13c793e139',
    );
  });

  it('gives back what was put in', () => {
    const integer = fc.constantFrom(...INTEGER_TYPES).chain((type) => {
      const { widthBytes, isSigned } = integerShape(type);
      const bits = BigInt(widthBytes * 8 - (isSigned ? 1 : 0));
      return fc.record({
        type: fc.constant(type),
        value: fc.bigInt({ min: isSigned ? -(2n ** bits) : 0n, max: 2n ** bits - 1n }),
      });
    });
    const text = fc.record({
      type: fc.constant('string' as const),
      value: fc.string({ unit: 'grapheme', maxLength: 200 }).filter((value) => !value.includes('\0')),
    });
    const blob = fc.record({ type: fc.constant('blob' as const), value: fc.uint8Array({ maxLength: 9000 }) });
    const entries = fc
      .array(fc.oneof(integer, integer, text, blob), { maxLength: 40 })
      .map((values) =>
        values.map((value, index): NvsEntry => ({ namespace: `n${index % 3}`, key: `key${index}`, ...value })),
      );
    fc.assert(
      fc.property(entries, (given) => {
        expect(readNvs(buildNvs(given, 128 * PAGE))).toEqual(given);
      }),
      runs(60),
    );
  });

  it('fills page after page, and marks those that are full', () => {
    const image = buildNvs(numbers(200), 3 * PAGE);
    expect([0, 1, 2].map((page) => Buffer.from(image).readUInt32LE(page * PAGE))).toEqual([
      0xfffffffc, 0xfffffffe, 0xffffffff,
    ]);
    expect(readNvs(image)).toHaveLength(200);
  });

  it('leaves a page to the device, unless the partition is too small to be written to', () => {
    // 126 entries a page, one of them for the namespace.
    expect(readNvs(buildNvs(numbers(251), 3 * PAGE))).toHaveLength(251);
    expect(() => buildNvs(numbers(252), 3 * PAGE)).toThrow(thrown('NVS_FULL', /8,192 can be used/));
    expect(readNvs(buildNvs(numbers(251), 2 * PAGE))).toHaveLength(251);
    for (const sizeBytes of [0, 100, 5000]) expect(() => buildNvs([], sizeBytes)).toThrow(thrown('NVS_FULL'));
  });

  it('moves a string on that would fill a page to its end, as the generator does', () => {
    const string = (length: number): NvsEntry => ({
      namespace: 'ns',
      key: 's',
      type: 'string',
      value: 'x'.repeat(length),
    });
    // The namespace and 120 numbers leave five entries: 96 bytes of data take four of them, 128 all.
    const stateAfter = (length: number): number =>
      Buffer.from(buildNvs([...numbers(120), string(length - 1)], 3 * PAGE)).readUInt32LE(0);
    expect([96, 97].map(stateAfter)).toEqual([0xfffffffe, 0xfffffffc]);
  });

  it('takes the longest string there is, and no longer one', () => {
    const string = (length: number): NvsEntry => ({
      namespace: 'n',
      key: 's',
      type: 'string',
      value: 'x'.repeat(length),
    });
    expect(readNvs(buildNvs([string(3999)], 3 * PAGE))).toEqual([string(3999)]);
    expect(() => buildNvs([string(4000)], 3 * PAGE)).toThrow(thrown('NVS_BAD_ENTRY', /4001 bytes/));
  });

  it.each<[string, NvsEntry]>([
    ['a long key', { namespace: 'n', key: 'a-key-too-long-16', type: 'u8', value: 1n }],
    ['a long namespace', { namespace: 'ü'.repeat(8), key: 'k', type: 'u8', value: 1n }],
    ['no key', { namespace: 'n', key: '', type: 'u8', value: 1n }],
    ['a number too large', { namespace: 'n', key: 'k', type: 'u8', value: 256n }],
    ['a number too small', { namespace: 'n', key: 'k', type: 'i16', value: -32_769n }],
    ['a negative one where none is', { namespace: 'n', key: 'k', type: 'u64', value: -1n }],
    ['a NUL in a string', { namespace: 'n', key: 'k', type: 'string', value: 'a\0b' }],
    ['a blob beyond all', { namespace: 'n', key: 'k', type: 'blob', value: new Uint8Array(508_001) }],
  ])('is not made of %s', (_, entry) => {
    expect(() => buildNvs([entry], 256 * PAGE)).toThrow(thrown('NVS_BAD_ENTRY'));
  });

  it('holds a key once, and 254 namespaces', () => {
    const [one] = numbers(1);
    if (one === undefined) throw new Error('no entry');
    expect(() => buildNvs([one, one], 3 * PAGE)).toThrow(thrown('NVS_BAD_ENTRY', /ns:k0 is there twice/));
    const spread = Array.from({ length: 255 }, (_, index) => ({ ...one, namespace: `n${index}` }));
    expect(() => buildNvs(spread, 64 * PAGE)).toThrow(thrown('NVS_BAD_ENTRY', /254/));
  });
});

describe('reading a partition', () => {
  it('notices every damaged byte that counts', () => {
    const entries: NvsEntry[] = [
      { namespace: 'ns', key: 's', type: 'string', value: 'hello' },
      { namespace: 'ns', key: 'n', type: 'i32', value: -5n },
    ];
    const image = buildNvs(entries, 3 * PAGE);
    fc.assert(
      fc.property(fc.integer({ min: 64, max: 64 + 4 * 32 - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = image.slice();
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        const isPadding = at >= 64 + 2 * 32 + 6 && at < 64 + 3 * 32;
        if (isPadding) expect(readNvs(damaged)).toEqual(entries);
        else expect(() => readNvs(damaged)).toThrow('no sound NVS partition');
      }),
    );
  });
});
