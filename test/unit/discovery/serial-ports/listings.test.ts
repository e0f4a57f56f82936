import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  FINGERPRINTS,
  fingerprintOf,
  LEAST_SCORE,
  macOf,
  trustedSerial,
} from '../../../../src/discovery/serial-ports/fingerprints.ts';
import { fromSystemPort, type PortListing } from '../../../../src/discovery/serial-ports/port-listing.ts';
import { slotOf } from '../../../../src/discovery/serial-ports/slot.ts';
import { listSysfsPorts } from '../../../../src/discovery/serial-ports/sysfs.ts';
import { BENCH, buildSysfs } from '../../../fixtures/ports/linux.ts';
import { MACOS, WINDOWS } from '../../../fixtures/ports/listings.ts';

const root = mkdtempSync(join(tmpdir(), 'dropflash-sysfs-'));
let linux: readonly PortListing[] = [];
beforeAll(async () => {
  buildSysfs(root, BENCH);
  linux = await listSysfsPorts(root);
});
afterAll(() => rmSync(root, { recursive: true }));

/** `path slot role`, and the MAC address where USB tells it. */
function rows(listings: readonly PortListing[]): string[] {
  return listings.map((listing) => {
    const { usb } = listing;
    if (usb === null) return listing.path;
    const { role, name } = fingerprintOf(usb);
    return [listing.path, slotOf(listing), role, name, macOf(usb) ?? ''].join(' | ').replace(/ \| $/, '');
  });
}

function listed(ports: typeof WINDOWS): PortListing[] {
  return ports.map(fromSystemPort).filter((port) => port !== null);
}

describe('the ports of Linux', () => {
  it('are found by their place on the bus', () => {
    expect(rows(linux)).toEqual([
      '/dev/ttyACM0 | usb:1-2 | usb-serial-jtag | USB-Serial/JTAG | 60:55:f9:7a:10:2c',
      '/dev/ttyACM1 | usb:1-3 | usb-otg | ESP32-S3 ROM',
      '/dev/ttyACM2 | usb:1-4 | uart-bridge | CH9102',
      '/dev/ttyUSB0 | usb:1-1.1 | uart-bridge | CP210x',
      '/dev/ttyUSB1 | usb:1-1.2 | uart-bridge | CP210x',
      '/dev/ttyUSB2 | usb:1-1.4.2 | uart-bridge | CH340',
      '/dev/ttyUSB3 | usb:1-5 | uart-bridge | FT2232',
      '/dev/ttyUSB4 | usb:1-5:1.1 | uart-bridge | FT2232',
      '/dev/ttyUSB5 | usb:1-6.1:1.2 | uart-bridge | CP2108',
      '/dev/ttyUSB6 | usb:1-7 | not | Huawei modem',
    ]);
  });

  it('come with what USB says of them', () => {
    expect(linux.find(({ path }) => path === '/dev/ttyUSB0')).toEqual({
      path: '/dev/ttyUSB0',
      usb: { vendorId: 0x10c4, productId: 0xea60, serialNumber: '0001', location: '1-1.1' },
      product: 'CP2102 USB to UART Bridge Controller',
    });
    expect(linux.find(({ path }) => path === '/dev/ttyUSB2')?.usb?.serialNumber).toBeNull();
  });

  it('cannot be listed without sysfs', async () => {
    await expect(listSysfsPorts(join(root, 'nowhere'))).rejects.toThrow('ENOENT');
  });
});

describe('the ports of other systems', () => {
  it('are those on USB: Windows', () => {
    expect(rows(listed(WINDOWS))).toEqual([
      'COM3 | port:COM3 | uart-bridge | CP210x',
      'COM5 | port:COM5 | uart-bridge | CH340',
      'COM7 | usb-serial:0403:6001/AB0KZ3QP | uart-bridge | FT232R',
      'COM9 | port:COM9 | usb-serial-jtag | USB-Serial/JTAG',
    ]);
  });

  it('are those on USB: macOS, by the device that does not wait for a carrier', () => {
    expect(rows(listed(MACOS))).toEqual([
      '/dev/cu.usbserial-0001 | usb:20-2 | uart-bridge | CP210x',
      '/dev/cu.usbmodem14241101 | usb:20-2.4.1 | usb-serial-jtag | USB-Serial/JTAG | 60:55:f9:7a:10:2c',
      '/dev/cu.wchusbserial1430 | usb:20-3 | uart-bridge | CH340',
    ]);
  });
});

describe('a fingerprint', () => {
  const usb = (vendorId: number, productId: number, serialNumber: string | null = null) => ({
    vendorId,
    productId,
    serialNumber,
    location: null,
  });

  it.each<[string, number, number, string, boolean]>([
    ['USB of an application on an S3', 0x303a, 0x4001, 'usb-otg', true],
    ['a board of a vendor under Espressif’s id', 0x303a, 0x80c2, 'usb-otg', true],
    ['CP2102C', 0x10c4, 0xea64, 'uart-bridge', true],
    ['Nano ESP32', 0x2341, 0x0070, 'usb-otg', true],
    ['Arduino Uno', 0x2341, 0x0043, 'not', false],
    ['another Arduino', 0x2341, 0x8036, 'maybe', false],
    ['Pycom’s expansion board', 0x04d8, 0xf013, 'maybe', false],
    ['another thing with a PIC', 0x04d8, 0x000a, 'maybe', false],
    ['nothing known', 0xdead, 0xbeef, 'maybe', false],
  ])('of %s', (_, vendorId, productId, role, isBoard) => {
    const found = fingerprintOf(usb(vendorId, productId));
    expect([found.role, found.score >= LEAST_SCORE]).toEqual([role, isBoard]);
  });

  it('is reached by its own ids, each of them', () => {
    for (const fingerprint of FINGERPRINTS) {
      const productId = fingerprint.products?.[0] ?? 0xfffe;
      expect(fingerprintOf(usb(fingerprint.vendorId, productId))).toBe(fingerprint);
    }
  });

  it('knows which serial numbers are worth nothing', () => {
    expect(trustedSerial(usb(0x10c4, 0xea60, '0001'))).toBeNull();
    expect(trustedSerial(usb(0x10c4, 0xea60, '0202E71A'))).toBe('0202E71A');
    expect(trustedSerial(usb(0x1a86, 0x7523, 'X'))).toBeNull();
    expect(trustedSerial(usb(0x303a, 0x4001, '123456'))).toBeNull();
    expect(trustedSerial(usb(0x0403, 0x6001))).toBeNull();
  });

  it('reads a MAC address only where it is one', () => {
    expect(macOf(usb(0x303a, 0x1001, '6055F97A102C'))).toBe('60:55:f9:7a:10:2c');
    expect(macOf(usb(0x303a, 0x1001, 'no MAC'))).toBeNull();
    expect(macOf(usb(0x10c4, 0xea60, '60:55:F9:7A:10:2C'))).toBeNull();
  });
});
