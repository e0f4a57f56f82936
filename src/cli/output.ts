import { styleText } from 'node:util';
import { FlashError } from '../errors.ts';
import type { Io, Output } from './io.ts';

/** One document and a line feed; the caller writes nothing else to stdout. */
export function printJson(io: Io, document: unknown): void {
  io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

/** Writes the lines, each with its end; nothing where there are none. */
export function printLines(output: Output, lines: readonly string[]): void {
  if (lines.length > 0) output.write(`${lines.join('\n')}\n`);
}

/** A colour or weight of `util.styleText`. */
export type Style = Parameters<typeof styleText>[0];

/** Colours on a terminal, unless the person has asked for none (no-color.org); plain text anywhere else. */
export function paint(io: Io, output: Output, style: Style, text: string): string {
  return hasColours(io, output) ? styleText(style, text, { validateStream: false }) : text;
}

/** Whether this output is a terminal whose person has not asked for plain text (no-color.org). */
export function hasColours({ env }: Io, output: Output): boolean {
  return output.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

/** Columns as wide as their widest cell, two spaces apart. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** `842 ms`, `12.3 s`, `3 min 20 s`, `2 h 5 min`, `464 d 3 h`. */
export function humanDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_950) return `${(durationMs / 1_000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 72 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `just now`, `3 min 20 s ago`. */
export function humanAge(atMs: number, nowMs: number): string {
  return nowMs - atMs < 2_000 ? 'just now' : `${humanDuration(nowMs - atMs)} ago`;
}

/** `300 B`, `12.5 kB`, `1.2 MB`: decimal units, as the config writes them. */
export function humanSize(sizeBytes: number): string {
  if (sizeBytes < 1_000) return `${Math.round(sizeBytes)} B`;
  if (sizeBytes < 999_950) return `${(sizeBytes / 1_000).toFixed(1)} kB`;
  return `${(sizeBytes / 1_000_000).toFixed(1)} MB`;
}

/** `4 MB`: a flash chip, whose sizes are powers of two and called by these in every data sheet. */
export function flashSize(sizeBytes: number): string {
  return sizeBytes < 1024 * 1024 ? `${sizeBytes / 1024} KB` : `${sizeBytes / (1024 * 1024)} MB`;
}

/** Names come from the network and from strangers; a terminal must not obey them. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  );
}

/** Code, sentence and hint. The stack of a program error only where asked for. */
export function describeError(error: unknown, withStack: boolean): string[] {
  if (error instanceof FlashError) return [`${error.code}: ${printable(error.message)}`, `  hint: ${error.hint}`];
  if (!(error instanceof Error)) return [printable(String(error))];
  if (withStack && error.stack !== undefined) return [error.stack];
  const asking = 'this is a mistake in dropflash; run it again with --verbose and report what it prints';
  return [`${error.name}: ${printable(error.message)}`, `  hint: ${asking}`];
}
