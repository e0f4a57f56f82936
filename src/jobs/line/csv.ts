import { FlashError } from '../../errors.ts';

/** A record with the line it begins on, counted from 1. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * Reads comma-separated values (RFC 4180; line feeds alone end a record as well). Where the first line has semicolons and no commas, those
 * separate: spreadsheets write them where the comma is the decimal sign. Empty lines are left out.
 *
 * @throws FlashError UNIT_DATA_INVALID for a quote without its partner
 */
export function parseCsv(text: string): CsvRecord[] {
  const source = text.replace(/^\uFEFF/, '');
  const [head = ''] = source.split('\n', 1);
  const separator = head.includes(';') && !head.includes(',') ? ';' : ',';
  const records: CsvRecord[] = [];
  let at = 0;
  let line = 1;
  while (at < source.length) {
    const record = readRecord(source, at, separator, line);
    if (record.fields.length > 1 || record.fields[0] !== '') records.push({ line, fields: record.fields });
    at = record.end;
    line += record.lines;
  }
  return records;
}

function readRecord(source: string, start: number, separator: string, line: number) {
  const fields: string[] = [];
  let at = start;
  for (;;) {
    const field = source[at] === '"' ? quoted(source, at, line) : plain(source, at, separator);
    fields.push(field.value);
    at = field.end;
    if (source[at] !== separator) break;
    at += 1;
  }
  if (source[at] === '\r') at += 1;
  if (at < source.length && source[at] !== '\n')
    throw invalid(line, 'something stands between a closing quote and the next comma');
  const end = Math.min(source.length, at + 1);
  return { fields, end, lines: source.slice(start, end).split('\n').length - 1 };
}

function plain(source: string, start: number, separator: string): { value: string; end: number } {
  let end = start;
  while (end < source.length && source[end] !== separator && source[end] !== '\n') end += 1;
  const isLineEnd = source[end - 1] === '\r' && source[end] !== separator && end > start;
  return { value: source.slice(start, isLineEnd ? end - 1 : end), end: isLineEnd ? end - 1 : end };
}

function quoted(source: string, start: number, line: number): { value: string; end: number } {
  let value = '';
  let at = start + 1;
  for (;;) {
    const close = source.indexOf('"', at);
    if (close < 0) throw invalid(line, 'a quote has no partner');
    value += source.slice(at, close);
    if (source[close + 1] !== '"') return { value, end: close + 1 };
    value += '"';
    at = close + 2;
  }
}

function invalid(line: number, why: string): FlashError {
  return new FlashError('UNIT_DATA_INVALID', `line ${line}: ${why}`);
}
