import type { FixedDevice } from '../model/device.ts';
import type { DeviceIndex } from './device-index.ts';
import { fixedKey, identityOfName, macKey } from './identity.ts';
import type { Tracked } from './tracked.ts';

/**
 * Known devices without an entry that an entry describes: by MAC address or instance, else those that are at its address now. One
 * that is away is not found by its address: someone else may be there.
 */
export function describedBy(entry: FixedDevice, index: DeviceIndex, services: readonly string[]): Tracked[] {
  const { mac, instance, address, port } = entry;
  const nameKeys = instance ? services.map((service) => identityOfName(service, instance).nameKey) : [];
  const byKey = [...(mac ? [macKey(mac)] : []), ...nameKeys].flatMap((key) => index.ownerOf(key) ?? []);
  const byAddress = (address ? index.at(address) : []).filter(
    ({ paths, last }) => paths.size > 0 && (port === null || last.port === port),
  );
  return [...new Set(byKey.length > 0 ? byKey : byAddress)].filter((tracked) => tracked.entry === null);
}

/** The keys that an entry gives to its device. */
export function keysOfEntry(entry: FixedDevice): readonly string[] {
  return [fixedKey(entry.name), ...(entry.mac ? [macKey(entry.mac)] : [])];
}

/** A device whose entry is gone from the fixed list; the same device where its entry is still there. */
export function withoutStaleEntry(tracked: Tracked, names: ReadonlySet<string>): Tracked {
  const keys = tracked.keys.filter((key) => !key.startsWith('fixed:') || names.has(key));
  if (keys.length === tracked.keys.length) return tracked;
  const isListed = tracked.entry !== null && names.has(fixedKey(tracked.entry.name));
  return { ...tracked, keys, entry: isListed ? tracked.entry : null };
}
