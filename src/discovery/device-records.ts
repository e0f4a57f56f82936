import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../log.ts';
import type { Device, FixedDevice } from '../model/device.ts';
import { DeviceIndex } from './device-index.ts';
import { keysOfEntry } from './fixed-list.ts';
import type { RegistryEvent } from './registry-event.ts';
import { describe, joinTracked, knownMac, older, ownMac, type Tracked, withoutArpMac } from './tracked.ts';

/** What the records are described with, and who is told of changes. */
export interface DeviceRecordsOptions {
  readonly log: Logger;
  /** In order of preference, as for the registry. */
  readonly services: readonly string[];
  readonly tell: (event: RegistryEvent) => void;
  /** `fromId` turned out to be `id`, and is gone. */
  readonly onJoin: (id: string, fromId: string) => void;
}

/**
 * The records of the devices on the network, and what holds between them: a key belongs to one device, a MAC address as well. What
 * becomes different in a record is told.
 */
export class DeviceRecords {
  readonly index: DeviceIndex;
  readonly #options: DeviceRecordsOptions;

  constructor(options: DeviceRecordsOptions) {
    this.#options = options;
    this.index = new DeviceIndex(options.services);
  }

  describe(tracked: Tracked): Device {
    return describe(tracked, this.#options.services);
  }

  /** @throws Error for an id that no record has: a mistake of the program */
  describeId(id: string): Device {
    const tracked = this.index.ownerOf(id);
    if (!tracked) throw new Error(`no device ${id}`);
    return this.describe(tracked);
  }

  /** Keeps a record, and tells of it where it says something new. */
  store(tracked: Tracked): void {
    const old = this.index.ownerOf(tracked.id);
    const device = this.describe(this.put(tracked));
    const hasChanged =
      !old || !isDeepStrictEqual({ ...this.describe(old), lastSeenMs: 0 }, { ...device, lastSeenMs: 0 });
    if (hasChanged) this.#options.tell({ kind: 'changed', device });
  }

  /** No two devices have one MAC address: what the ARP table said of one gives way to what the other says itself. */
  put(tracked: Tracked): Tracked {
    const mac = knownMac(tracked);
    const rival = mac === null ? undefined : this.index.withMac(mac);
    const hasRival = rival !== undefined && rival.id !== tracked.id;
    const mustYield = hasRival && ownMac(rival) !== null;
    if (hasRival && !mustYield) this.store(withoutArpMac(rival));
    const settled = mustYield ? withoutArpMac(tracked) : tracked;
    this.index.put(settled);
    return settled;
  }

  /** Two records that are one device: the older one stays. */
  join(a: Tracked, b: Tracked): Tracked {
    const [keep, drop] = older(a, b);
    const joined = joinTracked(keep, drop);
    const wasTold = this.index.has(drop.id);
    this.index.remove(drop.id);
    const kept = this.put(joined);
    this.#options.onJoin(keep.id, drop.id);
    if (!wasTold) return kept;
    const device = this.describe(kept);
    this.#options.log.debug('device.merged', { device: device.name, id: device.id, from: drop.id });
    this.#options.tell({ kind: 'merged', device, fromId: drop.id });
    return kept;
  }

  /** The keys of a device with these: a key belongs to the device that had it first, until that one is joined with another. */
  unclaimed(keys: readonly string[], device: Tracked): readonly string[] {
    const free = keys.filter((key) => (this.index.ownerOf(key) ?? device).id === device.id);
    const all = new Set([...device.keys, ...free]);
    return all.size === device.keys.length ? device.keys : [...all];
  }

  withEntry(device: Tracked, entry: FixedDevice): Tracked {
    return { ...device, entry, keys: this.unclaimed(keysOfEntry(entry), device) };
  }
}
