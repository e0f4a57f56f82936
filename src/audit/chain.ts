import { createHash } from 'node:crypto';

/** A place in the chain: after the record `seq`, whose hash is `hash`. */
export interface Link {
  readonly seq: number;
  readonly hash: string;
}

/** Before the first record. */
export const GENESIS: Link = { seq: 0, hash: '0'.repeat(64) };

/** What a record tells. */
export interface Told {
  /** Epoch ms. */
  readonly atMs: number;
  readonly event: string;
  /** Its number in the journal's outbox; null for what the audit log tells of itself. */
  readonly entry: number | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One record as it stands in the file. */
export interface AuditRecord {
  readonly seq: number;
  readonly at: string;
  readonly event: string;
  readonly entry: number | null;
  readonly data: Readonly<Record<string, unknown>>;
  /** The hash of the record before it. */
  readonly prev: string;
  /** SHA-256 of the line's own bytes without this key. */
  readonly hash: string;
}

/** The next line of the chain, without its line feed, and the link that it makes. */
export function seal(
  previous: Link,
  { atMs, event, entry, data }: Told,
): { readonly line: string; readonly link: Link } {
  const seq = previous.seq + 1;
  const body = JSON.stringify({ seq, at: new Date(atMs).toISOString(), event, entry, data, prev: previous.hash });
  const hash = sha256(body);
  return { line: `${body.slice(0, -1)},"hash":"${hash}"}`, link: { seq, hash } };
}

const LINE = /^(\{.*),"hash":"([0-9a-f]{64})"\}$/s;

/** The record of a line, or null where its hash is not that of its bytes. */
export function unseal(line: string): AuditRecord | null {
  const [, body, hash] = LINE.exec(line) ?? [];
  if (body === undefined || hash === undefined || sha256(`${body}}`) !== hash) return null;
  const value: unknown = parsed(line);
  return isRecord(value) ? value : null;
}

/** In hex. */
export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is AuditRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { seq, prev, event, data } = value as Partial<Record<keyof AuditRecord, unknown>>;
  const isData = typeof data === 'object' && data !== null;
  return Number.isInteger(seq) && typeof prev === 'string' && typeof event === 'string' && isData;
}
