import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { FlashError } from '../../errors.ts';
import type { UnitDataSource } from '../../model/rule.ts';
import type { RowOffer } from '../journal/unit-rows.ts';
import { parseCsv } from './csv.ts';

/** A column of a file of per-unit data: `serial`, `port:u16`. */
export interface UnitColumn {
  readonly name: string;
  /** How NVS keeps it; `string` where the heading does not say. */
  readonly type: string;
}

export interface UnitRow extends RowOffer {
  readonly values: readonly string[];
}

/** A file of per-unit data as it is now. */
export interface UnitFile {
  readonly columns: readonly UnitColumn[];
  readonly rows: readonly UnitRow[];
}

/** Reads the file anew for each board, so that rows may be added while the line runs. Throws UNIT_DATA_UNREADABLE, UNIT_DATA_INVALID. */
export async function readUnitFile(source: UnitDataSource): Promise<UnitFile> {
  const bytes = await readFile(source.csv).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FlashError('UNIT_DATA_UNREADABLE', `${source.csv} cannot be read: ${why}`, { cause });
  });
  return parseUnitFile(bytes, source);
}

/** The same for bytes in hand. */
export function parseUnitFile(bytes: Uint8Array, { csv, key }: Pick<UnitDataSource, 'csv' | 'key'>): UnitFile {
  const fileSha256 = createHash('sha256').update(bytes).digest('hex');
  const invalid = (why: string) => new FlashError('UNIT_DATA_INVALID', `${csv}: ${why}`);
  const [head, ...records] = parseNamed(bytes, invalid);
  if (head === undefined) throw invalid('it is empty; the first line names the columns');
  const columns = head.fields.map(columnOf);
  checkNames(columns, invalid);
  const keyAt = key === null ? 0 : columns.findIndex(({ name }) => name === key);
  if (keyAt < 0) throw invalid(`it has no column "${key}"`);
  const lines = new Map<string, number>();
  const rows = records.map(({ line, fields }): UnitRow => {
    if (fields.length !== columns.length)
      throw invalid(`line ${line} has ${fields.length} values; ${columns.length} columns are named`);
    const rowKey = fields[keyAt]?.trim() ?? '';
    if (rowKey === '') throw invalid(`line ${line} has no ${columns[keyAt]?.name}`);
    const first = lines.get(rowKey);
    if (first !== undefined) throw invalid(`lines ${first} and ${line} have the same ${columns[keyAt]?.name}`);
    lines.set(rowKey, line);
    return { key: rowKey, fileSha256, line, values: fields };
  });
  return { columns, rows };
}

function parseNamed(bytes: Uint8Array, invalid: (why: string) => FlashError) {
  try {
    return parseCsv(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    if (cause instanceof FlashError) throw invalid(cause.message);
    throw invalid('it is not text in UTF-8');
  }
}

function columnOf(heading: string): UnitColumn {
  const [name = '', type = 'string'] = heading.split(':').map((part) => part.trim());
  return { name, type };
}

function checkNames(columns: readonly UnitColumn[], invalid: (why: string) => FlashError): void {
  const seen = new Set<string>();
  for (const { name } of columns) {
    if (name === '') throw invalid('a column has no name');
    if (seen.has(name)) throw invalid(`two columns are named "${name}"`);
    seen.add(name);
  }
}
