import type { Protocol } from '../protocol.ts';
import { acceptsAtImage } from './acceptance.ts';
import { ESPAT_SERIAL_FIELDS } from './options.ts';
import { flashEspatSerial } from './session.ts';

/** Modules with Espressif's AT firmware, told over their serial port to update themselves. */
export const espatSerial: Protocol = {
  name: 'espat-serial',
  summary:
    "Espressif's AT firmware on a serial port: the module fetches the image itself, and says afterwards what it runs",
  options: ESPAT_SERIAL_FIELDS,
  minimumPauseMs: 2_000,
  defaultPort: () => null,
  accepts: acceptsAtImage,
  flash: flashEspatSerial,
};
