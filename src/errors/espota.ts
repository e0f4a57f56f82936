import type { ErrorTable } from './entry.ts';

/** What an ArduinoOTA device says, or does not. */
export const ESPOTA_ERRORS = {
  OTA_NEEDS_IPV4: { disposition: 'permanent', hint: 'ArduinoOTA speaks IPv4 only; give the device an IPv4 address.' },
  OTA_NO_ANSWER: {
    disposition: 'retry',
    hint: 'Check power, address and port (8266 for an ESP8266, 3232 for an ESP32), and that the sketch calls ArduinoOTA.handle().',
  },
  OTA_UNEXPECTED_ANSWER: {
    disposition: 'retry',
    hint: 'Check that address and port belong to ArduinoOTA; the device said something else.',
  },
  OTA_AUTH_REQUIRED: {
    disposition: 'permanent',
    hint: 'Set "password" in the rule to the password of the sketch; with "dropflash flash" give --password-env or --password-file.',
  },
  OTA_AUTH_REFUSED: { disposition: 'permanent', hint: 'Correct "password"; it is not the one of the sketch.' },
  OTA_AUTH_NO_ANSWER: {
    disposition: 'retry',
    hint: 'Try again; if it stays so, raise "login-within", or look for a NAT that changes the source port.',
  },
  OTA_DIAL_BACK: {
    disposition: 'retry',
    hint: 'Set "listen" to a fixed port and open it for TCP in the firewall, container or NAT; on an ESP32 also compare the image with its OTA partition.',
  },
  OTA_NO_SPACE: {
    disposition: 'permanent',
    hint: 'Use a smaller build or a gzip image (ESP8266), or flash once over USB with a larger partition.',
  },
  OTA_NO_PARTITION: {
    disposition: 'permanent',
    hint: 'Flash once over USB with a partition table that has an OTA (or filesystem) partition.',
  },
  OTA_BAD_SIZE: { disposition: 'permanent', hint: 'Check the image; the device does not take one of this size.' },
  OTA_BAD_MAGIC: { disposition: 'permanent', hint: 'Check that the image is an application for this chip.' },
  OTA_FLASH_CONFIG: {
    disposition: 'permanent',
    hint: 'Build with the flash size and mode that the board really has.',
  },
  OTA_DEVICE_NOT_READY: {
    disposition: 'permanent',
    hint: 'Press reset on the board once: it was flashed over serial and has not been hard reset since.',
  },
  OTA_DEVICE_BUSY: {
    disposition: 'retry',
    hint: 'Restart the device if it stays so; it lacks memory or is updating already.',
  },
  OTA_CONNECTION_LOST: {
    disposition: 'retry',
    hint: 'Check power and radio signal; the device dropped the transfer and keeps its old application.',
  },
  OTA_STALLED: {
    disposition: 'retry',
    hint: 'Check the radio signal, and that the sketch does not block; the transfer came to a halt.',
  },
  OTA_FLASH_FAILED: {
    disposition: 'retry',
    hint: 'If it repeats, the flash chip is worn or its settings in the build are wrong; try over USB.',
  },
  OTA_CHECKSUM_MISMATCH: {
    disposition: 'retry',
    hint: 'If it repeats, check the flash chip and the power supply; the device read other bytes than were sent.',
  },
  OTA_SIGNATURE_REFUSED: {
    disposition: 'permanent',
    hint: 'Send the signed (or encrypted) image that belongs to the key in the device.',
  },
  OTA_NOT_ACTIVATED: {
    disposition: 'permanent',
    hint: 'Check that the image was built for this chip and revision; the device took it and cannot start it.',
  },
  OTA_ABORTED_BY_DEVICE: { disposition: 'retry', hint: 'Look into the sketch: it ended the update itself.' },
  OTA_REFUSED: {
    disposition: 'permanent',
    hint: "Look up the device's words in the message; they are not known here.",
  },
  OTA_RESULT_LOST: {
    disposition: 'uncertain',
    hint: 'Look which firmware the device runs: it had the whole image when the connection was lost.',
  },
} as const satisfies ErrorTable;
