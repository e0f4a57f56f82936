import { UNIT_STEPS, type Unit } from '../model/unit.ts';

type Column = readonly [name: string, read: (unit: Unit) => string | number | null];

/** The columns and their order are a contract with spreadsheets: new ones come at the end. */
const COLUMNS: readonly Column[] = [
  ['unit', ({ id }) => id],
  ['state', ({ state }) => state],
  ['mac', ({ board }) => board?.mac ?? null],
  ['chip', ({ board }) => board?.chip ?? null],
  ['revision', ({ board }) => board?.revision ?? null],
  ['flash_id', ({ board }) => board?.flashId ?? null],
  ['flash_bytes', ({ board }) => board?.flashSizeBytes ?? null],
  ['rule', ({ rule }) => rule],
  ['release', ({ release }) => release],
  ['slot', ({ slot }) => slot],
  ['port', ({ port }) => port],
  ['row', ({ unitData }) => unitData?.key ?? null],
  ['row_series', ({ unitData }) => unitData?.series ?? null],
  ['images', ({ images }) => images.map(({ offset, sha256 }) => `0x${offset.toString(16)}:${sha256}`).join(' ')],
  ['backup', ({ backup }) => backup],
  ['baud', ({ baudRate }) => baudRate],
  ['retries', ({ retries }) => retries],
  ...UNIT_STEPS.map((step): Column => [`${step.replace('-', '_')}_ms`, ({ steps }) => steps[step] ?? null]),
  ['started', ({ startedMs }) => new Date(startedMs).toISOString()],
  ['ended', ({ endedMs }) => (endedMs === null ? null : new Date(endedMs).toISOString())],
  ['error', ({ error }) => error?.code ?? null],
  ['message', ({ error }) => error?.message ?? null],
  ['boot_text', ({ logExcerpt }) => logExcerpt],
];

/** The records as comma-separated values (RFC 4180), with a heading. */
export function unitsCsv(units: readonly Unit[]): string {
  const rows = [COLUMNS.map(([name]) => name), ...units.map((unit) => COLUMNS.map(([, read]) => read(unit)))];
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/** A spreadsheet takes what begins like a formula for one; boards print what they like, so an apostrophe goes before it. */
function cell(value: string | number | null): string {
  if (value === null) return '';
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : `${value}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
