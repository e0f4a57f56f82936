/** RFC 6763, section 6.2 recommends at most 1300 bytes; a device that says more than this is not describing itself. */
const MAX_TXT_BYTES = 1300;
const MAX_TXT_KEYS = 64;

/**
 * TXT strings as key and value (RFC 6763, section 6.4): keys in lower case, the first of equal keys counts, `key` alone is an
 * empty value; what is no key (empty, not printable ASCII) is left out. Control characters in values become U+FFFD.
 */
export function readTxt(strings: readonly Uint8Array[]): Readonly<Record<string, string>> {
  const pairs = new Map<string, string>();
  let sizeBytes = 0;
  for (const bytes of strings) {
    sizeBytes += bytes.length + 1;
    if (sizeBytes > MAX_TXT_BYTES || pairs.size >= MAX_TXT_KEYS) break;
    const text = Buffer.from(bytes).toString('utf8');
    const equals = text.indexOf('=');
    const key = (equals === -1 ? text : text.slice(0, equals)).toLowerCase();
    if (!/^[\x20-\x7e]+$/.test(key) || pairs.has(key)) continue;
    pairs.set(key, equals === -1 ? '' : text.slice(equals + 1).replace(/\p{Cc}/gu, '\uFFFD'));
  }
  return Object.fromEntries(pairs);
}
