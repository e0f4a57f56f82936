import type { LogFields } from '../log.ts';

/** A value that JSON can carry as it is. */
export type Printable = string | number | boolean | null | readonly Printable[] | { readonly [key: string]: Printable };

/** How much of an error is printed. */
export interface PrintOptions {
  /** Adds the stack of errors that are not a FlashError: for `debug` and finer. */
  readonly withStacks: boolean;
}

/** Fields of the log contract come first and in this order, so that lines can be compared by eye. */
const LEADING_FIELDS = [
  'job',
  'device',
  'rule',
  'image',
  'protocol',
  'attempt',
  'step',
  'bytes',
  'elapsedMs',
  'code',
] as const;

/** The second net under "no secret is ever logged": a key with one of these words never shows its value. */
const SECRET_WORDS = new Set(['password', 'passphrase', 'secret', 'token', 'nonce', 'cnonce', 'key', 'credential']);

const LONGEST_TEXT = 2_000;
const MOST_BYTES_IN_HEX = 256;
const MOST_ENTRIES = 100;
const DEEPEST = 6;

/** The fields of one line, safe to print: ordered, bounded, without cycles, secrets and values that JSON cannot carry. */
export function printableFields(fields: LogFields, options: PrintOptions): Record<string, Printable> {
  const printed = printEntries(fields, { ...options, path: [] });
  const code = printed['code'] ?? codeOf(printed['error']);
  if (code !== undefined) printed['code'] = code;
  const ordered: Record<string, Printable> = {};
  for (const name of LEADING_FIELDS) {
    const value = printed[name];
    if (value !== undefined) ordered[name] = value;
  }
  return { ...ordered, ...printed };
}

interface Place extends PrintOptions {
  /** The objects around this one: to see cycles and depth. */
  readonly path: readonly object[];
}

function codeOf(error: Printable | undefined): Printable | undefined {
  if (error === null || typeof error !== 'object' || Array.isArray(error)) return undefined;
  return (error as Readonly<Record<string, Printable>>)['code'];
}

function printEntries(source: object, place: Place): Record<string, Printable> {
  const printed: Record<string, Printable> = {};
  const keys = Object.keys(source);
  for (const key of keys.slice(0, MOST_ENTRIES)) {
    const value = isSecretKey(key) ? '[redacted]' : print(readField(source, key), place);
    if (value !== undefined) printed[key] = value;
  }
  if (keys.length > MOST_ENTRIES) printed['…'] = `${keys.length - MOST_ENTRIES} more`;
  return printed;
}

/** `otaPassword`, `api-key` and `OTA_TOKEN` hold a secret; `keys` and `keyboard` do not. */
function isSecretKey(key: string): boolean {
  const words = key.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').split(/[^A-Za-z0-9]+/);
  return words.some((word) => SECRET_WORDS.has(word.toLowerCase()));
}

/** A getter that throws must not take the log line with it. */
function readField(source: object, key: string): unknown {
  try {
    return (source as Readonly<Record<string, unknown>>)[key];
  } catch {
    return '[unreadable]';
  }
}

function print(value: unknown, place: Place): Printable | undefined {
  switch (typeof value) {
    case 'string':
      return shorten(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case 'object':
      return value === null ? null : printObject(value, place);
    default:
      return undefined;
  }
}

function shorten(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}… (${text.length} characters)`;
}

function printObject(value: object, place: Place): Printable {
  if (place.path.includes(value)) return '[circular]';
  if (place.path.length >= DEEPEST) return '[too deep]';
  const inside = { ...place, path: [...place.path, value] };
  if (value instanceof Error) return printError(value, inside);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof Uint8Array) return printBytes(value);
  if (value instanceof Set) return printList([...value], inside);
  if (value instanceof Map) return printEntries(Object.fromEntries(value), inside);
  if (Array.isArray(value)) return printList(value, inside);
  return printEntries(value, inside);
}

function printBytes(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.subarray(0, MOST_BYTES_IN_HEX)).toString('hex');
  return bytes.length <= MOST_BYTES_IN_HEX ? hex : `${hex}… (${bytes.length} bytes)`;
}

function printList(list: readonly unknown[], place: Place): Printable {
  const printed = list.slice(0, MOST_ENTRIES).map((entry) => print(entry, place) ?? null);
  return list.length <= MOST_ENTRIES ? printed : [...printed, `… ${list.length - MOST_ENTRIES} more`];
}

/** A FlashError by its own report; any other error by name and message, with its stack where asked for. */
function printError(error: Error, place: Place): Printable {
  const printed: Record<string, Printable> =
    'toJSON' in error && typeof error.toJSON === 'function'
      ? printEntries(error.toJSON(), place)
      : printUnknownError(error, place);
  const cause = error.cause === undefined ? undefined : print(error.cause, place);
  return cause === undefined ? printed : { ...printed, cause };
}

function printUnknownError(error: Error, place: Place): Record<string, Printable> {
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const stack = place.withStacks && error.stack !== undefined ? { stack: error.stack } : {};
  return { name: error.name, ...code, message: shorten(error.message), ...stack };
}
