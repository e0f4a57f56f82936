import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../../../src/firmware/nvs/csv.ts';
import { filesOf, fillTemplate, parseNvsTemplate } from '../../../../src/firmware/nvs/template.ts';
import { parseUnitTable } from '../../../../src/firmware/nvs/unit-table.ts';

const TEMPLATE = `key,type,encoding,value
# what every board gets
factory,namespace,,
serial,data,string,
model,data,string,lamp
key,data,hex2bin,
cert,file,binary,default.der
wifi,namespace,,
key,data,string,
`;

function badLine(line: number, message: RegExp): unknown {
  return expect.objectContaining({
    code: 'NVS_BAD_TABLE',
    message: expect.stringMatching(new RegExp(`^line ${line}: .*${message.source}`)),
  });
}

describe('CSV', () => {
  it.each<[string, string, readonly (readonly string[])[]]>([
    [
      'plain',
      'a,b\nc,d\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'of Windows, with a mark at the start',
      '\uFEFFa,b\r\nc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['with quotes', '"a, ""b""\nc",d\n', [['a, "b"\nc', 'd']]],
    ['with empty cells', ',a,\n', [['', 'a', '']]],
    ['with comments and blank lines', '# x, "\n\n , \na\n#', [['a']]],
    ['empty', '', []],
  ])('is read: %s', (_, text, cells) => {
    expect(parseCsv(text).map((row) => row.cells)).toEqual(cells);
  });

  it('counts lines as an editor does', () => {
    expect(parseCsv('# x\na\n"b\nc"\n\nd').map(({ line }) => line)).toEqual([2, 3, 6]);
  });

  it.each(['"a', 'a"b"', '"a"b'])('refuses %j', (text) => {
    expect(() => parseCsv(`x\n${text}`)).toThrow(badLine(2, /quote/));
  });
});

describe('a template', () => {
  it('with the rows of boards makes their entries', () => {
    const template = parseNvsTemplate(TEMPLATE);
    const table = 'serial,factory:key,wifi:key,cert,#note\nSN-1,00ff,secret,sn1.der,x\nSN-2,01,other,sn2.der,\n';
    const [first, second] = parseUnitTable(table, template);
    expect([first?.id, first?.line, second?.id]).toEqual(['SN-1', 2, 'SN-2']);
    const own = first?.values ?? new Map();
    expect(filesOf(template, own)).toEqual(['sn1.der']);
    expect(fillTemplate(template, own, new Map([['sn1.der', Uint8Array.of(1, 2)]]))).toEqual([
      { namespace: 'factory', key: 'serial', type: 'string', value: 'SN-1' },
      { namespace: 'factory', key: 'model', type: 'string', value: 'lamp' },
      { namespace: 'factory', key: 'key', type: 'blob', value: Uint8Array.of(0, 0xff) },
      { namespace: 'factory', key: 'cert', type: 'blob', value: Uint8Array.of(1, 2) },
      { namespace: 'wifi', key: 'key', type: 'string', value: 'secret' },
    ]);
  });

  it.each<[string, number, RegExp]>([
    ['key,value\n', 1, /first line/],
    ['key,type,encoding,value\n', 1, /no key/],
    ['key,type,encoding,value\nk,data,u8,1\n', 2, /before the first namespace/],
    ['key,type,encoding,value\nn,namespace,,\nk,date,u8,1\n', 3, /type "date"/],
    ['key,type,encoding,value\nn,namespace,,\nk,data,u9,1\n', 3, /encoding "u9"/],
    ['key,type,encoding,value\nn,namespace,,\nk,data,binary,1\n', 3, /file/],
    ['key,type,encoding,value\nn,namespace,,\nk,data,string,a,b\n', 3, /commas/],
  ])('is refused: %j', (text, line, message) => {
    expect(() => parseNvsTemplate(text)).toThrow(badLine(line, message));
  });

  it.each<[string, string, RegExp]>([
    ['u8', '1.5', /whole number/],
    ['u8', '', /has no value/],
    ['hex2bin', 'abc', /hex/],
    ['base64', 'a', /base64/],
  ])('has values of their encoding: %s %j', (encoding, value, message) => {
    const template = parseNvsTemplate(`key,type,encoding,value\nn,namespace,,\nk,data,${encoding},${value}\n`);
    expect(() => fillTemplate(template, new Map())).toThrow(badLine(3, message));
  });

  it('needs its files', () => {
    const template = parseNvsTemplate('key,type,encoding,value\nn,namespace,,\nk,file,string,a.txt\n');
    expect(() => fillTemplate(template, new Map())).toThrow(badLine(3, /a\.txt/));
    const files = new Map([['a.txt', Buffer.from('hello')]]);
    expect(fillTemplate(template, new Map(), files)).toEqual([
      { namespace: 'n', key: 'k', type: 'string', value: 'hello' },
    ]);
  });
});

describe('a table of units', () => {
  const template = parseNvsTemplate(TEMPLATE);

  it.each<[string, number, RegExp]>([
    ['', 1, /empty/],
    ['serial,factory:key,wifi:key,colour\n', 1, /colour is no key/],
    ['serial,key\n', 1, /could be factory:key or wifi:key/],
    ['serial,wifi:key\n', 1, /no column is for factory:key/],
    ['serial,factory:key,wifi:key,serial\n', 1, /2 columns are for factory:serial/],
    ['serial,factory:key,wifi:key\nSN-1,00\n', 2, /2 values for 3 columns/],
    ['serial,factory:key,wifi:key\n,00,x\n', 2, /names the row/],
    ['serial,factory:key,wifi:key\nSN-1,00,\n', 2, /no value for wifi:key/],
    ['serial,factory:key,wifi:key\nSN-1,00,x\nSN-2,01,y\nSN-1,02,z\n', 4, /"SN-1" names line 2/],
  ])('is refused: %j', (text, line, message) => {
    expect(() => parseUnitTable(text, template)).toThrow(badLine(line, message));
  });

  it('may name its rows by something that is no key', () => {
    const [row] = parseUnitTable('unit,serial,factory:key,wifi:key\n17,SN-1,00,x\n', template);
    expect([row?.id, [...(row?.values.values() ?? [])]]).toEqual(['17', ['SN-1', '00', 'x']]);
  });
});
