import type { FixedDevice } from '../model/device.ts';
import { foldName } from './dns-message.ts';
import type { DeviceTable, EntryFacts } from './merge.ts';
import { knownMac, lastKnown, type Tracked } from './tracked.ts';

/** The devices, found by id, by any of their keys and by address, each in constant time. */
export class DeviceIndex implements DeviceTable {
  readonly #byId = new Map<string, Tracked>();
  readonly #idByKey = new Map<string, string>();
  readonly #idsByAddress = new Map<string, Set<string>>();
  readonly #idByMac = new Map<string, string>();
  readonly #entries = new Map<string, Set<FixedDevice>>();
  readonly #services: readonly string[];

  constructor(services: readonly string[]) {
    this.#services = services;
  }

  get size(): number {
    return this.#byId.size;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  all(): Iterable<Tracked> {
    return this.#byId.values();
  }

  /** By id or any other key, also one that it had before it was joined with another record. */
  ownerOf(key: string): Tracked | undefined {
    return this.#byId.get(this.#idByKey.get(key) ?? key);
  }

  at(address: string): readonly Tracked[] {
    return [...(this.#idsByAddress.get(address) ?? [])].flatMap((id) => this.#byId.get(id) ?? []);
  }

  entriesFor({ mac, instance, addresses }: EntryFacts): readonly FixedDevice[] {
    const marks = [
      ...(mac ? [`mac ${mac}`] : []),
      `instance ${foldName(instance)}`,
      ...addresses.map((a) => `address ${a}`),
    ];
    return [...new Set(marks.flatMap((mark) => [...(this.#entries.get(mark) ?? [])]))];
  }

  setEntries(entries: readonly FixedDevice[]): void {
    this.#entries.clear();
    for (const entry of entries) {
      for (const mark of marksOf(entry)) {
        this.#entries.set(mark, (this.#entries.get(mark) ?? new Set()).add(entry));
      }
    }
  }

  withMac(mac: string): Tracked | undefined {
    return this.#byId.get(this.#idByMac.get(mac) ?? '');
  }

  /** Adds a device or replaces what was known of it; its place in the list stays. */
  put(tracked: Tracked): void {
    this.#unlink(tracked.id);
    this.#byId.set(tracked.id, tracked);
    for (const key of tracked.keys) this.#idByKey.set(key, tracked.id);
    const mac = knownMac(tracked);
    if (mac) this.#idByMac.set(mac, tracked.id);
    for (const address of this.#addressesOf(tracked)) {
      this.#idsByAddress.set(address, (this.#idsByAddress.get(address) ?? new Set()).add(tracked.id));
    }
  }

  /** Replaces what is known of a device whose keys, addresses and MAC address stayed the same. */
  refresh(tracked: Tracked): void {
    this.#byId.set(tracked.id, tracked);
  }

  remove(id: string): void {
    this.#unlink(id);
    this.#byId.delete(id);
  }

  #unlink(id: string): void {
    const old = this.#byId.get(id);
    if (!old) return;
    for (const key of old.keys) if (this.#idByKey.get(key) === id) this.#idByKey.delete(key);
    const mac = knownMac(old);
    if (mac && this.#idByMac.get(mac) === id) this.#idByMac.delete(mac);
    for (const address of this.#addressesOf(old)) {
      const ids = this.#idsByAddress.get(address);
      ids?.delete(id);
      if (ids?.size === 0) this.#idsByAddress.delete(address);
    }
  }

  #addressesOf(tracked: Tracked): Set<string> {
    const last = lastKnown(tracked, this.#services).address;
    return new Set([...[...tracked.paths.values()].flatMap(({ addresses }) => addresses), ...(last ? [last] : [])]);
  }
}

function marksOf({ mac, instance, address }: FixedDevice): string[] {
  return [
    ...(mac ? [`mac ${mac}`] : []),
    ...(instance ? [`instance ${foldName(instance)}`] : []),
    ...(address ? [`address ${address}`] : []),
  ];
}
