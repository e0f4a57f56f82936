import type { Device } from '../../model/device.ts';
import type { StoredImage } from '../../model/image.ts';
import type { Acceptance } from '../protocol.ts';

/** Whether an image may be something that AT modules fetch; its bytes are looked at when it is opened. */
export function acceptsAtImage({ serial, name }: Device, { dossier }: StoredImage): Acceptance {
  if (serial === null) return { accepted: false, reason: `${name} is not reached over a serial port` };
  if (dossier.userSlot != null || dossier.package?.source === 'esp-at') return { accepted: true };
  const isApp = dossier.kind === 'app' && (dossier.format === 'esp32' || dossier.format === 'esp8266-v3');
  if (isApp || dossier.kind === 'data') return { accepted: true };
  return {
    accepted: false,
    reason: 'it is no AT firmware for an update: no half of an SDK release and no application of ESP-AT',
  };
}
