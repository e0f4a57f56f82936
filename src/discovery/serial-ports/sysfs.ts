import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import type { PortListing } from './port-listing.ts';

/** Consoles and the serial ports of the mainboard: never on USB, and some dozens of them on every machine. */
const NEVER_USB = /^(tty|console|ptmx|tty\d+|ttyS\d+|ttyp.*)$/;
/** No USB tree is deeper: five hubs, and some directories a device (USB 2.0, section 4.1.1). */
const MOST_STEPS_UP = 12;

/**
 * The USB serial ports of a Linux system, from its own books (kernel documentation, "sysfs-bus-usb"). Needs no udev, so that it works in
 * containers, and sees every driver's ports, whatever they are called.
 *
 * @param root where sysfs is mounted: `/sys`
 */
export async function listSysfsPorts(root: string): Promise<PortListing[]> {
  const folder = join(root, 'class', 'tty');
  const names = (await readdir(folder)).filter((name) => !NEVER_USB.test(name)).sort();
  const found = await Promise.all(names.map((name) => readPort(folder, name)));
  return found.filter((port) => port !== null);
}

/** Null for a port that is not on USB, and for one that vanishes while it is read. */
async function readPort(folder: string, name: string): Promise<PortListing | null> {
  const start = await realpath(join(folder, name, 'device')).catch(() => null);
  if (start === null) return null;
  const usbFolder = await climb(start, 'idVendor');
  if (usbFolder === null) return null;
  const [vendorId, productId, serialNumber, product, bus, ports] = await Promise.all(
    ['idVendor', 'idProduct', 'serial', 'product', 'busnum', 'devpath'].map((file) => readAttribute(usbFolder, file)),
  );
  if (vendorId == null || productId == null) return null;
  const place = bus == null || ports == null ? basename(usbFolder) : `${bus}-${ports}`;
  return {
    path: `/dev/${name}`,
    usb: {
      vendorId: Number.parseInt(vendorId, 16),
      productId: Number.parseInt(productId, 16),
      serialNumber: serialNumber ?? null,
      location: `${place}${await partOf(start)}`,
    },
    product: product ?? null,
  };
}

/**
 * Which of several ports of one adapter: its interface beyond the first (`:1.1`), and its number on that (`#1`); nothing for the only or
 * first one.
 */
async function partOf(start: string): Promise<string> {
  const interfaceFolder = await climb(start, 'bInterfaceNumber');
  const [interfaceName = '', port] = [
    interfaceFolder === null ? '' : basename(interfaceFolder).split(':')[1],
    await readAttribute(start, 'port_number'),
  ];
  const isFirst = interfaceName === '' || interfaceName.endsWith('.0');
  return `${isFirst ? '' : `:${interfaceName}`}${port === null || port === '0' ? '' : `#${port}`}`;
}

/** The nearest folder from `start` upwards that has this attribute. */
async function climb(start: string, attribute: string): Promise<string | null> {
  let folder = start;
  for (let step = 0; step < MOST_STEPS_UP && folder.includes(`${sep}devices${sep}`); step++) {
    if ((await readAttribute(folder, attribute)) !== null) return folder;
    folder = dirname(folder);
  }
  return null;
}

async function readAttribute(folder: string, name: string): Promise<string | null> {
  try {
    const text = (await readFile(join(folder, name), 'utf8')).trim();
    return text === '' ? null : text;
  } catch {
    // It has no such attribute, or was pulled out this moment.
    return null;
  }
}
