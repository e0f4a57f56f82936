import type { ErrorTable } from './entry.ts';

/** What happens on a serial port with a chip behind it. */
export const SERIAL_ERRORS = {
  SERIAL_PORT_NOT_FOUND: {
    disposition: 'retry',
    hint: 'Plug the board in, or correct the port; "dropflash ports" lists what is there.',
  },
  SERIAL_PORT_DENIED: {
    disposition: 'permanent',
    hint: 'Give this user the right to use the port: on Linux, add it to the group that owns the device (often "dialout").',
  },
  SERIAL_PORT_BUSY: { disposition: 'retry', hint: 'Close the program that holds the port, often a serial monitor.' },
  SERIAL_PORT_LOST: { disposition: 'retry', hint: 'Check cable, hub and power supply; the port went away.' },
  SERIAL_PORT_FAILED: {
    disposition: 'retry',
    hint: 'Unplug the adapter and plug it in again, and look into the system log; across a network, look at the server (without RFC 2217 its port is tcp://HOST:PORT).',
  },
  SERIAL_PORT_STUCK: {
    disposition: 'retry',
    hint: 'Unplug the adapter and plug it in again; its driver did not answer.',
  },
  SERIAL_BAUD_REFUSED: { disposition: 'retry', hint: 'Set "baud" to a rate that the adapter can do, such as 460800.' },
  SERIAL_NO_REPLY: {
    disposition: 'retry',
    hint: 'Check power, that TX and RX are crossed, ground is connected and this is the right port; or hold BOOT and press reset.',
  },
  SERIAL_NO_SYNC: {
    disposition: 'retry',
    hint: "Check the wire from the adapter's TX to the chip's RX: the chip waits for a download and hears nothing.",
  },
  SERIAL_WRONG_BOOT_MODE: {
    disposition: 'retry',
    hint: 'Hold the BOOT button while resetting, or check the line from DTR to the boot pin; the chip started from flash.',
  },
  SERIAL_NOT_RESET: {
    disposition: 'retry',
    hint: 'Check the line from RTS to EN (RST), or press reset with BOOT held; the chip kept running its application.',
  },
  SERIAL_CHIP_UNKNOWN: {
    disposition: 'permanent',
    hint: 'Check that the board carries a chip that dropflash supports; docs/protocols/esptool.md lists them.',
  },
  SERIAL_BOARD_CHANGED: {
    disposition: 'retry',
    hint: 'Leave the board in its fixture until it is done; another one answered in the middle of the work.',
  },
  SERIAL_NO_ANSWER: {
    disposition: 'retry',
    hint: 'Check cable and power; lower "baud" if it repeats. The chip stopped answering.',
  },
  SERIAL_LINE_NOISE: {
    disposition: 'retry',
    hint: 'Use a shorter cable or lower "baud"; bytes were damaged or lost between this machine and the chip.',
  },
  SERIAL_UNSUPPORTED: {
    disposition: 'permanent',
    hint: 'The loader on this chip cannot do that: set "stub: true" where it was false, else choose another way.',
  },
  SERIAL_CHIP_REFUSED: {
    disposition: 'retry',
    hint: 'Look up the status byte in docs/protocols/esptool.md; the chip refused a command.',
  },
  SERIAL_STUB_FAILED: {
    disposition: 'retry',
    hint: 'Try again, or set "stub: false" to work with the loader in ROM; the flasher stub did not start.',
  },
  SERIAL_NO_FLASH: {
    disposition: 'permanent',
    hint: 'Check the flash chip, its soldering, its voltage and the strapping pins (GPIO12 on an ESP32).',
  },
  SERIAL_FLASH_FAILED: {
    disposition: 'retry',
    hint: 'Check the power supply; if it repeats, the flash chip is worn, write-protected or badly soldered.',
  },
  SERIAL_VERIFY_FAILED: {
    disposition: 'retry',
    hint: 'Check the power supply; if it repeats, the flash chip is worn, write-protected or badly soldered.',
  },
  SERIAL_WRONG_REVISION: {
    disposition: 'permanent',
    hint: 'Build for this revision of the chip (ESP-IDF: minimum and maximum supported revision).',
  },
  SERIAL_SECURED: {
    disposition: 'permanent',
    hint: 'Set "allow-secure: true" only with images that are signed and encrypted for this very device.',
  },
  SERIAL_NO_PLACE: {
    disposition: 'permanent',
    hint: 'Flash the partition table or a factory image first, or with it; where nothing in the file says where it belongs, give "offset".',
  },
  SERIAL_WRONG_PLACE: {
    disposition: 'permanent',
    hint: 'Set "offset: auto", or the offset at which this kind of image belongs.',
  },
  SERIAL_NO_SPACE: {
    disposition: 'permanent',
    hint: 'Use a smaller build, a partition table with a larger partition, or a board with more flash.',
  },
  SERIAL_OVERLAP: { disposition: 'permanent', hint: 'Give the images offsets that share no sector of 4096 bytes.' },
} as const satisfies ErrorTable;
