import { insteadOfPackage } from '../../firmware/packages/instead-of-package.ts';
import type { Device } from '../../model/device.ts';
import type { FirmwareImage, ImageKind, StoredImage } from '../../model/image.ts';
import type { Acceptance } from '../protocol.ts';
import { GZIP_MAGIC, IMAGE_MAGIC } from './constants.ts';

const OVER_USB = 'it can only be flashed over USB';

/** Why ArduinoOTA cannot carry an image of a kind; absent for those that it can. */
const NOT_OTA: Partial<Record<ImageKind, string>> = {
  merged: `a merged (factory) image starts with the bootloader; ${OVER_USB}`,
  bootloader: `ArduinoOTA never replaces the bootloader; ${OVER_USB}`,
  'partition-table': `ArduinoOTA never replaces the partition table; ${OVER_USB}`,
  otadata: `ArduinoOTA keeps its own boot choice; ${OVER_USB}`,
  data: 'raw data is neither an application nor a known filesystem',
};

/** Can ArduinoOTA bring this image to this device? By the dossier alone. */
export function acceptsStoredImage(device: Device, { dossier, sizeBytes }: StoredImage): Acceptance {
  if (dossier.kind === 'package')
    return refuse(`a package holds bootloader and partition table as well: ${insteadOfPackage(dossier)}`);
  const reason = NOT_OTA[dossier.kind];
  if (reason !== undefined) return refuse(reason);
  if (dossier.userSlot != null) return refuse('it is one half of an SDK release, which eboot does not start');
  // eboot copies the whole file to flash address 0 (esp8266/Arduino, eboot.c): without an eboot in it there is none afterwards.
  if (dossier.kind === 'app' && dossier.chip === 'esp8266' && dossier.format !== 'esp8266-arduino')
    return refuse(`it is of format ${dossier.format}, without the eboot that has to start it; ${OVER_USB}`);
  if (dossier.format === 'cc3200') return refuse('it is for a WiPy 1, which has no ArduinoOTA');
  if (sizeBytes === 0) return refuse('the image is empty');
  const chip = device.chip ?? dossier.chip;
  if (dossier.container === 'gzip' && (dossier.kind === 'filesystem' || (chip !== null && chip !== 'esp8266'))) {
    return refuse('only an ESP8266 takes a gzip image, and only for the application');
  }
  return { accepted: true };
}

/** The same with the bytes at hand: an application whose first byte is wrong would be refused after it was sent. */
export function acceptsImage(device: Device, image: FirmwareImage): Acceptance {
  const acceptance = acceptsStoredImage(device, image);
  if (!acceptance.accepted || image.dossier.kind === 'filesystem') return acceptance;
  const [first, second] = image.bytes;
  if (first === IMAGE_MAGIC || (first === GZIP_MAGIC[0] && second === GZIP_MAGIC[1])) return acceptance;
  return refuse('an application image starts with the byte 0xE9');
}

function refuse(reason: string): Acceptance {
  return { accepted: false, reason };
}
