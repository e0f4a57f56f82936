import type { ErrorTable } from './entry.ts';

/** What modules with Espressif's AT firmware say, or do not. */
export const ESPAT_ERRORS = {
  ESPAT_NOT_AT: {
    disposition: 'permanent',
    hint: 'Use user1.bin and user2.bin of the AT release (both in one archive), or the ota image of ESP-AT.',
  },
  ESPAT_SLOT_UNKNOWN: {
    disposition: 'permanent',
    hint: 'Pack both halves of one release into an archive as user1.bin and user2.bin.',
  },
  ESPAT_MAP_UNKNOWN: {
    disposition: 'permanent',
    hint: 'Set "flash-map" in the rule to the one the modules were first flashed with (docs/protocols/espat-cloud.md).',
  },
  ESPAT_WRONG_MAP: {
    disposition: 'permanent',
    hint: 'Use the build for the flash map of the modules; another one does not start, and no update can change the map.',
  },
  ESPAT_TOO_LARGE: {
    disposition: 'permanent',
    hint: 'Use a smaller build, or flash once over a serial port with a flash map that has larger slots.',
  },
  ESPAT_NO_ANSWER: {
    disposition: 'retry',
    hint: 'Check power, TX and RX, and that the module runs AT firmware; set "baud" if its rate is an unusual one.',
  },
  ESPAT_NOT_STARTING: {
    disposition: 'permanent',
    hint: 'Flash the module over the serial port (protocol: serial, GPIO0 low at reset) with a full set of images.',
  },
  ESPAT_NOT_A_MODULE: {
    disposition: 'permanent',
    hint: 'Check the port: what is there answers AT and is no module with AT firmware of Espressif.',
  },
  ESPAT_OTHER_FIRMWARE: {
    disposition: 'permanent',
    hint: 'Use an image of the same line: AT 0.x and 1.x take user1 and user2, ESP-AT (2.x and later) takes its application.',
  },
  ESPAT_UNSUPPORTED: {
    disposition: 'permanent',
    hint: 'Choose another "way", or flash the module over the serial port (protocol: serial).',
  },
  ESPAT_REFUSED: {
    disposition: 'permanent',
    hint: 'Look up the command in the AT instruction set of this firmware; the module answers it with ERROR.',
  },
  ESPAT_SILENT: {
    disposition: 'retry',
    hint: 'Check power and wiring; restart the module if it stays so. Nothing was written to it.',
  },
  ESPAT_NOT_JOINED: {
    disposition: 'retry',
    hint: 'Set "ssid" and "password", or let the module join its network first.',
  },
  ESPAT_JOIN_FAILED: {
    disposition: 'retry',
    hint: 'Check the name of the network, its channel (2.4 GHz) and the radio signal.',
  },
  ESPAT_WRONG_PASSWORD: { disposition: 'permanent', hint: 'Correct "password"; the network refuses it.' },
  ESPAT_NO_SERVER: {
    disposition: 'retry',
    hint: 'Let iot.espressif.cn lead to this machine (DNS, or "dns"), and listen on port 80; see docs/protocols/espat-cloud.md.',
  },
  ESPAT_NO_VERSION: {
    disposition: 'retry',
    hint: 'Check which server the module reached, and that an image for it is offered there.',
  },
  ESPAT_NOT_OFFERED: {
    disposition: 'permanent',
    hint: 'Drop an archive with both user1 and user2; which one a module needs depends on the one it runs.',
  },
  ESPAT_DOWNLOAD_FAILED: {
    disposition: 'retry',
    hint: 'Check the radio signal and the flash map; the module gave up and runs its old firmware.',
  },
  ESPAT_NOT_TAKEN: {
    disposition: 'permanent',
    hint: 'Compare the version of the image with what the module says; its bootloader may have refused the new slot.',
  },
  ESPAT_BRICKED: {
    disposition: 'permanent',
    hint: 'Flash the module over the serial port (protocol: serial, GPIO0 low at reset) with a full set of images.',
  },
  ESPAT_RESULT_LOST: {
    disposition: 'uncertain',
    hint: 'Look what the module says to AT+GMR; restart it if it says nothing. It may run the new firmware.',
  },
} as const satisfies ErrorTable;
