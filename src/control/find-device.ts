import { FlashError } from '../errors.ts';
import { meant } from '../jobs/no-such.ts';
import type { Device } from '../model/device.ts';

/**
 * The device that a person means: by its id, one of its keys, its name, its MAC or its address. Case does not count.
 * Throws CONTROL_DEVICE_UNKNOWN, CONTROL_DEVICE_AMBIGUOUS.
 */
export function findDevice(devices: readonly Device[], text: string): Device {
  const wanted = text.toLowerCase();
  const exact = devices.filter((device) => [device.id, ...device.keys].some((key) => key.toLowerCase() === wanted));
  const found = exact.length > 0 ? exact : devices.filter((device) => namesOf(device).includes(wanted));
  const [device, another] = found;
  if (device === undefined) {
    const near =
      text === '' ? [] : devices.map(({ name }) => name).filter((name) => name.toLowerCase().startsWith(wanted));
    throw new FlashError('CONTROL_DEVICE_UNKNOWN', `no device is called ${JSON.stringify(text)}${meant(near)}`);
  }
  if (another === undefined) return device;
  const ids = found.slice(0, 5).map(({ id }) => id);
  throw new FlashError(
    'CONTROL_DEVICE_AMBIGUOUS',
    `${found.length} devices are called ${JSON.stringify(text)}: ${ids.join(', ')}`,
    { details: { ids } },
  );
}

function namesOf({ name, address, mac }: Device): string[] {
  return [name.toLowerCase(), ...(address === null ? [] : [address.toLowerCase()]), ...(mac === null ? [] : [mac])];
}
