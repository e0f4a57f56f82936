import { FILE_NAMES, type FileName, LONGEST_REQUEST, ROM_PATH } from './constants.ts';

/** What a module wants to know. */
export type Question =
  /** Is there something new? */
  | { readonly kind: 'version'; readonly token: string | null }
  /** The image, or with HEAD only how long it is. `version` is what the first answer said, cut or not: a hint. */
  | {
      readonly kind: 'download';
      readonly method: 'GET' | 'HEAD';
      readonly file: FileName;
      readonly version: string | null;
      readonly token: string | null;
    };

/** What has arrived so far, as a request. */
export type RequestReading =
  | { readonly kind: 'incomplete' }
  /** No question of a module: nothing is answered. `reason` is for people. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'question'; readonly question: Question };

const HEAD_END = Buffer.from('\r\n\r\n');
const REQUEST_LINE = /^(GET|HEAD) (\/[\x21-\x7e]{0,1023}) HTTP\/1\.[01]$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]*)$/;
/** 40 hex digits in every build of Espressif; others may have made up their own. */
const TOKEN = /^token ([0-9A-Za-z_-]{1,64})$/;
const VERSION = /^[\x21-\x7e]{0,32}$/;

/**
 * Reads what has arrived on a connection: one request without a body, and nothing behind it. Everything else is refused, however
 * harmless: an answer to what was not understood may end up in the flash of a module. Pure, and total.
 */
export function readRequest(bytes: Uint8Array): RequestReading {
  const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(HEAD_END);
  if (end === -1 && bytes.length <= LONGEST_REQUEST) return INCOMPLETE;
  if (end === -1 || end > LONGEST_REQUEST) return refused(`its request has no end within ${LONGEST_REQUEST} bytes`);
  if (bytes.length > end + HEAD_END.length) return refused('something follows its request');
  return readHead(Buffer.from(bytes.subarray(0, end)).toString('latin1'));
}

function readHead(head: string): RequestReading {
  const [requestLine = '', ...lines] = head.split('\r\n');
  const [, method, target] = REQUEST_LINE.exec(requestLine) ?? [];
  if (method === undefined || target === undefined) return refused('it does not begin with a GET or HEAD of HTTP/1');
  const headers = readHeaders(lines);
  if (headers === null) return refused('its header lines are none, or stand there twice');
  // ESP-IDF's HTTP client says that its GET has a body of no bytes.
  if ((headers.get('content-length') ?? '0') !== '0' || headers.has('transfer-encoding')) {
    return refused('it announces a body');
  }
  const token = TOKEN.exec(headers.get('authorization') ?? '')?.[1] ?? null;
  const question = readTarget(method === 'HEAD' ? 'HEAD' : 'GET', target, token);
  return question === null ? refused('it asks for nothing that is here') : { kind: 'question', question };
}

const INCOMPLETE: RequestReading = { kind: 'incomplete' };

function refused(reason: string): RequestReading {
  return { kind: 'refused', reason };
}

/** By lower case name. Null: a line that is none, or one that stands there twice. */
function readHeaders(lines: readonly string[]): ReadonlyMap<string, string> | null {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return null;
    const key = name.toLowerCase();
    if (headers.has(key)) return null;
    headers.set(key, value.trim());
  }
  return headers;
}

/** `/v1/device/rom/?…` as modules ask; `/user1.bin` as the SDK's example for own servers does (AT_CUSTOM_UPGRADE), and AT+USEROTA. */
function readTarget(method: 'GET' | 'HEAD', target: string, token: string | null): Question | null {
  const [path = '', query = null, ...more] = target.split('?');
  if (more.length > 0) return null;
  if (path === ROM_PATH && query !== null) return readQuery(method, query, token);
  const [, pathToken = null, name] = /^\/(?:([0-9A-Za-z_-]{1,64})\/)?([a-z0-9.]+)$/.exec(path) ?? [];
  const file = FILE_NAMES.find((one) => one === name);
  if (file === undefined || query !== null) return null;
  return { kind: 'download', method, file, version: null, token: pathToken ?? token };
}

/** Exactly the parameters that a module sends: what mixes the two questions is neither. */
function readQuery(method: 'GET' | 'HEAD', query: string, token: string | null): Question | null {
  const pairs = query.split('&').map((pair) => /^([a-z_]+)=([^=]*)$/.exec(pair));
  const parameters = new Map(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
  if (pairs.includes(null) || parameters.size !== pairs.length) return null;
  if (parameters.size === 1 && parameters.get('is_format_simple') === 'true') {
    return method === 'GET' ? { kind: 'version', token } : null;
  }
  const file = FILE_NAMES.find((name) => name === parameters.get('filename'));
  const version = parameters.get('version');
  const isDownload = parameters.size === 3 && parameters.get('action') === 'download_rom';
  if (!isDownload || file === undefined || version === undefined || !VERSION.test(version)) return null;
  return { kind: 'download', method, file, version, token };
}
