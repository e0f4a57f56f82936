import { isIPv4 } from 'node:net';
import { type DnsRecord, foldName } from './dns-message.ts';
import { grantLease, isRefreshDue, type Lease, refreshAsked, shortenLease } from './lease.ts';
import { byFamilyThenAge, type Instance } from './service-instance.ts';

/** A record that tells an address of a host. */
export type AddressRecord = DnsRecord & { readonly type: 'A' | 'AAAA' };

const MAX_ADDRESSES = 16;
/** Services of one machine; each address record of a host concerns them all. */
const MAX_INSTANCES_OF_HOST = 32;
/** RFC 6762, section 10.2: records younger than this survive a cache flush. */
const FLUSH_SPARES_MS = 1000;

interface Host {
  readonly addresses: Map<string, Lease>;
  readonly instances: Set<Instance>;
}

/** The hosts that service instances live on, with their addresses. Other hosts' addresses are none of our business. */
export class HostTable {
  readonly #hosts = new Map<string, Host>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Makes an instance live on a host; false if that host has no room for it or no name that could be asked for. */
  settle(instance: Instance, target: string): boolean {
    // An empty label would end the name in the middle of our question.
    if (target.split('.').includes('')) return false;
    const key = foldName(target);
    const host = this.#hosts.get(key) ?? { addresses: new Map(), instances: new Set() };
    if (!host.instances.has(instance) && host.instances.size >= MAX_INSTANCES_OF_HOST) return false;
    if (instance.srv && foldName(instance.srv.host) !== key) this.leave(instance);
    host.instances.add(instance);
    this.#hosts.set(key, host);
    return true;
  }

  leave(instance: Instance): void {
    if (!instance.srv) return;
    const key = foldName(instance.srv.host);
    const host = this.#hosts.get(key);
    host?.instances.delete(instance);
    if (host?.instances.size === 0) this.#hosts.delete(key);
  }

  clear(): void {
    this.#hosts.clear();
  }

  /** Takes in an address; the result is the instances that it is the word of. */
  apply(record: AddressRecord, nowMs: number): readonly Instance[] {
    const host = this.#hosts.get(foldName(record.name));
    if (!host) return [];
    if (record.flush) flushOthers(host, record, nowMs);
    const known = host.addresses.get(record.address);
    if (record.ttl === 0) {
      if (known) host.addresses.set(record.address, shortenLease(known, nowMs));
      return [];
    }
    if (!known && host.addresses.size >= MAX_ADDRESSES) return [];
    host.addresses.set(record.address, grantLease(record.ttl, nowMs, this.#random));
    return [...host.instances];
  }

  /** @param name folded */
  instancesOn(name: string): readonly Instance[] {
    return [...(this.#hosts.get(name)?.instances ?? [])];
  }

  knows(record: AddressRecord): boolean {
    return this.#hosts.has(foldName(record.name));
  }

  leases(instance: Instance): readonly Lease[] {
    return [...this.#of(instance).values()];
  }

  /** Its addresses, IPv4 first, the newest first. */
  addresses(instance: Instance): readonly string[] {
    return [...this.#of(instance)].toSorted(byFamilyThenAge).map(([address]) => address);
  }

  expire(instance: Instance, nowMs: number): void {
    const addresses = this.#of(instance);
    for (const [address, { expiresMs }] of addresses) if (expiresMs <= nowMs) addresses.delete(address);
  }

  /** True if an address has to be asked for again; it then counts as asked. */
  takeRefresh(instance: Instance, nowMs: number): boolean {
    const addresses = this.#of(instance);
    const due = [...addresses].filter(([, lease]) => isRefreshDue(lease, nowMs));
    for (const [address, lease] of due) addresses.set(address, refreshAsked(lease, this.#random));
    return due.length > 0;
  }

  #of({ srv }: Instance): Map<string, Lease> {
    return (srv && this.#hosts.get(foldName(srv.host))?.addresses) ?? new Map();
  }
}

/** RFC 6762, section 10.2: what the device did not repeat goes one second later. */
function flushOthers(host: Host, record: AddressRecord, nowMs: number): void {
  for (const [address, lease] of host.addresses) {
    const isSameType = isIPv4(address) === (record.type === 'A');
    if (!isSameType || address === record.address || nowMs - lease.receivedMs <= FLUSH_SPARES_MS) continue;
    host.addresses.set(address, shortenLease(lease, nowMs));
  }
}
