import { styleText } from 'node:util';
import type { LogFields, LogLevel } from '../log.ts';
import { type Printable, printableFields } from './log-fields.ts';

/** One line of the log before it is text. */
export interface LogRecord {
  readonly atMs: number;
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

/** How lines are written. */
export interface LineOptions {
  /** Stacks of unknown errors: when the log is at `debug` or finer. */
  readonly withStacks: boolean;
}

/** Beyond this a line would be cut by journald (LineMax=48K) and stop being JSON. */
const LONGEST_LINE = 32_000;

/** One JSON object: `ts`, `level`, `event`, then the fields of the contract, then the others. */
export function jsonLine(record: LogRecord, options: LineOptions): string {
  const head = { ts: new Date(record.atMs).toISOString(), level: record.level, event: record.event };
  const fields = withoutHead(printableFields(record.fields, options));
  const line = toJson({ ...head, ...fields });
  if (line.length <= LONGEST_LINE) return line;
  return toJson({ ...head, ...keepShort(fields), truncatedFrom: line.length });
}

const LEVEL_STYLE = { error: 'red', warn: 'yellow', info: 'green', debug: 'blue', trace: 'gray' } as const;

/** The same line for people: time of day, level, event, fields as `name=value`. Never more than one line, except stacks. */
export function prettyLine(record: LogRecord, options: LineOptions & { readonly colours: boolean }): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    options.colours ? styleText(style, text, { validateStream: false }) : text;
  const time = new Date(record.atMs).toISOString().slice(11, 23);
  const level = paint(LEVEL_STYLE[record.level], record.level.toUpperCase().padEnd(5));
  const { error, ...fields } = withoutHead(printableFields(record.fields, options));
  const pairs = Object.entries(fields).map(([name, value]) => `${paint('dim', `${name}=`)}${prettyValue(value)}`);
  return [paint('dim', time), level, paint('bold', record.event), ...pairs, ...prettyError(error)].join(' ');
}

/** A field may not pass for the line's own time, level or event. */
function withoutHead(fields: Record<string, Printable>): Record<string, Printable> {
  const { ts, level, event, ...rest } = fields;
  const renamed = { ts_: ts, level_: level, event_: event };
  const moved = Object.entries(renamed).filter((entry): entry is [string, Printable] => entry[1] !== undefined);
  return { ...rest, ...Object.fromEntries(moved) };
}

function keepShort(fields: Record<string, Printable>): Record<string, Printable> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, toJson(value).length <= 1_000 ? value : '[too long]']),
  );
}

/**
 * JSON.stringify escapes what JSON asks for. Device names and file names come from outside, and a log is read in terminals: the
 * C1 controls, line separators and text-direction marks are escaped as well, so that no name can move the cursor or hide text.
 */
function toJson(value: Printable): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function prettyValue(value: Printable): string {
  if (typeof value !== 'string') return toJson(value);
  return /^[\w.:/@+-]+$/.test(value) ? value : toJson(value);
}

/** An error reads as a sentence with its hint, not as an object. */
function prettyError(error: Printable | undefined): string[] {
  if (error === undefined || error === null) return [];
  if (typeof error !== 'object' || Array.isArray(error)) return [`error=${prettyValue(error)}`];
  const { message, hint, stack, ...rest } = error as Readonly<Record<string, Printable>>;
  const { code: _shownBefore, name: _partOfStack, ...others } = rest;
  return [
    ...(message === undefined ? [] : [`error=${prettyValue(message)}`]),
    ...(hint === undefined ? [] : [`hint=${prettyValue(hint)}`]),
    ...(Object.keys(others).length === 0 ? [] : [`details=${toJson(others)}`]),
    ...(typeof stack === 'string' ? [`\n${stack}`] : []),
  ];
}
