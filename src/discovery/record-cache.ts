import { isIPv4 } from 'node:net';
import type { MdnsSighting } from '../model/device.ts';
import { type DnsQuestion, type DnsRecord, type DnsResponse, foldName } from './dns-message.ts';
import { type AddressRecord, HostTable } from './host-table.ts';
import { grantLease, isRefreshDue, type Lease, refreshAsked } from './lease.ts';
import {
  endMs,
  GOODBYE_ASKS_MS,
  type Instance,
  type InstanceName,
  instanceQuestions,
  keyOf,
  MISSING_ASKS_MS,
  type QuestionType,
  RECONFIRM_ASKS_MS,
  SEARCH_MS,
  serviceDomain,
  takeTurn,
  turnMs,
} from './service-instance.ts';
import type { LossReason } from './source.ts';
import { readTxt } from './txt.ts';

/** A service instance that is complete: the device can be reached with what stands here. */
export type InstanceView = Omit<MdnsSighting, 'via' | 'localInterface' | 'isAnnouncement' | 'probedMs' | 'atMs'>;

/** A service instance whose records have run out or were withdrawn. */
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

/** What is kept, and how much of it: a network is not trusted to be small. */
export interface RecordCacheOptions {
  /** Service types to look for, without underscore and domain: `arduino`. */
  readonly services: readonly string[];
  readonly isPlausible: (address: string) => boolean;
  readonly random: () => number;
  readonly limits?: { readonly total: number; readonly perSource: number };
}

/** Enough for four full fleets of 1,000; a flood of invented devices ends here. */
const DEFAULT_LIMITS = { total: 4096, perSource: 2048 };
/** An instance is reported without its TXT record, or with IPv6 alone, when what is missing has not come within this time. */
const PATIENCE_MS = 1000;
/**
 * The mDNS cache of one network interface for a few service types (RFC 6762, sections 5.2 and 10). No I/O and no clock: packets and
 * monotonic milliseconds go in; what was heard, what was lost and what to ask come out.
 */
export class RecordCache {
  readonly #options: RecordCacheOptions;
  readonly #limits: { readonly total: number; readonly perSource: number };
  readonly #instances = new Map<string, Instance>();
  readonly #hosts: HostTable;
  readonly #perSource = new Map<string, number>();
  /** A lower bound: exact after each tick, so that a packet costs as much as it concerns instances, not as many as there are. */
  #nextDueMs = Number.POSITIVE_INFINITY;

  constructor(options: RecordCacheOptions) {
    this.#options = options;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#hosts = new HostTable(options.random);
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
    for (const record of records.filter(isAddress)) {
      for (const instance of this.#applyAddress(record, ignored, nowMs)) touched.add(instance);
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
      if (!instance.wasComplete && nowMs >= instance.patientUntilMs) {
        // What it still lacks is not waited for any longer.
        instance.patientUntilMs = Number.NEGATIVE_INFINITY;
        touched.add(instance);
      }
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

  /** The instances of these names, their own or those of their hosts (folded), that are complete and not in doubt. */
  viewsNamed(names: ReadonlySet<string>, nowMs: number): InstanceView[] {
    const found = [...names].flatMap((name) => [this.#instances.get(name) ?? [], this.#hosts.instancesOn(name)].flat());
    return [...new Set(found)].flatMap((instance) => this.#view(instance, nowMs) ?? []);
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
    if (isAddress(record)) return null;
    const fqdn = record.type === 'PTR' ? record.target : record.name;
    const folded = foldName(fqdn);
    for (const service of this.#options.services) {
      const domain = serviceDomain(service);
      if (!folded.endsWith(`.${domain}`) || (record.type === 'PTR' && foldName(record.name) !== domain)) continue;
      const name = fqdn.slice(0, -domain.length - 1);
      return name === '' ? null : { key: keyOf(service, name), service, name, fqdn };
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
      patientUntilMs: nowMs + PATIENCE_MS,
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
    if (this.#hosts.settle(instance, target)) instance.srv = { host: target, port, lease };
  }

  #applyAddress(record: AddressRecord, ignored: ('address' | 'full')[], nowMs: number): readonly Instance[] {
    if (!this.#hosts.knows(record)) return [];
    if (this.#options.isPlausible(record.address)) return this.#hosts.apply(record, nowMs);
    ignored.push('address');
    return [];
  }

  #reportable(instances: readonly Instance[], nowMs: number): InstanceView[] {
    return instances.flatMap((instance) => {
      const view = this.#view(instance, nowMs);
      if (!view || !this.#instances.has(instance.key)) return [];
      instance.wasComplete = true;
      return [view];
    });
  }

  /** Null while something is missing, or while it is doubted: then only its own PTR or SRV record counts. */
  #view(instance: Instance, nowMs: number): InstanceView | null {
    const { service, name, srv, txt, doubt, patientUntilMs } = instance;
    const isPatient = nowMs < patientUntilMs;
    if (!srv || doubt || (!txt && isPatient)) return null;
    const addresses = this.#hosts.addresses(instance);
    if (!addresses.some((address) => !isPatient || isIPv4(address))) return null;
    const addressesUntilMs = Math.max(...this.#hosts.leases(instance).map(({ expiresMs }) => expiresMs));
    const untilMs = Math.min(srv.lease.expiresMs, addressesUntilMs);
    const ttlSeconds = Math.max(0, Math.round((untilMs - nowMs) / 1000));
    return { service, instance: name, host: srv.host, port: srv.port, addresses, txt: txt?.values ?? {}, ttlSeconds };
  }

  /** Why an instance has to go now, or null. Addresses that ran out go by the way. */
  #endOf(instance: Instance, nowMs: number): LossReason | null {
    const { doubt, ptr, srv, txt, firstMs, wasComplete } = instance;
    if (doubt && nowMs >= endMs(doubt.inquiry)) return doubt.reason;
    if (txt && txt.lease.expiresMs <= nowMs) instance.txt = null;
    if ([ptr, srv?.lease].some((lease) => lease && lease.expiresMs <= nowMs)) return 'expired';
    if (!wasComplete && nowMs - firstMs > SEARCH_MS) return 'expired';
    this.#hosts.expire(instance, nowMs);
    return wasComplete && this.#hosts.leases(instance).length === 0 ? 'expired' : null;
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
    if (this.#hosts.takeRefresh(instance, nowMs)) types.push('A');
    return this.#questionsFor(instance, types);
  }

  #missing(instance: Instance): QuestionType[] {
    if (!instance.srv) return ['SRV'];
    const hasAddress = this.#hosts.addresses(instance).some((address) => instance.wasComplete || isIPv4(address));
    return [...(instance.txt ? [] : ['TXT' as const]), ...(hasAddress ? [] : ['A' as const])];
  }

  #questionsFor(instance: Instance, types: readonly QuestionType[]): DnsQuestion[] {
    const { service, name, srv } = instance;
    const questions = instanceQuestions(service, name, types);
    if (!srv || !types.includes('A')) return questions;
    const addressTypes = this.#hosts.addresses(instance).some(isIPv4) ? ['A'] : ['A', 'AAAA'];
    return [...questions, ...addressTypes.map((type) => ({ type, name: foldName(srv.host) }))];
  }

  #dueOf(instance: Instance): number {
    const { ptr, srv, txt, search, doubt, wasComplete } = instance;
    const leases = [ptr, srv?.lease, txt?.lease, ...this.#hosts.leases(instance)];
    return Math.min(
      ...leases.map((lease) => lease?.dueMs ?? Number.POSITIVE_INFINITY),
      search ? turnMs(search) : Number.POSITIVE_INFINITY,
      doubt ? turnMs(doubt.inquiry) : Number.POSITIVE_INFINITY,
      wasComplete ? Number.POSITIVE_INFINITY : this.#deadlineOf(instance),
    );
  }

  /** Of an instance that is not complete: when to do without the rest, then when to give it up. */
  #deadlineOf({ firstMs, patientUntilMs }: Instance): number {
    return Number.isFinite(patientUntilMs) ? patientUntilMs : firstMs + SEARCH_MS + 1;
  }

  #remove(instance: Instance): void {
    this.#hosts.leave(instance);
    this.#instances.delete(instance.key);
    const left = (this.#perSource.get(instance.source) ?? 1) - 1;
    if (left > 0) this.#perSource.set(instance.source, left);
    else this.#perSource.delete(instance.source);
  }
}

function isAddress(record: DnsRecord): record is AddressRecord {
  return record.type === 'A' || record.type === 'AAAA';
}
