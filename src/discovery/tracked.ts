import type { Device, FixedDevice, MdnsSighting, Presence } from '../model/device.ts';
import { identityOfName } from './identity.ts';

/** A live service instance of a device on one interface. */
export type Path = MdnsSighting;

/** Why it is not clear which device this is, and with which other one it is in conflict. */
export interface Conflict {
  readonly withId: string;
  readonly reason: string;
  /** Its sighting showed the conflict; on the other device, false. */
  readonly isReporter: boolean;
}

/** A device as the registry works on it. A value: each change makes a new one. */
export interface Tracked {
  readonly id: string;
  readonly keys: readonly string[];
  readonly entry: FixedDevice | null;
  /** By {@link pathKey}; empty: nothing vouches for it now. */
  readonly paths: ReadonlyMap<string, Path>;
  /** As it was when last seen, also by an earlier process. */
  readonly last: Pick<Device, 'name' | 'address' | 'port' | 'mac' | 'services' | 'board' | 'txt'>;
  /** Learnt from the ARP table: good for hints, weak as proof. */
  readonly arpMac: string | null;
  readonly conflict: Conflict | null;
  /** Seen by this process. */
  readonly wasSeen: boolean;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number | null;
}

const NOTHING_KNOWN = { address: null, port: null, mac: null, services: [], board: null, txt: {} } as const;

/** A device of which nothing but its name is known. */
export function newTracked(id: string, name: string, atMs: number): Tracked {
  return {
    id,
    keys: [id],
    entry: null,
    paths: new Map(),
    last: { name, ...NOTHING_KNOWN },
    arpMac: null,
    conflict: null,
    wasSeen: false,
    firstSeenMs: atMs,
    lastSeenMs: null,
  };
}

/** A device that the journal kept. What a person said of it comes anew from the config. */
export function restoredTracked(device: Device): Tracked {
  const { id, keys, name, address, port, mac, services, board, txt, firstSeenMs, lastSeenMs } = device;
  return {
    ...newTracked(id, name, firstSeenMs),
    keys: keys.includes(id) ? keys : [id, ...keys],
    last: { name, address, port, mac, services, board, txt },
    lastSeenMs,
  };
}

/** The public view. `services` gives the order in which a device's own services are preferred for its port and TXT record. */
export function describe(tracked: Tracked, services: readonly string[]): Device {
  const { entry, conflict } = tracked;
  const last = lastKnown(tracked, services);
  return {
    id: tracked.id,
    keys: tracked.keys,
    ...last,
    name: entry?.name ?? last.name,
    address: last.address ?? entry?.address ?? null,
    port: entry?.port ?? last.port,
    serial: null,
    mac: knownMac(tracked),
    chip: entry?.chip ?? null,
    protocol: entry?.protocol ?? null,
    tags: entry?.tags ?? [],
    ...(entry?.tryEveryMs === undefined ? {} : { tryEveryMs: entry.tryEveryMs }),
    presence: presenceOf(tracked),
    ...(conflict ? { conflict: conflict.reason } : {}),
    firstSeenMs: tracked.firstSeenMs,
    lastSeenMs: tracked.lastSeenMs,
  };
}

/** What its live paths say, or what they last said. */
export function lastKnown(tracked: Tracked, services: readonly string[]): Tracked['last'] {
  // Of the same service the path that was found last counts: a new name before the old one. Hearing one again changes nothing.
  const paths = [...tracked.paths.values()]
    .toReversed()
    .toSorted((a, b) => services.indexOf(a.service) - services.indexOf(b.service));
  const main = paths[0];
  if (!main) return tracked.entry?.address ? { ...tracked.last, address: tracked.entry.address } : tracked.last;
  const fixed = tracked.entry?.address;
  return {
    name: main.instance,
    address: fixed && main.addresses.includes(fixed) ? fixed : (main.addresses[0] ?? null),
    port: main.port,
    mac: identityOfName(main.service, main.instance).mac ?? tracked.arpMac ?? tracked.last.mac,
    services: [...new Set(paths.map(({ service }) => service))],
    board: main.txt['board'] ?? null,
    txt: main.txt,
  };
}

/** Its own word or a person's before what the ARP table says. */
export function knownMac(tracked: Tracked): string | null {
  return ownMac(tracked) ?? tracked.arpMac ?? tracked.last.mac;
}

/** The same device, without what the ARP table says or said of its MAC address. */
export function withoutArpMac(tracked: Tracked): Tracked {
  return { ...tracked, arpMac: null, last: { ...tracked.last, mac: null } };
}

/** The MAC address that is one of its keys. */
export function ownMac({ keys }: Tracked): string | null {
  return keys.find((key) => key.startsWith('mac:'))?.slice('mac:'.length) ?? null;
}

function presenceOf({ paths, entry, wasSeen }: Tracked): Presence {
  if (paths.size > 0) return 'present';
  return entry?.address && !wasSeen ? 'unknown' : 'away';
}

/** One way to a device: a service instance on an interface. */
export function pathKey(path: Pick<Path, 'service' | 'instance' | 'localInterface'>): string {
  return `${identityOfName(path.service, path.instance).nameKey} ${path.localInterface}`;
}

/** Two records of one device as one. The older id stays; what is live comes from both. */
export function joinTracked(keep: Tracked, drop: Tracked): Tracked {
  const newer = (drop.lastSeenMs ?? 0) > (keep.lastSeenMs ?? 0) ? drop : keep;
  return {
    ...keep,
    keys: [...new Set([...keep.keys, ...drop.keys])],
    entry: keep.entry ?? drop.entry,
    paths: new Map([...keep.paths, ...drop.paths]),
    last: newer.last,
    arpMac: newer.arpMac ?? keep.arpMac ?? drop.arpMac,
    conflict: null,
    wasSeen: keep.wasSeen || drop.wasSeen,
    lastSeenMs: newer.lastSeenMs,
  };
}

/** Which of two records keeps its id: the one known longer; of equals the one that stands first. */
export function older(a: Tracked, b: Tracked): readonly [keep: Tracked, drop: Tracked] {
  return b.firstSeenMs < a.firstSeenMs ? [b, a] : [a, b];
}
