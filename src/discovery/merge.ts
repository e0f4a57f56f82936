import { isIPv4 } from 'node:net';
import type { FixedDevice, MdnsSighting } from '../model/device.ts';
import { foldName } from './dns-message.ts';
import { fixedKey, identityOfName, isNameKey, macKey, separateId } from './identity.ts';
import { knownMac, type Tracked } from './tracked.ts';

/** What the decisions below may look at. */
export interface DeviceTable {
  ownerOf(key: string): Tracked | undefined;
  /** Devices last known at an address. */
  at(address: string): readonly Tracked[];
  /** Entries of the fixed list that may concern a device: by MAC, instance or address. */
  entriesFor(facts: EntryFacts): readonly FixedDevice[];
}

/** What an entry of the fixed list is compared with. */
export interface EntryFacts {
  readonly mac: string | null;
  readonly instance: string;
  readonly addresses: readonly string[];
}

/** Whose sighting it is. */
export type Verdict =
  | { readonly kind: 'new'; readonly id: string }
  | { readonly kind: 'known'; readonly device: Tracked }
  /** Records that turn out to be one device. */
  | { readonly kind: 'join'; readonly devices: readonly [Tracked, Tracked] }
  /** It fits two devices. It is taken as `id`, nothing is joined, and both are marked. */
  | { readonly kind: 'conflict'; readonly id: string; readonly other: Tracked; readonly reason: string };

/**
 * A device that was renamed comes back at its old address within this time. DHCP servers do not give an address to someone else so
 * soon after its holder was heard.
 */
const RENAME_WINDOW_MS = 10 * 60_000;

/**
 * Decides which device a sighting is of. Never guesses: evidence that points to two devices which cannot be one is a conflict.
 *
 * @param arpMac what the ARP table says of the address; trusted only as far as it contradicts nothing
 */
export function identify(sighting: MdnsSighting, arpMac: string | null, table: DeviceTable): Verdict {
  const named = identityOfName(sighting.service, sighting.instance);
  const byName = nameOwner(sighting, named.nameKey, table);
  if (byName.kind === 'conflict') return byName;
  const owner = byName.device;
  const others = [...named.keys.map((key) => table.ownerOf(key)), hostMate(sighting, table)];
  const other = others.find((tracked) => tracked !== undefined && tracked !== owner);
  const mac = named.mac ?? arpMac;
  if (other) return owner ? joinOrConflict(owner, other, mac) : { kind: 'known', device: other };
  const arpOwner = arpMac ? arpOwnerOf(sighting, arpMac, table) : undefined;
  if (arpOwner && arpOwner !== owner && canBe(arpOwner, sighting)) {
    return owner ? joinOrConflict(owner, arpOwner, mac) : { kind: 'known', device: arpOwner };
  }
  if (owner) return { kind: 'known', device: owner };
  const renamed = sighting.addresses
    .flatMap((address) => table.at(address))
    .find((old) => isRenamed(old, sighting, mac));
  return renamed ? { kind: 'known', device: renamed } : { kind: 'new', id: named.keys[0] ?? named.nameKey };
}

type NameOwner =
  | { readonly kind: 'owner'; readonly device: Tracked | undefined }
  | Extract<Verdict, { readonly kind: 'conflict' }>;

/** One name on two networks: one device with two feet, if the addresses say so, else two devices that nothing tells apart. */
function nameOwner(sighting: MdnsSighting, nameKey: string, table: DeviceTable): NameOwner {
  const owner = table.ownerOf(nameKey);
  const rival = [...(owner?.paths.values() ?? [])].find(
    (path) =>
      path.localInterface !== sighting.localInterface &&
      identityOfName(path.service, path.instance).nameKey === nameKey &&
      !sharesAddress(path.addresses, sighting.addresses),
  );
  if (!owner || !rival) {
    // Once told apart they stay apart.
    return { kind: 'owner', device: table.ownerOf(separateId(nameKey, sighting)) ?? owner };
  }
  const reason = `two devices are called "${sighting.instance}": ${rival.addresses[0]} on ${rival.localInterface} and ${sighting.addresses[0]} on ${sighting.localInterface}`;
  return { kind: 'conflict', id: separateId(nameKey, sighting), other: owner, reason };
}

/** A device that offers another service from the same host name and address: RFC 6762 makes host names unique on a link. */
function hostMate(sighting: MdnsSighting, table: DeviceTable): Tracked | undefined {
  return sighting.addresses
    .flatMap((address) => table.at(address))
    .find((tracked) =>
      [...tracked.paths.values()].some(
        (path) =>
          path.localInterface === sighting.localInterface &&
          path.host.toLowerCase() === sighting.host.toLowerCase() &&
          path.service !== sighting.service &&
          sharesAddress(path.addresses, sighting.addresses),
      ),
    );
}

function joinOrConflict(owner: Tracked, other: Tracked, mac: string | null): Verdict {
  const [macOfOwner, macOfOther] = [knownMac(owner) ?? mac, knownMac(other)];
  if (macOfOwner && macOfOther && macOfOwner !== macOfOther) {
    const reason = `"${owner.last.name}" (${macOfOwner}) and "${other.last.name}" (${macOfOther}) claim one identity`;
    return { kind: 'conflict', id: owner.id, other, reason };
  }
  if (owner.paths.size > 0 && other.paths.size > 0 && !sharesLiveAddress(owner, other)) {
    const reason = `"${owner.last.name}" and "${other.last.name}" look like one device but are at two addresses`;
    return { kind: 'conflict', id: owner.id, other, reason };
  }
  return { kind: 'join', devices: [owner, other] };
}

/** The old name at that address fell silent a short while ago, and nothing says that it was another device. */
export function isRenamed(old: Tracked, sighting: MdnsSighting, mac: string | null): boolean {
  const oldMac = knownMac(old);
  return (
    old.paths.size === 0 &&
    old.keys.some(isNameKey) &&
    old.last.port === sighting.port &&
    old.last.services.includes(sighting.service) &&
    old.lastSeenMs !== null &&
    sighting.atMs - old.lastSeenMs <= RENAME_WINDOW_MS &&
    !(mac && oldMac && mac !== oldMac)
  );
}

/**
 * Whom the ARP table points to: a device that is known by this MAC address by its own word or a person's, or one that was at this
 * address under it. The same MAC address at another address says little: Wi-Fi repeaters lend theirs to all behind them.
 */
function arpOwnerOf(sighting: MdnsSighting, mac: string, table: DeviceTable): Tracked | undefined {
  const here = sighting.addresses.flatMap((address) => table.at(address));
  return table.ownerOf(macKey(mac)) ?? here.find((tracked) => knownMac(tracked) === mac);
}

/** The ARP table says it is this one: believed if that one is not seen elsewhere at the same time. */
function canBe(candidate: Tracked, sighting: MdnsSighting): boolean {
  return (
    candidate.paths.size === 0 ||
    [...candidate.paths.values()].every((path) => sharesAddress(path.addresses, sighting.addresses))
  );
}

/** What an entry of the fixed list does to a device. */
export type EntryVerdict =
  | { readonly kind: 'none' }
  | { readonly kind: 'take'; readonly entry: FixedDevice }
  /** The entry stood for a device not seen until now: it is this one. */
  | { readonly kind: 'join'; readonly entry: FixedDevice; readonly placeholder: Tracked }
  | { readonly kind: 'conflict'; readonly other: Tracked; readonly reason: string };

/** Which entry of the fixed list describes a device that is seen. */
export function matchEntry(
  device: Tracked,
  sighting: MdnsSighting,
  mac: string | null,
  table: DeviceTable,
): EntryVerdict {
  const { instance, addresses, port } = sighting;
  const isNamed = (entry: FixedDevice) => entry.instance !== null && foldName(entry.instance) === foldName(instance);
  const entries = table
    .entriesFor({ mac, instance, addresses })
    .filter(
      (entry) => (mac !== null && entry.mac === mac) || isNamed(entry) || entry.port === null || entry.port === port,
    );
  const [entry, second] = entries;
  if (!entry) return { kind: 'none' };
  const holder = table.ownerOf(fixedKey(entry.name));
  if (second) {
    const rival = table.ownerOf(fixedKey(second.name)) ?? holder ?? device;
    return conflict(
      rival,
      `the entries "${entry.name}" and "${second.name}" of the fixed list both fit "${sighting.instance}"`,
    );
  }
  const isOther = entry.mac && mac ? entry.mac !== mac : entry.instance !== null && !isNamed(entry);
  if (isOther) {
    const expected = entry.mac ?? entry.instance;
    return conflict(holder ?? device, `"${instance}" (${mac}) is at the address of "${entry.name}" (${expected})`);
  }
  if (holder === device || !holder) return { kind: 'take', entry };
  if (holder.keys.some(isNameKey) || device.entry) {
    return conflict(
      holder,
      `"${sighting.instance}" fits the entry "${entry.name}", which stands for "${holder.last.name}"`,
    );
  }
  return { kind: 'join', entry, placeholder: holder };
}

/** Two live names at one address and port: one device renamed a moment ago, or addresses being swapped. The next seconds will tell. */
export function twoNamesAtOneAddress(device: Tracked, sighting: MdnsSighting, table: DeviceTable): EntryVerdict {
  const { service, addresses, port } = sighting;
  const isThere = (path: MdnsSighting) =>
    path.service === service && path.port === port && path.addresses.some((address) => addresses.includes(address));
  const other = addresses
    .flatMap((address) => table.at(address))
    .find((rival) => rival.id !== device.id && [...rival.paths.values()].some(isThere));
  if (!other) return { kind: 'none' };
  return conflict(other, `"${device.last.name}" and "${other.last.name}" are both at ${addresses[0]}:${port}`);
}

function conflict(other: Tracked, reason: string): EntryVerdict {
  return { kind: 'conflict', other, reason };
}

function sharesLiveAddress(a: Tracked, b: Tracked): boolean {
  return [...a.paths.values()].some((left) =>
    [...b.paths.values()].some((right) => sharesAddress(left.addresses, right.addresses)),
  );
}

/** Lists of different families say nothing about each other. */
function sharesAddress(a: readonly string[], b: readonly string[]): boolean {
  const isComparable = a.some((left) => b.some((right) => isIPv4(left) === isIPv4(right)));
  return !isComparable || a.some((address) => b.includes(address));
}
