import { foldName } from './dns-message.ts';

/** What a service instance says of who it is, by its name alone. */
export interface NamedIdentity {
  /** `mdns:arduino/sensor-1`, in lower case. */
  readonly nameKey: string;
  /** `aa:bb:cc:dd:ee:ff`, where the name holds it. */
  readonly mac: string | null;
  /** All keys, strongest first. */
  readonly keys: readonly string[];
}

/**
 * The default host names hold hardware numbers: ArduinoOTA of arduino-esp32 makes `esp32-` and the twelve digits of the MAC address,
 * that of esp8266/Arduino makes `esp8266-` and the six of the chip id, which are the last three bytes of its MAC address.
 */
export function identityOfName(service: string, instance: string): NamedIdentity {
  const name = foldName(instance);
  const nameKey = `mdns:${foldName(service)}/${name}`;
  const mac = /^esp32-([0-9a-f]{12})$/.exec(name)?.[1]?.replace(/..(?=.)/g, '$&:') ?? null;
  const chipId = /^esp8266-([0-9a-f]{6})$/.exec(name)?.[1] ?? null;
  const keys = [...(mac ? [macKey(mac)] : []), ...(chipId ? [`chipid:${chipId}`] : []), nameKey];
  return { nameKey, mac, keys };
}

/** The strongest key there is: the same board under whatever name. */
export function macKey(mac: string): string {
  return `mac:${mac.toLowerCase()}`;
}

/** The key of an entry in the config's `devices:`, by its name. */
export function fixedKey(name: string): string {
  return `fixed:${name}`;
}

/** Is that key the device's own word about itself over mDNS? */
export function isNameKey(key: string): boolean {
  return key.startsWith('mdns:');
}

/** Service and instance of a name key; nothing for other keys. */
export function nameOfKey(key: string): (readonly [service: string, instance: string])[] {
  const [, service, instance] = /^mdns:([^/]+)\/(.+)$/s.exec(key) ?? [];
  return service && instance ? [[service, instance]] : [];
}

/** The id of a second device that goes by a name already taken on another interface. */
export function separateId(nameKey: string, { localInterface }: { readonly localInterface: string }): string {
  return `${nameKey}@${localInterface}`;
}
