import type { Protocol } from '../protocol.ts';
import { acceptsStoredImage } from './acceptance.ts';
import { PAUSE_AFTER_FAILURE_MS } from './constants.ts';
import { ESPOTA_FIELDS } from './options.ts';
import { defaultPort, flashEspota } from './session.ts';

/** ArduinoOTA, the "network port" of the Arduino cores for ESP8266 and ESP32. */
export const espota: Protocol = {
  name: 'espota',
  summary: 'ArduinoOTA over the network, as built into sketches of the ESP8266 and ESP32 Arduino cores',
  options: ESPOTA_FIELDS,
  minimumPauseMs: PAUSE_AFTER_FAILURE_MS,
  defaultPort,
  accepts: acceptsStoredImage,
  flash: flashEspota,
};
