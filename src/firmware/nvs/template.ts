import { badTable, parseCsv } from './csv.ts';
import { INTEGER_TYPES, type IntegerType, type NvsEntry, type NvsValue } from './entry.ts';

/** How the text of a value becomes its bytes (ESP-IDF, "NVS Partition Generator Utility"). */
export type NvsEncoding = IntegerType | 'string' | 'hex2bin' | 'base64' | 'binary';

const ENCODINGS: readonly NvsEncoding[] = [...INTEGER_TYPES, 'string', 'hex2bin', 'base64', 'binary'];
const HEADER = ['key', 'type', 'encoding', 'value'];

/** One key of a template. */
export interface TemplateKey {
  readonly namespace: string;
  readonly key: string;
  readonly encoding: NvsEncoding;
  /** The value is the path of a file that holds it. */
  readonly isFile: boolean;
  /** Null: each board brings its own. */
  readonly value: string | null;
  readonly line: number;
}

/** In the order of the file, in which the entries are written as well. */
export type NvsTemplate = readonly TemplateKey[];

/**
 * A template: CSV in the format of nvs_partition_gen, with the columns key, type, encoding and value. A `namespace` row begins a
 * namespace; `data` and `file` rows are its keys. A key without a value gets one from each board's row of the unit table.
 *
 * @throws FlashError NVS_BAD_TABLE
 */
export function parseNvsTemplate(text: string): NvsTemplate {
  const [header, ...rows] = parseCsv(text);
  const names = header?.cells.map((cell) => cell.trim()) ?? [];
  if (names.join() !== HEADER.join()) throw badTable(header?.line ?? 1, `the first line has to be ${HEADER.join()}`);
  const keys: TemplateKey[] = [];
  let namespace: string | null = null;
  for (const { line, cells } of rows) {
    const [key = '', type = '', encoding = '', value = ''] = cells;
    if (cells.length > HEADER.length) throw badTable(line, `${cells.length} values; put a value with commas in quotes`);
    if (type.trim() === 'namespace') {
      namespace = key.trim();
      continue;
    }
    if (namespace === null) throw badTable(line, `${key} comes before the first namespace`);
    keys.push(templateKey({ namespace, key: key.trim(), type: type.trim(), encoding: encoding.trim(), value, line }));
  }
  if (keys.length === 0) throw badTable(header?.line ?? 1, 'no key follows');
  return keys;
}

interface Row {
  readonly namespace: string;
  readonly key: string;
  readonly type: string;
  readonly encoding: string;
  readonly value: string;
  readonly line: number;
}

function templateKey({ namespace, key, type, encoding: name, value, line }: Row): TemplateKey {
  const isFile = type === 'file';
  if (!isFile && type !== 'data')
    throw badTable(line, `the type ${JSON.stringify(type)}; namespace, data and file are known`);
  const encoding = ENCODINGS.find((known) => known === name.toLowerCase());
  if (encoding === undefined)
    throw badTable(line, `the encoding ${JSON.stringify(name)}; known are ${ENCODINGS.join(', ')}`);
  if (encoding === 'binary' && !isFile)
    throw badTable(line, `${key}: binary data comes from a file; write hex2bin or base64`);
  return { namespace, key, encoding, isFile, value: value === '' ? null : value, line };
}

/** The value each key of a template has, where a board's own is given by the same key. */
export type OwnValues = ReadonlyMap<TemplateKey, string>;

/** The paths of the files that a board's image needs, as the template and its own values name them. */
export function filesOf(template: NvsTemplate, own: OwnValues): string[] {
  const paths = template.filter(({ isFile }) => isFile).map((key) => own.get(key) ?? key.value);
  return [...new Set(paths.filter((path) => path !== null))];
}

/**
 * The entries of one board.
 *
 * @param files contents by the paths of {@link filesOf}
 * @throws FlashError NVS_BAD_TABLE for a value that is missing or is not of its encoding
 */
export function fillTemplate(
  template: NvsTemplate,
  own: OwnValues,
  files: ReadonlyMap<string, Uint8Array> = new Map(),
): NvsEntry[] {
  return template.map((key) => {
    const value = own.get(key) ?? key.value;
    if (value === null) throw badTable(key.line, `${key.key} has no value, and no column of the unit table gives one`);
    const content = key.isFile ? files.get(value) : undefined;
    if (key.isFile && content === undefined) throw badTable(key.line, `the file ${value} for ${key.key} is not there`);
    return { namespace: key.namespace, key: key.key, ...decode(key, content ?? Buffer.from(value)) };
  });
}

function decode(key: TemplateKey, content: Uint8Array): NvsValue {
  if (key.encoding === 'binary') return { type: 'blob', value: content };
  const text = Buffer.from(content).toString('utf8');
  switch (key.encoding) {
    case 'string':
      return { type: 'string', value: text };
    case 'hex2bin':
      return { type: 'blob', value: fromHex(key, text.trim()) };
    case 'base64':
      return { type: 'blob', value: fromBase64(key, text.trim()) };
    default:
      return { type: key.encoding, value: integer(key, text.trim()) };
  }
}

function fromHex(key: TemplateKey, text: string): Uint8Array {
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) throw badTable(key.line, `the value of ${key.key} is not pairs of hex digits`);
  return new Uint8Array(Buffer.from(text, 'hex'));
}

function fromBase64(key: TemplateKey, text: string): Uint8Array {
  const packed = text.replace(/\s/g, '');
  if (packed.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) {
    throw badTable(key.line, `the value of ${key.key} is not base64`);
  }
  return new Uint8Array(Buffer.from(packed, 'base64'));
}

function integer(key: TemplateKey, text: string): bigint {
  if (!/^([+-]?\d+|0[xX][0-9a-fA-F]+)$/.test(text))
    throw badTable(key.line, `the value of ${key.key}, ${JSON.stringify(text)}, is no whole number`);
  return BigInt(text.replace(/^\+/, ''));
}
