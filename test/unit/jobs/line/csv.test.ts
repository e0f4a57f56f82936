import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../../../src/jobs/line/csv.ts';

const fieldsOf = (text: string) => parseCsv(text).map(({ fields }) => fields);

describe('parseCsv', () => {
  it('reads quotes, empty fields, both line ends and a mark at the beginning', () => {
    expect(fieldsOf('\uFEFFa,b,c\r\n1,,"x, ""y""\nz"\n\n4,5,6')).toEqual([
      ['a', 'b', 'c'],
      ['1', '', 'x, "y"\nz'],
      ['4', '5', '6'],
    ]);
  });

  it('counts lines, also over a field of several', () => {
    expect(parseCsv('a\n"1\n2"\nb').map(({ line }) => line)).toEqual([1, 2, 4]);
  });

  it('takes semicolons where the first line has them and no commas', () => {
    expect(fieldsOf('a;b\n1,5;2\n')).toEqual([
      ['a', 'b'],
      ['1,5', '2'],
    ]);
  });

  it.each(['"a', '"a"b,c'])('refuses %j', (text) => {
    expect(() => parseCsv(text)).toThrow('line 1');
  });

  it('reads back whatever is quoted', () => {
    const field = fc.string({ unit: 'grapheme' });
    const table = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(table, (rows) => {
        const quote = (value: string) => `"${value.replaceAll('"', '""')}"`;
        const head = ['h1', 'h2'];
        const text = [head, ...rows].map((row) => row.map(quote).join(',')).join('\r\n');
        expect(fieldsOf(text)).toEqual([head, ...rows]);
      }),
    );
  });
});
