import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Device, FixedDevice, MdnsSighting, UsbSighting } from '../model/device.ts';
import { type FoundConflict, judgeConflict } from './conflicts.ts';
import type { DeviceIndex } from './device-index.ts';
import { DeviceRecords } from './device-records.ts';
import { describedBy, withoutStaleEntry } from './fixed-list.ts';
import { fixedKey, identityOfName, isNameKey, macKey, nameOfKey, separateId } from './identity.ts';
import { type EntryVerdict, identify, isRenamed, matchEntry, twoNamesAtOneAddress, type Verdict } from './merge.ts';
import type { MacLookup } from './neighbours.ts';
import type { RegistryEvent } from './registry-event.ts';
import type { ReturnEvidence } from './return-watch.ts';
import { type ReturnRequest, ReturnWatches } from './return-watches.ts';
import type { PortListener } from './serial-ports/port-source.ts';
import { isPortEntry, isSlotId, SlotBook } from './slots.ts';
import type { MdnsLoss, MdnsProbe, MdnsProber, SightingListener } from './source.ts';
import { knownMac, lastKnown, newTracked, pathKey, restoredTracked, type Tracked } from './tracked.ts';

/** What the registry is made of. */
export interface RegistryOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** In order of preference: the first one a device offers gives its port and TXT record. */
  readonly services: readonly string[];
  readonly macOf: MacLookup;
  /** As {@link SlotBook} has it. Absent: names of ports are taken as they are. */
  readonly listedPath?: (path: string) => string;
}

const NO_PROBER: MdnsProber = { probe: () => undefined, reconfirm: () => undefined };

/**
 * All devices, each under one identity, from what sources see and what the fixed list says: takes in what is seen, and tells what
 * follows. The decisions are in merge.ts, the records in device-records.ts. Listeners are called synchronously and must not throw.
 */
export class DeviceRegistry implements SightingListener, PortListener {
  readonly #options: RegistryOptions;
  readonly #slots: SlotBook;
  readonly #records: DeviceRecords;
  readonly #index: DeviceIndex;
  readonly #listeners = new Set<(event: RegistryEvent) => void>();
  readonly #watches: ReturnWatches;
  #prober: MdnsProber = NO_PROBER;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#slots = new SlotBook(options.listedPath ?? ((path) => path));
    this.#watches = new ReturnWatches(options.clock);
    this.#records = new DeviceRecords({
      log: options.log,
      services: options.services,
      tell: (event) => this.#emit(event),
      onJoin: (id, fromId) => this.#watches.join(id, fromId),
    });
    this.#index = this.#records.index;
  }

  /** Who asks devices whether they are there; without one, only what they say unasked is known. */
  useProber(prober: MdnsProber): void {
    this.#prober = prober;
  }

  subscribe(listener: (event: RegistryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  list(): Device[] {
    return [...[...this.#index.all()].map((tracked) => this.#records.describe(tracked)), ...this.#slots.list()];
  }

  /** By id, also an id that was joined with another device since. */
  get(id: string): Device | null {
    const tracked = this.#index.ownerOf(id);
    return tracked ? this.#records.describe(tracked) : this.#slots.get(id);
  }

  /** Devices that a person may mean: by id or key, name, address, `address:port`, serial port or MAC address. More than one is ambiguous. */
  find(text: string): Device[] {
    const exact = this.#index.ownerOf(text) ?? this.#index.ownerOf(macKey(text));
    if (exact) return [this.#records.describe(exact)];
    const wanted = text.toLowerCase();
    return this.list().filter(
      ({ name, address, port, serial, mac }) =>
        name.toLowerCase() === wanted ||
        address === wanted ||
        `${address}:${port}` === wanted ||
        serial?.path === text ||
        mac === wanted,
    );
  }

  /** Devices that the journal kept. They are `away`, or `unknown` with a fixed address, until seen. Call before the first sighting. */
  restore(devices: readonly Device[]): void {
    for (const device of devices) {
      if (device.serial !== null || isSlotId(device.id)) {
        this.#slots.restore(device);
        continue;
      }
      const tracked = restoredTracked(device);
      // Two records with one key are a mistake of the past: the first one has it.
      this.#records.put({
        ...tracked,
        keys: tracked.keys.filter((key) => key === tracked.id || !this.#index.ownerOf(key)),
      });
    }
  }

  /** Replaces the fixed list: at start, and when the config is loaded again. */
  setFixed(entries: readonly FixedDevice[]): void {
    const listed = entries.filter((entry) => !isPortEntry(entry));
    this.#index.setEntries(listed);
    const names = new Set(listed.map(({ name }) => fixedKey(name)));
    // What is gone from one place before what is new at another: a device may be moved from the network to a port.
    for (const tracked of [...this.#index.all()]) this.#dropEntry(tracked, names);
    for (const event of this.#slots.setFixed(entries.filter(isPortEntry), this.#options.clock.now())) this.#emit(event);
    for (const entry of listed) this.#putEntry(entry);
  }

  sighted(sighting: MdnsSighting): void {
    if (this.#hearAgain(sighting)) return;
    const { macOf, services } = this.#options;
    const arpMac = sighting.addresses.map((address) => macOf(address)).find((mac) => mac !== null) ?? null;
    const verdict = identify(sighting, arpMac, this.#index);
    const before = this.#deviceOf(verdict, sighting);
    const heard: Tracked = {
      ...before,
      keys: this.#records.unclaimed(identityOfName(sighting.service, sighting.instance).keys, before),
      paths: new Map(before.paths).set(pathKey(sighting), sighting),
      arpMac: arpMac && (this.#index.withMac(arpMac) ?? before).id === before.id ? arpMac : before.arpMac,
      wasSeen: true,
      lastSeenMs: sighting.atMs,
    };
    const entryVerdict = matchEntry(heard, sighting, knownMac(heard), this.#index);
    const named = this.#applyEntry({ ...heard, last: lastKnown(heard, services) }, entryVerdict);
    const conflict = [verdict, entryVerdict, twoNamesAtOneAddress(named, sighting, this.#index)].find(
      (found) => found.kind === 'conflict',
    );
    this.#records.store(named);
    this.#judge(named.id, conflict ?? null);
    this.#tellSeen(before, named.id);
    this.#heard(named.id, sighting, before.paths.size > 0);
  }

  lost(loss: MdnsLoss): void {
    const key = pathKey(loss);
    const { nameKey } = identityOfName(loss.service, loss.instance);
    const holder = [nameKey, separateId(nameKey, loss)]
      .map((id) => this.#index.ownerOf(id))
      .find((tracked) => tracked?.paths.has(key));
    if (!holder) return;
    const paths = new Map(holder.paths);
    paths.delete(key);
    const left = { ...holder, paths };
    this.#records.store({ ...left, last: paths.size > 0 ? lastKnown(left, this.#options.services) : holder.last });
    if (paths.size > 0) return;
    this.#judge(holder.id, null);
    this.#watches.lost(holder.id, loss.atMs);
    const device = this.#records.describeId(holder.id);
    this.#options.log.info('device.lost', { device: device.name, id: device.id, reason: loss.reason });
    this.#emit({ kind: 'lost', device, reason: loss.reason });
    this.#joinRenamed(holder.id);
  }

  probed({ service, instance, localInterface, atMs }: MdnsProbe): void {
    const { nameKey } = identityOfName(service, instance);
    const device = this.#index.ownerOf(separateId(nameKey, { localInterface })) ?? this.#index.ownerOf(nameKey);
    if (device) this.#watches.probed(device.id, atMs);
  }

  portSeen(sighting: UsbSighting): void {
    for (const event of this.#slots.seen(sighting)) {
      if (event.kind === 'seen') {
        const { name, id, serial, mac } = event.device;
        this.#options.log.info('device.seen', { device: name, id, port: serial?.path, mac, why: event.why });
      }
      this.#emit(event);
    }
  }

  portLost(slot: string): void {
    for (const event of this.#slots.lost(slot)) {
      if (event.kind === 'lost') {
        const { name, id, serial } = event.device;
        this.#options.log.info('device.lost', { device: name, id, port: serial?.path, reason: event.reason });
      }
      this.#emit(event);
    }
  }

  /** Multicasts one question to the device. If it is awake, a sighting follows, and with it any event that it causes. */
  probe(id: string): void {
    for (const [service, instance] of this.#namesOf(id)) this.#prober.probe(service, instance);
  }

  /**
   * The device did not answer where it should have: asks for it over mDNS, and reports it `lost` in five seconds if it is silent there
   * as well. For devices that sleep: their records outlive their waking by far.
   */
  reconfirm(id: string): void {
    for (const [service, instance] of this.#namesOf(id)) this.#prober.reconfirm(service, instance);
  }

  /**
   * Resolves when the device is proven to have restarted after `afterMs` (epoch ms, by the clock as it is now); rejects with the signal's reason. It may be called
   * late: announcements of the last 15 seconds are remembered. A device that does not speak mDNS never resolves it.
   */
  expectReturn(id: string, request: ReturnRequest): Promise<ReturnEvidence> {
    const ownId = this.#index.ownerOf(id)?.id ?? id;
    return this.#watches.expect(ownId, request, () => this.probe(ownId));
  }

  /**
   * Resolves when the device is seen to start again after `afterMs` (epoch ms), without asking it anything; rejects with the signal's
   * reason. A device that does not speak mDNS never resolves it.
   */
  expectRestart(id: string, request: ReturnRequest): Promise<ReturnEvidence> {
    return this.#watches.expectRestart(this.#index.ownerOf(id)?.id ?? id, request);
  }

  #deviceOf(verdict: Verdict, sighting: MdnsSighting): Tracked {
    switch (verdict.kind) {
      case 'new':
        return newTracked(verdict.id, sighting.instance, sighting.atMs);
      case 'known':
        return verdict.device;
      case 'join':
        return this.#records.join(...verdict.devices);
      case 'conflict':
        return this.#index.ownerOf(verdict.id) ?? newTracked(verdict.id, sighting.instance, sighting.atMs);
    }
  }

  #judge(id: string, found: FoundConflict | null): void {
    const { log } = this.#options;
    judgeConflict(id, found, { records: this.#records, log, reconfirm: (otherId) => this.reconfirm(otherId) });
  }

  #applyEntry(device: Tracked, verdict: EntryVerdict): Tracked {
    if (verdict.kind !== 'take' && verdict.kind !== 'join') return device;
    const whole = verdict.kind === 'join' ? this.#records.join(device, verdict.placeholder) : device;
    return this.#records.withEntry(whole, verdict.entry);
  }

  #putEntry(entry: FixedDevice): void {
    const holder = this.#index.ownerOf(fixedKey(entry.name));
    const [only, second] = holder ? [holder] : describedBy(entry, this.#index, this.#options.services);
    const isClear = only !== undefined && second === undefined;
    const device = isClear ? only : newTracked(fixedKey(entry.name), entry.name, this.#options.clock.now());
    this.#records.store(this.#records.withEntry(device, entry));
  }

  #dropEntry(tracked: Tracked, names: ReadonlySet<string>): void {
    const left = withoutStaleEntry(tracked, names);
    if (left === tracked) return;
    if (tracked.keys.some(isNameKey)) {
      this.#records.store(left);
      return;
    }
    this.#index.remove(tracked.id);
    this.#watches.forget(tracked.id);
    this.#emit({ kind: 'removed', device: this.#records.describe(tracked) });
  }

  /** A device that was renamed: its old name fell silent while the new one is heard where it was. */
  #joinRenamed(goneId: string): void {
    const gone = this.#index.ownerOf(goneId);
    if (!gone?.last.address) return;
    for (const heir of this.#index.at(gone.last.address)) {
      const [path] = heir.paths.values();
      const isNewcomer = heir.firstSeenMs >= (gone.lastSeenMs ?? Number.POSITIVE_INFINITY);
      if (!path || !isNewcomer || !isRenamed(gone, path, knownMac(heir))) continue;
      this.#records.store(this.#records.join(gone, heir));
      return;
    }
  }

  #tellSeen(before: Tracked, id: string): void {
    const device = this.#records.describeId(id);
    const wasPresent = before.paths.size > 0;
    const old = this.#records.describe(before);
    const hasMoved = wasPresent && (old.address !== device.address || old.port !== device.port);
    if (wasPresent && !hasMoved) return;
    const why = hasMoved ? 'moved' : before.lastSeenMs === null ? 'new' : 'back';
    const { name, address, port, board } = device;
    this.#options.log.info('device.seen', { device: name, id: device.id, address, port, board, why });
    this.#emit({ kind: 'seen', device, why });
  }

  #heard(id: string, { atMs, isAnnouncement, probedMs }: MdnsSighting, wasPresent: boolean): void {
    if (probedMs !== null) this.#watches.probed(id, probedMs);
    if (!this.#watches.heard(id, atMs, isAnnouncement) || !wasPresent) return;
    const device = this.#records.describeId(id);
    this.#options.log.debug('device.announced', { device: device.name, id });
    this.#emit({ kind: 'announced', device });
  }

  /** A device that says what it said before: most of all sightings, and the cheapest. */
  #hearAgain(sighting: MdnsSighting): boolean {
    const { nameKey } = identityOfName(sighting.service, sighting.instance);
    const key = pathKey(sighting);
    const device = this.#index.ownerOf(separateId(nameKey, sighting)) ?? this.#index.ownerOf(nameKey);
    const path = device?.paths.get(key);
    if (!device || !path || device.conflict || !isSameWord(path, sighting)) return false;
    const isMacNews = !knownMac(device) && sighting.addresses.some((address) => this.#options.macOf(address) !== null);
    if (isMacNews) return false;
    const paths = new Map(device.paths).set(key, sighting);
    this.#index.refresh({ ...device, paths, lastSeenMs: sighting.atMs });
    this.#heard(device.id, sighting, true);
    return true;
  }

  /** Service and instance of a device, as its keys or live paths tell. */
  #namesOf(id: string): (readonly [service: string, instance: string])[] {
    const tracked = this.#index.ownerOf(id);
    if (!tracked) return [];
    const live = [...tracked.paths.values()].map(({ service, instance }) => [service, instance] as const);
    return live.length > 0 ? live : tracked.keys.flatMap(nameOfKey);
  }

  #emit(event: RegistryEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

/** The same but for the time and whether it was asked for. */
function isSameWord(a: MdnsSighting, b: MdnsSighting): boolean {
  const timeless = { isAnnouncement: false, probedMs: null, ttlSeconds: 0, atMs: 0 };
  return isDeepStrictEqual({ ...a, ...timeless }, { ...b, ...timeless });
}
