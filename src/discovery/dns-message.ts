/**
 * The checked border to what multicast-dns hands over: its packets come from the network and are typed `any`. Everything
 * behind this file is one of the record kinds that DNS-SD needs (RFC 6763, section 4), with names that are fit to print.
 */

/** A question: lower-case name and its type (`PTR`, `SRV`, …, `ANY`). */
export interface DnsQuestion {
  readonly name: string;
  readonly type: string;
}

interface RecordBase {
  /** As sent; compare with {@link foldName}. */
  readonly name: string;
  /** Seconds; 0 says goodbye (RFC 6762, section 10.1). */
  readonly ttl: number;
  /** The cache-flush bit (RFC 6762, section 10.2). */
  readonly flush: boolean;
}

/** A resource record of one of the kinds that discovery uses (RFC 1035, 2782, 3596). */
export type DnsRecord = RecordBase &
  (
    | { readonly type: 'PTR'; readonly target: string }
    | { readonly type: 'SRV'; readonly target: string; readonly port: number }
    | { readonly type: 'TXT'; readonly strings: readonly Uint8Array[] }
    | { readonly type: 'A' | 'AAAA'; readonly address: string }
  );

/** What somebody asks. */
export interface DnsQuery {
  readonly questions: readonly DnsQuestion[];
  /**
   * A host that starts asks whether its own names are taken (RFC 6762, section 8.1), and says in the authority section what records it
   * means to have. Nobody answers for it.
   */
  readonly isProbe: boolean;
  /** Those records, as far as they are of the kinds known here. */
  readonly claims: readonly DnsRecord[];
}

/** What somebody says, asked or unasked. */
export interface DnsResponse {
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  /** Records left out because a name or value in them cannot be right. */
  readonly unfitCount: number;
}

/** RFC 6762 has 9000 bytes for a message (section 17); no honest one holds more records than this. */
const MAX_RECORDS = 1024;

/** DNS names ignore the case of ASCII letters only (RFC 6762, section 16). */
export function foldName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Takes what the decoder made of a datagram, whatever that is; what is not a question is left out. */
export function readQuery(packet: unknown): DnsQuery {
  const questions = listOf(packet, 'questions').flatMap((question) => {
    const { name, type } = fieldsOf(question);
    return typeof name === 'string' && typeof type === 'string' ? [{ name: foldName(name), type }] : [];
  });
  const authorities = listOf(packet, 'authorities');
  return { questions, isProbe: authorities.length > 0, claims: authorities.map(readRecord).filter(isRecord) };
}

/** Takes what the decoder made of a datagram, whatever that is; what cannot be right is left out and counted. */
export function readResponse(packet: unknown): DnsResponse {
  const answers = listOf(packet, 'answers');
  const additionals = listOf(packet, 'additionals');
  const kept = { answers: answers.map(readRecord), additionals: additionals.map(readRecord) };
  return {
    answers: kept.answers.filter(isRecord),
    additionals: kept.additionals.filter(isRecord),
    unfitCount: [...kept.answers, ...kept.additionals].filter((record) => record === 'unfit').length,
  };
}

type Reading = DnsRecord | 'foreign' | 'unfit';

function isRecord(reading: Reading): reading is DnsRecord {
  return typeof reading !== 'string';
}

function readRecord(value: unknown): Reading {
  const { name, type, ttl, flush, data, class: dnsClass } = fieldsOf(value);
  if (typeof type !== 'string' || !isWanted(type) || dnsClass !== 'IN') return 'foreign';
  if (typeof name !== 'string' || !isPrintable(name) || typeof ttl !== 'number') return 'unfit';
  const base = { name, ttl, flush: flush === true };
  switch (type) {
    case 'PTR':
      return typeof data === 'string' && isPrintable(data) ? { ...base, type, target: data } : 'unfit';
    case 'SRV': {
      const { target, port } = fieldsOf(data);
      const isFit = typeof target === 'string' && isPrintable(target) && typeof port === 'number' && port > 0;
      return isFit ? { ...base, type, target, port } : 'unfit';
    }
    case 'TXT':
      return { ...base, type, strings: Array.isArray(data) ? data.filter((part) => part instanceof Uint8Array) : [] };
    case 'A':
    case 'AAAA':
      return typeof data === 'string' ? { ...base, type, address: data } : 'unfit';
  }
}

function isWanted(type: string): type is DnsRecord['type'] {
  return type === 'PTR' || type === 'SRV' || type === 'TXT' || type === 'A' || type === 'AAAA';
}

/**
 * Instance names are UTF-8 without control characters (RFC 6763, section 4.1.1). U+FFFD is what the decoder puts in the place of
 * bytes that are no UTF-8: two such names could look alike, so neither is taken.
 */
function isPrintable(name: string): boolean {
  return name.length > 0 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\uFFFD]/u.test(name);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function listOf(packet: unknown, section: string): unknown[] {
  const list = fieldsOf(packet)[section];
  return Array.isArray(list) ? list.slice(0, MAX_RECORDS) : [];
}
