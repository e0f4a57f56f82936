import { isIPv4 } from 'node:net';
import { type DnsQuestion, type DnsRecord, type DnsResponse, foldName } from './dns-message.ts';
import { grantLease, isRefreshDue, type Lease, refreshAsked, shortenLease } from './lease.ts';
import type { LossReason } from './source.ts';
import { readTxt } from './txt.ts';

/** A service instance that is complete: the device can be reached with what stands here. */
export interface InstanceView {
  readonly service: string;
  readonly instance: string;
  readonly host: string;
  readonly port: number;
  readonly addresses: readonly string[];
  readonly txt: Readonly<Record<string, string>>;
  readonly ttlSeconds: number;
}

export interface LostInstance {
  readonly service: string;
  readonly instance: string;
  readonly reason: LossReason;
}

/** What a packet or the passing of time led to. */
export interface CacheOutcome {
  readonly heard: readonly InstanceView[];
  readonly lost: readonly LostInstance[];
  /** What has to be asked now. */
  readonly questions: readonly DnsQuestion[];
  /** Records or instances that were not taken, by reason. */
  readonly ignored: readonly ('address' | 'full')[];
}

export interface RecordCacheOptions {
  /** Service types to look for, without underscore and domain: `arduino`. */
  readonly services: readonly string[];
  readonly isPlausible: (address: string) => boolean;
  readonly random: () => number;
  readonly limits?: { readonly total: number; readonly perSource: number };
}

/** Enough for four full fleets of 1,000; a flood of invented devices ends here. */
const DEFAULT_LIMITS = { total: 4096, perSource: 2048 };
const MAX_ADDRESSES = 16;
/** Services of one machine; each address record of a host concerns them all. */
const MAX_INSTANCES_OF_HOST = 32;
/** RFC 6762, section 10.2: records younger than this survive a cache flush. */
const FLUSH_SPARES_MS = 1000;
/** An instance is reported without its TXT record when that has not come within this time. */
const TXT_PATIENCE_MS = 1000;
/** When to ask, after the start of a search or a doubt. The last entry is its end. */
const MISSING_ASKS_MS = [0, 1000, 3000, 9000] as const;
const GOODBYE_ASKS_MS = [0, 1000, 2000] as const;
const RECONFIRM_ASKS_MS = [0, 1000, 3000, 5000] as const;

/** A row of questions with pauses. */
interface Inquiry {
  readonly startMs: number;
  readonly offsetsMs: readonly number[];
  asked: number;
}

interface Instance {
  readonly key: string;
  readonly service: string;
  readonly name: string;
  readonly fqdn: string;
  readonly source: string;
  readonly firstMs: number;
  ptr: Lease | null;
  srv: { readonly host: string; readonly port: number; lease: Lease } | null;
  txt: { readonly values: Readonly<Record<string, string>>; lease: Lease } | null;
  /** Asking for records that have not come. */
  search: Inquiry | null;
  /** It said goodbye or is doubted: it goes at the end of the inquiry unless it speaks. */
  doubt: { readonly inquiry: Inquiry; readonly reason: LossReason } | null;
  wasComplete: boolean;
}

interface Host {
  readonly name: string;
  readonly addresses: Map<string, Lease>;
  readonly instances: Set<Instance>;
}

/**
 * The mDNS cache of one network interface for a few service types (RFC 6762, sections 5.2 and 10). No I/O and no clock: packets and
 * monotonic milliseconds go in; what was heard, what was lost and what to ask come out.
 */
export class RecordCache {
  readonly #options: RecordCacheOptions;
  readonly #limits: { readonly total: number; readonly perSource: number };
  readonly #instances = new Map<string, Instance>();
  readonly #hosts = new Map<string, Host>();
  readonly #perSource = new Map<string, number>();
  /** A lower bound: exact after each tick, so that a packet costs as much as it concerns instances, not as many as there are. */
  #nextDueMs = Number.POSITIVE_INFINITY;

  constructor(options: RecordCacheOptions) {
    this.#options = options;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
  }

  get size(): number {
    return this.#instances.size;
  }

  /** Takes in one response that came from `source`. */
  observe(response: DnsResponse, source: string, nowMs: number): CacheOutcome {
    const records = [...response.answers, ...response.additionals];
    const concerned = new Set<Instance>();
    const touched = new Set<Instance>();
    const ignored: ('address' | 'full')[] = [];
    for (const record of records) {
      const name = this.#instanceNameOf(record);
      if (name === null) continue;
      const instance = this.#instances.get(name.key) ?? this.#admit(name, record, source, nowMs);
      if (instance === null) ignored.push('full');
      if (!instance) continue;
      concerned.add(instance);
      if (this.#applyToInstance(instance, record, nowMs)) touched.add(instance);
    }
    for (const host of this.#applyAddresses(records, ignored, nowMs)) {
      for (const instance of host.instances) touched.add(instance);
    }
    return { ...this.#advance(new Set([...concerned, ...touched]), touched, nowMs), ignored };
  }

  /** Questions that are due and instances that are gone. */
  tick(nowMs: number): CacheOutcome {
    if (nowMs < this.#nextDueMs) return { heard: [], lost: [], questions: [], ignored: [] };
    this.#nextDueMs = Number.POSITIVE_INFINITY;
    return { ...this.#advance([...this.#instances.values()], new Set(), nowMs), ignored: [] };
  }

  #advance(instances: Iterable<Instance>, touched: Set<Instance>, nowMs: number): Omit<CacheOutcome, 'ignored'> {
    const questions = new Map<string, DnsQuestion>();
    const lost: LostInstance[] = [];
    for (const instance of instances) {
      const reason = this.#endOf(instance, nowMs);
      if (reason !== null) {
        this.#remove(instance);
        if (instance.wasComplete) lost.push({ service: instance.service, instance: instance.name, reason });
        continue;
      }
      for (const question of this.#dueQuestions(instance, nowMs))
        questions.set(`${question.type} ${question.name}`, question);
      // Its TXT record may just have been given up.
      if (!instance.wasComplete) touched.add(instance);
      this.#nextDueMs = Math.min(this.#nextDueMs, this.#dueOf(instance));
    }
    return { heard: this.#reportable([...touched], nowMs), lost, questions: [...questions.values()] };
  }

  /** When {@link tick} may have something to do next; Infinity for an empty cache. */
  get nextDueMs(): number {
    return this.#nextDueMs;
  }

  /** The questions that make one instance speak. */
  probeQuestions(service: string, name: string): DnsQuestion[] {
    const instance = this.#instances.get(keyOf(service, name));
    return instance ? this.#questionsFor(instance, ['SRV', 'A']) : instanceQuestions(service, name, ['SRV']);
  }

  /** Doubts an instance: it is lost in five seconds unless it speaks. */
  reconfirm(service: string, name: string, nowMs: number): void {
    const instance = this.#instances.get(keyOf(service, name));
    if (!instance || instance.doubt) return;
    instance.doubt = { reason: 'unconfirmed', inquiry: { startMs: nowMs, offsetsMs: RECONFIRM_ASKS_MS, asked: 0 } };
    this.#nextDueMs = Math.min(this.#nextDueMs, nowMs);
  }

  /** Forgets all and says what was known. */
  clear(reason: LossReason): LostInstance[] {
    const known = [...this.#instances.values()].filter((instance) => instance.wasComplete);
    this.#instances.clear();
    this.#hosts.clear();
    this.#perSource.clear();
    return known.map(({ service, name }) => ({ service, instance: name, reason }));
  }

  /** The instance a PTR, SRV or TXT record is about, if it is of a service that is looked for. */
  #instanceNameOf(record: DnsRecord): InstanceName | null {
    if (record.type === 'A' || record.type === 'AAAA') return null;
    const fqdn = record.type === 'PTR' ? record.target : record.name;
    const folded = foldName(fqdn);
    for (const service of this.#options.services) {
      const domain = serviceDomain(service);
      if (!folded.endsWith(`.${domain}`) || (record.type === 'PTR' && foldName(record.name) !== domain)) continue;
      const name = fqdn.slice(0, -domain.length - 1);
      return { key: keyOf(service, name), service, name, fqdn };
    }
    return null;
  }

  /** A new instance; undefined for a goodbye of a stranger, null where the cache is full. */
  #admit(name: InstanceName, record: DnsRecord, source: string, nowMs: number): Instance | null | undefined {
    if (record.ttl === 0) return undefined;
    const fromSource = this.#perSource.get(source) ?? 0;
    if (this.#instances.size >= this.#limits.total || fromSource >= this.#limits.perSource) return null;
    const instance: Instance = {
      ...name,
      source,
      firstMs: nowMs,
      ptr: null,
      srv: null,
      txt: null,
      search: null,
      doubt: null,
      wasComplete: false,
    };
    this.#instances.set(instance.key, instance);
    this.#perSource.set(source, fromSource + 1);
    return instance;
  }

  /** True if the record says that the instance is there. */
  #applyToInstance(instance: Instance, record: DnsRecord, nowMs: number): boolean {
    if (record.ttl === 0) {
      if (record.type !== 'TXT') {
        instance.doubt ??= { reason: 'goodbye', inquiry: { startMs: nowMs, offsetsMs: GOODBYE_ASKS_MS, asked: 0 } };
      }
      return false;
    }
    const lease = grantLease(record.ttl, nowMs, this.#options.random);
    instance.doubt = null;
    if (record.type === 'PTR') instance.ptr = lease;
    if (record.type === 'TXT') instance.txt = { values: readTxt(record.strings), lease };
    if (record.type === 'SRV') this.#point(instance, record.target, record.port, lease);
    return true;
  }

  #point(instance: Instance, target: string, port: number, lease: Lease): void {
    // An empty label would end the name in the middle of our question.
    if (target.split('.').includes('')) return;
    const key = foldName(target);
    const host = this.#hosts.get(key) ?? { name: target, addresses: new Map(), instances: new Set() };
    if (!host.instances.has(instance) && host.instances.size >= MAX_INSTANCES_OF_HOST) return;
    if (instance.srv && foldName(instance.srv.host) !== key) this.#unpoint(instance);
    instance.srv = { host: target, port, lease };
    host.instances.add(instance);
    this.#hosts.set(key, host);
  }

  #unpoint(instance: Instance): void {
    if (!instance.srv) return;
    const key = foldName(instance.srv.host);
    const host = this.#hosts.get(key);
    host?.instances.delete(instance);
    if (host?.instances.size === 0) this.#hosts.delete(key);
  }

  /** Takes in A and AAAA records of hosts that instances live on; other hosts' are none of our business. */
  #applyAddresses(records: readonly DnsRecord[], ignored: ('address' | 'full')[], nowMs: number): Set<Host> {
    const spoken = new Set<Host>();
    for (const record of records) {
      if (record.type !== 'A' && record.type !== 'AAAA') continue;
      const host = this.#hosts.get(foldName(record.name));
      if (!host) continue;
      if (record.flush) flushOthers(host, record, nowMs);
      if (record.ttl > 0 && !this.#options.isPlausible(record.address)) ignored.push('address');
      else if (this.#applyAddress(host, record.address, record.ttl, nowMs)) spoken.add(host);
    }
    return spoken;
  }

  #applyAddress(host: Host, address: string, ttl: number, nowMs: number): boolean {
    const known = host.addresses.get(address);
    if (ttl === 0) {
      if (known) host.addresses.set(address, shortenLease(known, nowMs));
      return false;
    }
    if (!known && host.addresses.size >= MAX_ADDRESSES) return false;
    host.addresses.set(address, grantLease(ttl, nowMs, this.#options.random));
    return true;
  }

  #reportable(instances: readonly Instance[], nowMs: number): InstanceView[] {
    return instances.flatMap((instance) => {
      const view = this.#view(instance, nowMs);
      if (!view || !this.#instances.has(instance.key)) return [];
      instance.wasComplete = true;
      return [view];
    });
  }

  #view({ service, name, srv, txt, firstMs }: Instance, nowMs: number): InstanceView | null {
    if (!srv || (!txt && nowMs - firstMs < TXT_PATIENCE_MS)) return null;
    const leases = [...(this.#hosts.get(foldName(srv.host))?.addresses ?? [])].filter(
      ([, { expiresMs }]) => expiresMs > nowMs,
    );
    const addresses = leases.toSorted(byFamilyThenAge).map(([address]) => address);
    if (addresses.length === 0) return null;
    const untilMs = Math.min(srv.lease.expiresMs, Math.max(...leases.map(([, lease]) => lease.expiresMs)));
    const ttlSeconds = Math.max(0, Math.round((untilMs - nowMs) / 1000));
    return { service, instance: name, host: srv.host, port: srv.port, addresses, txt: txt?.values ?? {}, ttlSeconds };
  }

  /** Why an instance has to go now, or null. Addresses that ran out go by the way. */
  #endOf(instance: Instance, nowMs: number): LossReason | null {
    const { doubt, ptr, srv, txt, firstMs, wasComplete } = instance;
    if (doubt && nowMs >= endMs(doubt.inquiry)) return doubt.reason;
    if (txt && txt.lease.expiresMs <= nowMs) instance.txt = null;
    if ([ptr, srv?.lease].some((lease) => lease && lease.expiresMs <= nowMs)) return 'expired';
    if (!srv) return nowMs - firstMs > (MISSING_ASKS_MS.at(-1) ?? 0) ? 'expired' : null;
    const addresses = this.#addressesOf(instance);
    for (const [address, { expiresMs }] of addresses ?? []) if (expiresMs <= nowMs) addresses?.delete(address);
    return wasComplete && addresses?.size === 0 ? 'expired' : null;
  }

  #dueQuestions(instance: Instance, nowMs: number): DnsQuestion[] {
    const types: QuestionType[] = [];
    const { random } = this.#options;
    if (instance.doubt && takeTurn(instance.doubt.inquiry, nowMs)) types.push('PTR', 'SRV', 'A');
    const missing = this.#missing(instance);
    if (missing.length === 0) instance.search = null;
    else instance.search ??= { startMs: nowMs, offsetsMs: MISSING_ASKS_MS, asked: 0 };
    if (instance.search && takeTurn(instance.search, nowMs)) types.push(...missing);
    if (instance.ptr && isRefreshDue(instance.ptr, nowMs)) {
      instance.ptr = refreshAsked(instance.ptr, random);
      types.push('PTR');
    }
    for (const [type, record] of [
      ['SRV', instance.srv],
      ['TXT', instance.txt],
    ] as const) {
      if (!record || !isRefreshDue(record.lease, nowMs)) continue;
      record.lease = refreshAsked(record.lease, random);
      types.push(type);
    }
    if (this.#refreshAddresses(instance, nowMs)) types.push('A');
    return this.#questionsFor(instance, types);
  }

  #refreshAddresses(instance: Instance, nowMs: number): boolean {
    const addresses = this.#addressesOf(instance);
    const due = [...(addresses ?? [])].filter(([, lease]) => isRefreshDue(lease, nowMs));
    for (const [address, lease] of due) addresses?.set(address, refreshAsked(lease, this.#options.random));
    return due.length > 0;
  }

  #missing(instance: Instance): QuestionType[] {
    if (!instance.srv) return ['SRV'];
    const hasAddress = (this.#addressesOf(instance)?.size ?? 0) > 0;
    return [...(instance.txt ? [] : ['TXT' as const]), ...(hasAddress ? [] : ['A' as const])];
  }

  #addressesOf(instance: Instance): Map<string, Lease> | undefined {
    return instance.srv ? this.#hosts.get(foldName(instance.srv.host))?.addresses : undefined;
  }

  #questionsFor({ service, name, srv }: Instance, types: readonly QuestionType[]): DnsQuestion[] {
    const isHostAsked = types.includes('A') && srv !== null;
    // A host with addresses of one family only is asked for that one: the other question would never be answered.
    const addressTypes = isHostAsked ? this.#addressTypes(srv.host) : [];
    return [
      ...instanceQuestions(service, name, types),
      ...addressTypes.map((type) => ({ type, name: foldName(srv?.host ?? '') })),
    ];
  }

  #addressTypes(host: string): ('A' | 'AAAA')[] {
    const addresses = [...(this.#hosts.get(foldName(host))?.addresses.keys() ?? [])];
    if (addresses.length === 0) return ['A', 'AAAA'];
    return addresses.some(isIPv4) ? ['A'] : ['AAAA'];
  }

  #dueOf(instance: Instance): number {
    const { ptr, srv, txt, search, doubt, firstMs, wasComplete } = instance;
    const leases = [ptr, srv?.lease, txt?.lease, ...(this.#addressesOf(instance)?.values() ?? [])];
    return Math.min(
      ...leases.map((lease) => lease?.dueMs ?? Number.POSITIVE_INFINITY),
      search ? turnMs(search) : Number.POSITIVE_INFINITY,
      doubt ? turnMs(doubt.inquiry) : Number.POSITIVE_INFINITY,
      srv && !txt && !wasComplete ? firstMs + TXT_PATIENCE_MS : Number.POSITIVE_INFINITY,
      srv ? Number.POSITIVE_INFINITY : firstMs + (MISSING_ASKS_MS.at(-1) ?? 0) + 1,
    );
  }

  #remove(instance: Instance): void {
    this.#unpoint(instance);
    this.#instances.delete(instance.key);
    const left = (this.#perSource.get(instance.source) ?? 1) - 1;
    if (left > 0) this.#perSource.set(instance.source, left);
    else this.#perSource.delete(instance.source);
  }
}

interface InstanceName {
  readonly key: string;
  readonly service: string;
  readonly name: string;
  readonly fqdn: string;
}

type QuestionType = 'PTR' | 'SRV' | 'TXT' | 'A';

/** `arduino` → `_arduino._tcp.local`, in lower case. */
export function serviceDomain(service: string): string {
  return foldName(`_${service}._tcp.local`);
}

function keyOf(service: string, name: string): string {
  return foldName(`${name}.${serviceDomain(service)}`);
}

/**
 * Questions about one instance. A name with a dot in its label cannot be asked for: the encoder below us takes it for two
 * labels. The service as a whole is asked then, and the instance answers with everyone else.
 */
function instanceQuestions(service: string, name: string, types: readonly QuestionType[]): DnsQuestion[] {
  const domain = serviceDomain(service);
  const own = types.filter((type) => type === 'SRV' || type === 'TXT');
  const isAskable = !name.includes('.');
  const questions = isAskable ? own.map((type) => ({ type, name: foldName(`${name}.${domain}`) })) : [];
  const isServiceAsked = types.includes('PTR') || (!isAskable && own.length > 0);
  return isServiceAsked ? [{ type: 'PTR', name: domain }, ...questions] : questions;
}

/** RFC 6762, section 10.2: what the device did not repeat goes one second later. */
function flushOthers(host: Host, record: DnsRecord & { type: 'A' | 'AAAA' }, nowMs: number): void {
  for (const [address, lease] of host.addresses) {
    const isSameType = isIPv4(address) === (record.type === 'A');
    if (!isSameType || address === record.address || nowMs - lease.receivedMs <= FLUSH_SPARES_MS) continue;
    host.addresses.set(address, shortenLease(lease, nowMs));
  }
}

function byFamilyThenAge([a, leaseA]: [string, Lease], [b, leaseB]: [string, Lease]): number {
  if (isIPv4(a) !== isIPv4(b)) return isIPv4(a) ? -1 : 1;
  return leaseB.receivedMs - leaseA.receivedMs || (a < b ? -1 : 1);
}

function turnMs({ startMs, offsetsMs, asked }: Inquiry): number {
  const offsetMs = offsetsMs[asked];
  return offsetMs === undefined ? Number.POSITIVE_INFINITY : startMs + offsetMs;
}

function endMs({ startMs, offsetsMs }: Inquiry): number {
  return startMs + (offsetsMs.at(-1) ?? 0);
}

/** True when a question of the row is due; it then counts as asked. */
function takeTurn(inquiry: Inquiry, nowMs: number): boolean {
  if (nowMs < turnMs(inquiry)) return false;
  inquiry.asked += 1;
  return true;
}
