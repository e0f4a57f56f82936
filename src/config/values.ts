import { isIP, isIPv4 } from 'node:net';
import * as z from 'zod';
import type { ErrorCode } from '../errors.ts';
import { CHIPS, type Chip } from '../model/chip.ts';
import type { PortRange } from '../model/fields.ts';
import { notOneDevice } from '../transports/device-address.ts';
import { didYouMean } from './did-you-mean.ts';
import { describeValue, quote } from './problem.ts';
import { DURATION_PATTERN, formatDuration, formatSize, parseDuration, parseSize, SIZE_PATTERN } from './units.ts';

/** The message of every schema here: what would be right, and what stands there. */
export function expecting(what: string): { error: (issue: { readonly input?: unknown }) => string } {
  return {
    error: ({ input }) =>
      input === undefined ? `missing; expected ${what}` : `expected ${what}, found ${describeValue(input)}`,
  };
}

/** A problem of meaning, found while a value is read. `code` reaches the operator; CONFIG_BAD_VALUE unless told. */
export function refuse(context: z.RefinementCtx, message: string, code: ErrorCode = 'CONFIG_BAD_VALUE'): never {
  context.addIssue({ code: 'custom', message, params: { code } });
  return z.NEVER;
}

/** One line of printable text. YAML reads `1.10` and `yes` in its own way, so a lost quote is named as such. */
export function text(what: string) {
  const error = ({ input }: { readonly input?: unknown }) => {
    const hint = typeof input === 'number' || typeof input === 'boolean' ? '; put it in quotes' : '';
    return `${expecting(what).error({ input })}${hint}`;
  };
  return z
    .string({ error })
    .min(1, { error })
    .max(1000, { error: `expected ${what}, at most 1000 characters` })
    .refine((value) => !/[\p{Cc}\p{Cs}]/u.test(value), {
      error: `expected ${what}, without line breaks and control characters`,
    });
}

/** Text that `parse` turns into a value, or into null where it is none. */
function parsed<Value>(what: string, parse: (value: string) => Value | null) {
  return text(what).transform((value, context) => {
    const result = parse(value);
    return result ?? refuse(context, expecting(what).error({ input: value }));
  });
}

/** A whole number within a range, both ends included; `unit` is for the message. */
export function wholeNumber(min: number, max: number, unit?: string) {
  const error = expecting(`a whole number from ${min} to ${max}${unit === undefined ? '' : ` ${unit}`}`);
  return z.int(error).min(min, error).max(max, error);
}

/** `true` or `false`: `yes`, `on` and 1 are none in YAML 1.2. */
export const yesOrNo = () => z.boolean(expecting('true or false'));

/** One of a few words; a near miss is told. */
export function oneOf<const Values extends readonly string[]>(values: Values) {
  return z.enum(values, { error: oneOfMessage(values) });
}

/** The message where a value is none of `values`, with the most similar one. */
export function oneOfMessage(values: readonly string[]): (issue: { readonly input?: unknown }) => string {
  const what = values.length === 1 ? quote(values[0] ?? '') : `one of ${values.join(', ')}`;
  return ({ input }) => {
    const near = typeof input === 'string' ? didYouMean(input, values) : null;
    return `${expecting(what).error({ input })}${near === null ? '' : `; did you mean ${near}?`}`;
  };
}

/** A list; `what` names its items in the message. */
export function listOf<Item extends z.ZodType>(item: Item, what: string) {
  return z.array(item, expecting(`a list of ${what}`));
}

/** Milliseconds. */
export function duration(minMs: number, maxMs: number) {
  const what = `a duration with its unit, from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return z
    .string(expecting(what))
    .regex(DURATION_PATTERN, expecting(what))
    .transform((value, context) => {
      const durationMs = parseDuration(value);
      const isInRange = durationMs !== null && durationMs >= minMs && durationMs <= maxMs;
      return isInRange ? durationMs : refuse(context, expecting(what).error({ input: value }));
    });
}

/** Bytes. */
export function size(minBytes: number, maxBytes: number) {
  const what = `a size with its unit, from ${formatSize(minBytes)} to ${formatSize(maxBytes)}`;
  return z
    .string(expecting(what))
    .regex(SIZE_PATTERN, expecting(what))
    .transform((value, context) => {
      const sizeBytes = parseSize(value);
      const isInRange = sizeBytes !== null && sizeBytes >= minBytes && sizeBytes <= maxBytes;
      return isInRange ? sizeBytes : refuse(context, expecting(what).error({ input: value }));
    });
}

/** An absolute path. The shell's `~` would silently become a folder of that name, so it is refused. */
export function path(what: string, resolvePath: (path: string) => string) {
  return text(what)
    .refine((value) => !value.startsWith('~'), {
      error: `expected ${what}; ~ is not expanded here, write the path out`,
    })
    .transform(resolvePath);
}

/** `esp32s3`, `ESP32-S3` and `esp32_s3` are one chip. */
export const chip = () => {
  const what = `a chip (${CHIPS.join(', ')})`;
  return text(what)
    .meta({ examples: [...CHIPS] })
    .transform((value, context): Chip => {
      const folded = value.toLowerCase().replaceAll(/[-_ ]/g, '');
      const known = CHIPS.find((name) => name === folded);
      if (known !== undefined) return known;
      const near = didYouMean(value, CHIPS);
      return refuse(context, near === null ? expecting(what).error({ input: value }) : notChip(value, near));
    });
};

const notChip = (found: string, near: string) => `expected a chip, found ${quote(found)}; did you mean ${near}?`;

/** A TCP or UDP port; 0 is none. */
export const portNumber = () => wholeNumber(1, 65_535);

/** A port of this machine by its path, one across the network, or a place of the USB bus. */
export const serialPort = () =>
  parsed('a serial port such as /dev/ttyUSB0, COM3, usb:1-1.4 or rfc2217://HOST:PORT', (value) => {
    if (/^(tcp|rfc2217):/.test(value)) {
      return /^(tcp|rfc2217):\/\/(\[[0-9a-f:.]+\]|[^:/@\s]+):\d{1,5}$/i.test(value) ? value : null;
    }
    return /^(\/dev\/.+|COM\d{1,3}|(usb|usb-serial|port):.+)$/.test(value) ? value : null;
  });

/** `8266` or `"40000-40099"`. */
export function portRange() {
  const what = 'a port such as 8266, or a range such as "40000-40099", within 1 to 65535';
  const single = z
    .int(expecting(what))
    .min(1, expecting(what))
    .max(65_535, expecting(what))
    .transform((port): PortRange => ({ first: port, last: port }));
  return z.union([single, parsed(what, parsePortRange)], expecting(what));
}

function parsePortRange(value: string): PortRange | null {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(value);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  return first >= 1 && last <= 65_535 && first <= last ? { first, last } : null;
}

/** IPv4 or IPv6 in numbers, in lower case. */
export const ipAddress = () =>
  parsed('an IPv4 or IPv6 address', (value) => (isIP(value) === 0 ? null : value.toLowerCase()));

/** The same for one device: nothing is sent to a group, to all, or to nobody. */
export const deviceAddress = () =>
  ipAddress().superRefine((address, context) => {
    const what = notOneDevice(address);
    if (what !== null) refuse(context, `expected the address of one device, found ${address}, ${what}`);
  });

/** A single address or a CIDR range, as it is written. */
export const addressRange = () =>
  parsed('an address such as 10.0.7.31 or a CIDR range such as 10.0.7.0/24', (value) => {
    const [address = '', prefix, ...rest] = value.split('/');
    if (isIP(address) === 0 || rest.length > 0) return null;
    if (prefix === undefined) return value;
    const isPrefix = /^\d{1,3}$/.test(prefix) && Number(prefix) <= (isIPv4(address) ? 32 : 128);
    return isPrefix ? value : null;
  });

/** Lower case with colons. */
export const macAddress = () =>
  parsed('a MAC address such as 5c:cf:7f:01:02:03', (value) => {
    const mac = value.toLowerCase().replaceAll('-', ':');
    return /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(mac) ? mac : null;
  });

/** A MAC address of which parts may be `*`: `5c:cf:7f:*`. */
export const macPattern = () =>
  parsed('a MAC address, parts of which may be *, such as 5c:cf:7f:*', (value) => {
    const mac = value.toLowerCase().replaceAll('-', ':');
    const parts = mac.split(':');
    const isPattern = parts.length <= 6 && parts.every((part) => part === '*' || /^[0-9a-f?]{2}$/.test(part));
    return isPattern && (parts.length === 6 || parts.at(-1) === '*') ? mac : null;
  });

/** `*`, `?`, `[abc]` and `{one,two}`. An open bracket would match only itself, which nobody means. */
export const glob = (what: string) =>
  text(what).refine((value) => hasBalancedBrackets(value), {
    error: ({ input }) =>
      `${describeValue(input)} has a bracket without its partner; write \\[ for the character itself`,
  });

const CLOSING: Readonly<Record<string, string>> = { '[': ']', '{': '}' };

function hasBalancedBrackets(pattern: string): boolean {
  const open: string[] = [];
  for (const [token] of pattern.matchAll(/\\.|[[\]{}]/g)) {
    const closing = CLOSING[token];
    if (closing !== undefined) open.push(closing);
    else if (token.length === 1 && open.pop() !== token) return false;
  }
  return open.length === 0;
}

/** A name of the IANA time zone database. An offset such as +02:00 would be wrong for half of the year. */
export const timezone = () =>
  parsed('a time zone of the IANA database such as Europe/Berlin', (value) => {
    if (!/^[A-Za-z]/.test(value)) return null;
    try {
      new Intl.DateTimeFormat('en', { timeZone: value });
      return value;
    } catch {
      return null;
    }
  });

/** An address to ask; `{address}` in it stands for the device's. A password in it would end up in logs. */
export const httpUrl = () =>
  parsed('an http:// or https:// URL without user and password, such as http://{address}/health', (value) => {
    const url = URL.parse(value.replaceAll('{address}', '192.0.2.1'));
    const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
    return isPlain ? value : null;
  });
