import type { ErrorCode } from '../errors.ts';

/** Said beside a config that is used all the same. Each has a section in docs/config.md. */
export type ConfigWarningCode = 'CONFIG_PLAIN_SECRET' | 'CONFIG_RULE_SHADOWED';

/** Where a value stands: keys of mappings and indexes of lists, from the top of the file. */
export type KeyPath = readonly (string | number)[];

/** One thing to correct in the config, with its place. */
export interface ConfigProblem {
  /** As it was named to the loader. */
  readonly file: string;
  /** From 1. A problem with the file as a whole stands at 1:1. */
  readonly line: number;
  /** From 1, in UTF-16 units, as editors count. */
  readonly column: number;
  /** `rules[0].update.retries`; empty for the file as a whole. */
  readonly path: string;
  readonly code: ErrorCode | ConfigWarningCode;
  /** What is wrong and, where it can be said, what would be right. Never holds a secret. */
  readonly message: string;
}

/** A problem before its line is known. */
export interface Finding {
  readonly path: KeyPath;
  /** Whether the key or its value is to blame. */
  readonly at: 'key' | 'value';
  readonly code: ConfigProblem['code'];
  readonly message: string;
}

/** `rules[0].update`; keys that are not plain words are quoted. */
export function formatPath(path: KeyPath): string {
  return path
    .map((key) => {
      if (typeof key === 'number') return `[${key}]`;
      return /^[\w-]+$/.test(key) ? `.${key}` : `[${quote(key)}]`;
    })
    .join('')
    .replace(/^\./, '');
}

/** One line per problem, in columns: `config.yaml:14:5  rules[0].protocl  CONFIG_UNKNOWN_KEY  unknown key; …`. */
export function formatProblems(problems: readonly ConfigProblem[]): string[] {
  const rows = problems.map((problem) => ({
    place: `${problem.file}:${problem.line}:${problem.column}`,
    path: problem.path === '' ? '-' : problem.path,
    code: problem.code,
    message: problem.message,
  }));
  const widest = (key: 'place' | 'path' | 'code') => Math.max(0, ...rows.map((row) => row[key].length));
  const [place, path, code] = [widest('place'), widest('path'), widest('code')];
  return rows.map(
    (row) => `${row.place.padEnd(place)}  ${row.path.padEnd(path)}  ${row.code.padEnd(code)}  ${row.message}`,
  );
}

const LONGEST_QUOTE = 60;

/** Text from the file, safe to print: short, in quotes, with everything escaped that could steer a terminal. */
export function quote(text: string): string {
  const short = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
  return JSON.stringify(short).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    const unit = character.codePointAt(0) ?? 0;
    return `\\u{${unit.toString(16)}}`;
  });
}

/** What was found, for `expected …, found …`. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : String(value);
}
