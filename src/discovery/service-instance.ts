import { isIPv4 } from 'node:net';
import { type DnsQuestion, foldName } from './dns-message.ts';
import type { Lease } from './lease.ts';
import type { LossReason } from './source.ts';

/** When to ask, after the start of a search or a doubt; for a doubt the last entry is its end. */
export const MISSING_ASKS_MS = [0, 1000, 3000, 7000] as const;
/** An instance that is not complete by then is forgotten; the next announcement or browse brings it back. */
export const SEARCH_MS = 9000;
export const GOODBYE_ASKS_MS = [0, 1000, 2000] as const;
export const RECONFIRM_ASKS_MS = [0, 1000, 3000, 5000] as const;

/** A row of questions with pauses. */
export interface Inquiry {
  readonly startMs: number;
  readonly offsetsMs: readonly number[];
  asked: number;
}

/** What is remembered of one service instance. */
export interface Instance {
  readonly key: string;
  readonly service: string;
  readonly name: string;
  readonly fqdn: string;
  readonly source: string;
  readonly firstMs: number;
  /** Until then it is not reported without its TXT record and an IPv4 address; in the past once that is over. */
  patientUntilMs: number;
  ptr: Lease | null;
  srv: { readonly host: string; readonly port: number; lease: Lease } | null;
  txt: { readonly values: Readonly<Record<string, string>>; lease: Lease } | null;
  /** Asking for records that have not come. */
  search: Inquiry | null;
  /** It said goodbye or is doubted: it goes at the end of the inquiry unless it speaks. */
  doubt: { readonly inquiry: Inquiry; readonly reason: LossReason } | null;
  wasComplete: boolean;
}

/** Which instance a record is about. */
export interface InstanceName {
  readonly key: string;
  readonly service: string;
  readonly name: string;
  readonly fqdn: string;
}

/** The kinds of records that are asked for. */
export type QuestionType = 'PTR' | 'SRV' | 'TXT' | 'A';

/** `arduino` → `_arduino._tcp.local`, in lower case. */
export function serviceDomain(service: string): string {
  return foldName(`_${service}._tcp.local`);
}

/** The full name of an instance, in lower case: DNS compares so (RFC 6762, section 16). */
export function keyOf(service: string, name: string): string {
  return foldName(`${name}.${serviceDomain(service)}`);
}

/**
 * Questions about one instance. A name with a dot in its label cannot be asked for: the encoder below us takes it for two
 * labels. The service as a whole is asked then, and the instance answers with everyone else.
 */
export function instanceQuestions(service: string, name: string, types: readonly QuestionType[]): DnsQuestion[] {
  const domain = serviceDomain(service);
  const own = types.filter((type) => type === 'SRV' || type === 'TXT');
  const isAskable = !name.includes('.');
  const questions = isAskable ? own.map((type) => ({ type, name: foldName(`${name}.${domain}`) })) : [];
  const isServiceAsked = types.includes('PTR') || (!isAskable && own.length > 0);
  return isServiceAsked ? [{ type: 'PTR', name: domain }, ...questions] : questions;
}

/** For sorting addresses: IPv4 first, then the one heard last. */
export function byFamilyThenAge([a, leaseA]: [string, Lease], [b, leaseB]: [string, Lease]): number {
  if (isIPv4(a) !== isIPv4(b)) return isIPv4(a) ? -1 : 1;
  return leaseB.receivedMs - leaseA.receivedMs || (a < b ? -1 : 1);
}

/** When the next question is to be asked; infinity when all were. */
export function turnMs({ startMs, offsetsMs, asked }: Inquiry): number {
  const offsetMs = offsetsMs[asked];
  return offsetMs === undefined ? Number.POSITIVE_INFINITY : startMs + offsetMs;
}

/** When the last question is to be asked. */
export function endMs({ startMs, offsetsMs }: Inquiry): number {
  return startMs + (offsetsMs.at(-1) ?? 0);
}

/** True when a question of the row is due; it then counts as asked. */
export function takeTurn(inquiry: Inquiry, nowMs: number): boolean {
  if (nowMs < turnMs(inquiry)) return false;
  inquiry.asked += 1;
  return true;
}
