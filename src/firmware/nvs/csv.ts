import { FlashError } from '../../errors.ts';

/** One record, which may have several lines. */
export interface CsvRow {
  /** Where it begins in the file, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** A field in quotes with doubled quotes inside, or a bare one; and what ends it (RFC 4180, section 2). */
const FIELD = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\r|$)/y;

/**
 * The rows of a CSV file (RFC 4180). Lines without a word in them and lines that begin with `#` are left out.
 *
 * @throws FlashError NVS_BAD_TABLE for a quote that is not closed or stands in the middle
 */
export function parseCsv(text: string): CsvRow[] {
  const content = text.replace(/^\uFEFF/, '');
  const rows: CsvRow[] = [];
  let line = 1;
  for (let at = 0; at < content.length; ) {
    const { cells, endsAt } = content[at] === '#' ? comment(content, at) : record(content, at, line);
    if (cells.some((cell) => cell.trim() !== '')) rows.push({ line, cells });
    line += content.slice(at, endsAt).split('\n').length - 1;
    at = endsAt;
  }
  return rows;
}

interface Record {
  readonly cells: readonly string[];
  /** Where the next begins. */
  readonly endsAt: number;
}

function comment(content: string, at: number): Record {
  const end = content.indexOf('\n', at);
  return { cells: [], endsAt: end === -1 ? content.length : end + 1 };
}

function record(content: string, start: number, line: number): Record {
  const cells: string[] = [];
  let at = start;
  for (;;) {
    FIELD.lastIndex = at;
    const match = FIELD.exec(content);
    if (match === null) throw badTable(line, 'a quote is not closed, or stands in the middle of a value');
    const [whole, quoted, bare = '', end = ''] = match;
    cells.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    at += whole.length;
    if (end !== ',') return { cells, endsAt: at };
  }
}

/** NVS_BAD_TABLE; `line` counts from 1. */
export function badTable(line: number, why: string): FlashError {
  return new FlashError('NVS_BAD_TABLE', `line ${line}: ${why}`, { details: { line } });
}
