import type { Protocol } from '../protocol.ts';
import { acceptsSerial, flashSerial } from './flash.ts';
import { SERIAL_FIELDS } from './options.ts';
import { PreparedImages } from './prepared-image.ts';

/** The loader in the ROM of Espressif's chips, and their flasher stub, over a serial port. */
function createSerial(prepared: PreparedImages): Protocol {
  return {
    name: 'serial',
    summary: "a serial port of this machine or across the network, by the loader in the chip's ROM",
    options: SERIAL_FIELDS,
    minimumPauseMs: 500,
    defaultPort: () => null,
    accepts: acceptsSerial,
    flash: (request, signal) => flashSerial(request, signal, prepared),
  };
}

/** With one store of deflated images for the whole process: sixteen boards of a line get the same bytes. */
export const serial: Protocol = createSerial(new PreparedImages());
