import { badTable, parseCsv } from './csv.ts';
import { nameOf } from './entry.ts';
import type { NvsTemplate, OwnValues, TemplateKey } from './template.ts';

/** What one board gets. */
export interface UnitRow {
  /** What its first column says: unique in the table, and what the journal knows the row by. */
  readonly id: string;
  /** In the file, from 1. */
  readonly line: number;
  readonly values: OwnValues;
}

/**
 * A table with one row a board. The first column names the row; it may be a key of the template as well, such as a serial number. Each
 * other column is a key, written `namespace:key`, or `key` alone where only one namespace has it. `#` before a column's name
 * leaves it out.
 *
 * @throws FlashError NVS_BAD_TABLE for a column that is no key, a cell without a value, and two rows of one name
 */
export function parseUnitTable(text: string, template: NvsTemplate): UnitRow[] {
  const [header, ...rows] = parseCsv(text);
  if (header === undefined) throw badTable(1, 'the table is empty');
  const columns = header.cells.map((cell, index) => columnKey(template, cell.trim(), index, header.line));
  checkColumns(template, columns, header.line);
  const lines = new Map<string, number>();
  return rows.map(({ line, cells }) => {
    if (cells.length !== columns.length) throw badTable(line, `${cells.length} values for ${columns.length} columns`);
    const id = cells[0]?.trim() ?? '';
    const twin = lines.get(id);
    if (id === '') throw badTable(line, 'its first column, which names the row, is empty');
    if (twin !== undefined) throw badTable(line, `${JSON.stringify(id)} names line ${twin} already`);
    lines.set(id, line);
    return { id, line, values: valuesOf(columns, cells, line) };
  });
}

/** Null: not a value, but the row's name or a remark. */
function columnKey(template: NvsTemplate, name: string, index: number, line: number): TemplateKey | null {
  if (name.startsWith('#')) return null;
  const found = template.filter((key) => key.key === name || nameOf(key) === name);
  const [first, second] = found;
  if (second !== undefined) throw badTable(line, `the column ${name} could be ${found.map(nameOf).join(' or ')}`);
  if (first === undefined && index > 0) throw badTable(line, `the column ${name} is no key of the template`);
  return first ?? null;
}

/** Every key without a value of its own has one column, and no key two. */
function checkColumns(template: NvsTemplate, columns: readonly (TemplateKey | null)[], line: number): void {
  for (const key of template) {
    const given = columns.filter((column) => column === key).length;
    if (given > 1) throw badTable(line, `${given} columns are for ${nameOf(key)}`);
    if (given === 0 && key.value === null)
      throw badTable(line, `no column is for ${nameOf(key)}, which has no value in the template`);
  }
}

function valuesOf(columns: readonly (TemplateKey | null)[], cells: readonly string[], line: number): OwnValues {
  const values = new Map<TemplateKey, string>();
  for (const [index, key] of columns.entries()) {
    const cell = cells[index] ?? '';
    if (key === null) continue;
    if (cell === '') throw badTable(line, `no value for ${nameOf(key)}`);
    values.set(key, cell);
  }
  return values;
}
