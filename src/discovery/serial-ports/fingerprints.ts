import type { UsbFacts } from '../../model/device.ts';
import { ESPRESSIF_VENDOR, ROM_USB_OTG, USB_SERIAL_JTAG } from '../../model/usb-ids.ts';

/**
 * What is at the other end of the cable.
 * - `usb-serial-jtag`: the chip itself, through its own serial peripheral. `usb-otg`: the chip itself, through USB that its ROM or its application runs.
 * - `uart-bridge`: an adapter in front of a UART; whatever is behind it.
 * - `maybe`: something that a board may be, and many other things are. `not`: no board of ours.
 */
export type PortRole = 'usb-serial-jtag' | 'usb-otg' | 'uart-bridge' | 'maybe' | 'not';

/** Facts about an adapter that change how it is used. */
export type PortQuirk =
  /** It has no serial number, or all of a kind have the same. */
  | 'serial-worthless'
  /** Its serial number is the MAC address of the chip. */
  | 'serial-is-mac'
  /** It leaves the bus when the chip restarts. */
  | 'vanishes-on-reset'
  /** Several UARTs; not every one is wired to the chip. */
  | 'several-ports'
  /** Releasing DTR after the reset pulls RTS, by its flow control. */
  | 'keeps-dtr'
  /** Counterfeits of it fail above 115,200 baud. */
  | 'slow-counterfeits';

/** What is known of a kind of USB port by its ids. */
export interface Fingerprint {
  readonly vendorId: number;
  /** First and last, inclusive; null: all of this vendor that are not listed themselves. */
  readonly products: readonly [first: number, last: number] | null;
  readonly name: string;
  readonly role: PortRole;
  /** How sure it is that a chip of ours is there, from 0 to 1. */
  readonly score: number;
  readonly quirks: readonly PortQuirk[];
}

function one(
  vendorId: number,
  productId: number,
  name: string,
  role: PortRole,
  score: number,
  quirks: readonly PortQuirk[] = [],
): Fingerprint {
  return { vendorId, products: [productId, productId], name, role, score, quirks };
}

/**
 * Known USB ids, from the vendors' data sheets, the drivers' id tables in the Linux kernel (cp210x, ch341, ftdi_sio, pl2303, cdc-acm),
 * Espressif's usb-pids list, and ESP-IDF, "Establish Serial Connection". The first that fits counts.
 */
export const FINGERPRINTS: readonly Fingerprint[] = [
  one(ESPRESSIF_VENDOR, USB_SERIAL_JTAG, 'USB-Serial/JTAG', 'usb-serial-jtag', 1, [
    'serial-is-mac',
    'vanishes-on-reset',
  ]),
  one(ESPRESSIF_VENDOR, 0x1002, 'ESP-USB-Bridge', 'uart-bridge', 0.9),
  one(ESPRESSIF_VENDOR, ROM_USB_OTG.esp32s2, 'ESP32-S2 ROM', 'usb-otg', 1, ['serial-worthless', 'vanishes-on-reset']),
  one(ESPRESSIF_VENDOR, ROM_USB_OTG.esp32s3, 'ESP32-S3 ROM', 'usb-otg', 1, ['serial-worthless', 'vanishes-on-reset']),
  one(ESPRESSIF_VENDOR, ROM_USB_OTG.esp32p4, 'ESP32-P4 ROM', 'usb-otg', 1, ['serial-worthless', 'vanishes-on-reset']),
  {
    vendorId: ESPRESSIF_VENDOR,
    products: null,
    name: 'application on an Espressif chip',
    role: 'usb-otg',
    score: 0.8,
    quirks: ['vanishes-on-reset'],
  },
  one(0x10c4, 0xea60, 'CP210x', 'uart-bridge', 0.8),
  one(0x10c4, 0xea70, 'CP2105', 'uart-bridge', 0.7, ['several-ports']),
  one(0x10c4, 0xea71, 'CP2108', 'uart-bridge', 0.7, ['several-ports']),
  one(0x10c4, 0xea64, 'CP2102C', 'uart-bridge', 0.8, ['keeps-dtr']),
  one(0x1a86, 0x7523, 'CH340', 'uart-bridge', 0.8, ['serial-worthless']),
  one(0x1a86, 0x7522, 'CH340K', 'uart-bridge', 0.8, ['serial-worthless']),
  one(0x1a86, 0x5523, 'CH341', 'uart-bridge', 0.7, ['serial-worthless']),
  one(0x1a86, 0x55d4, 'CH9102', 'uart-bridge', 0.8),
  one(0x1a86, 0x55d3, 'CH343', 'uart-bridge', 0.8),
  one(0x1a86, 0x55d2, 'CH342', 'uart-bridge', 0.7, ['several-ports']),
  one(0x1a86, 0x55d5, 'CH344', 'uart-bridge', 0.7, ['several-ports']),
  one(0x1a86, 0x55d9, 'CH348', 'uart-bridge', 0.7, ['several-ports']),
  one(0x0403, 0x6001, 'FT232R', 'uart-bridge', 0.7),
  one(0x0403, 0x6010, 'FT2232', 'uart-bridge', 0.7, ['several-ports']),
  one(0x0403, 0x6011, 'FT4232', 'uart-bridge', 0.7, ['several-ports']),
  one(0x0403, 0x6014, 'FT232H', 'uart-bridge', 0.7),
  one(0x0403, 0x6015, 'FT-X', 'uart-bridge', 0.7),
  one(0x067b, 0x2303, 'PL2303', 'uart-bridge', 0.6, ['serial-worthless', 'slow-counterfeits']),
  { vendorId: 0x067b, products: [0x23a3, 0x23f3], name: 'PL2303G', role: 'uart-bridge', score: 0.6, quirks: [] },
  one(0x2341, 0x0070, 'Arduino Nano ESP32', 'usb-otg', 0.9, ['vanishes-on-reset']),
  one(0x2341, 0x0043, 'Arduino Uno', 'not', 0),
  one(0x2341, 0x0042, 'Arduino Mega 2560', 'not', 0),
  { vendorId: 0x2341, products: null, name: 'Arduino', role: 'maybe', score: 0.2, quirks: [] },
  { vendorId: 0x239a, products: null, name: 'Adafruit', role: 'maybe', score: 0.3, quirks: [] },
  { vendorId: 0x2e8a, products: null, name: 'Raspberry Pi', role: 'not', score: 0, quirks: [] },
  // Pysense, Pytrack and the expansion board of Pycom: a PIC in front of the chip, which has to be asked for its loader.
  { vendorId: 0x04d8, products: [0xf012, 0xf013], name: 'Pycom carrier board', role: 'maybe', score: 0.4, quirks: [] },
  { vendorId: 0x04d8, products: [0xef38, 0xef98], name: 'Pycom carrier board', role: 'maybe', score: 0.4, quirks: [] },
  // Modems of phones and routers have control ports that look like any other.
  { vendorId: 0x12d1, products: null, name: 'Huawei modem', role: 'not', score: 0, quirks: [] },
  { vendorId: 0x1199, products: null, name: 'Sierra Wireless modem', role: 'not', score: 0, quirks: [] },
  { vendorId: 0x2c7c, products: null, name: 'Quectel modem', role: 'not', score: 0, quirks: [] },
];

const UNKNOWN: Omit<Fingerprint, 'vendorId' | 'products'> = {
  name: 'unknown USB serial port',
  role: 'maybe',
  score: 0.1,
  quirks: [],
};

/** From here on a port counts as a board; below, it takes a person to say so. */
export const LEAST_SCORE = 0.5;

/** What is known of a port by its USB ids. */
export function fingerprintOf(usb: UsbFacts): Fingerprint {
  const { vendorId, productId } = usb;
  const found = FINGERPRINTS.find(
    (entry) => entry.vendorId === vendorId && entry.products !== null && isWithin(productId, entry.products),
  );
  const vendor = FINGERPRINTS.find((entry) => entry.vendorId === vendorId && entry.products === null);
  return found ?? vendor ?? { ...UNKNOWN, vendorId, products: null };
}

/** Serial numbers that makers leave as they came: Silicon Labs ships CP2102 with `0001`, TinyUSB's examples have `123456`. */
const COMMON_SERIALS = /^(0+1?|123456(789)?(0|abcdef)?)$/i;

/** The serial number, where it tells one adapter from the next; else null. */
export function trustedSerial(usb: UsbFacts): string | null {
  const { serialNumber } = usb;
  if (serialNumber === null || COMMON_SERIALS.test(serialNumber)) return null;
  return fingerprintOf(usb).quirks.includes('serial-worthless') ? null : serialNumber;
}

/** The MAC address of the chip, lower case with colons, where its USB serial number is that. */
export function macOf(usb: UsbFacts): string | null {
  const mac = usb.serialNumber?.toLowerCase() ?? '';
  if (!fingerprintOf(usb).quirks.includes('serial-is-mac')) return null;
  if (/^[0-9a-f]{12}$/.test(mac)) return mac.replace(/..(?=.)/g, '$&:');
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) ? mac : null;
}

function isWithin(value: number, [first, last]: readonly [number, number]): boolean {
  return value >= first && value <= last;
}
