import type { SQLOutputValue } from 'node:sqlite';

/** One row as node:sqlite gives it. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

/** A column that the schema declares as TEXT NOT NULL. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new Error(`journal column ${column} holds no text`);
  return value;
}

/** A column that the schema declares as TEXT. */
export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

/** A column that the schema declares as INTEGER NOT NULL. */
export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new Error(`journal column ${column} holds no number`);
  return value;
}

/** A column that the schema declares as INTEGER. */
export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}

/** A column in which this program stored a value of type T as JSON. */
export function json<T>(row: Row, column: string): T {
  return JSON.parse(text(row, column)) as T;
}

/** The same where the column may be empty. */
export function jsonOrNull<T>(row: Row, column: string): T | null {
  return row[column] === null ? null : json<T>(row, column);
}

/** A value of a column that {@link jsonOrNull} reads: null is stored as none. */
export function asJson(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
