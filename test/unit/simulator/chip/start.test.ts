import { describe, expect, it } from 'vitest';
import { sampleImage } from '../../../../src/simulator/sample-image.ts';
import { LoaderHost } from './loader-host.ts';

/** A partition row: magic, type, subtype, offset, size, label. */
function row(type: number, subtype: number, offset: number, sizeBytes: number, label: string): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt16LE(0x50aa, 0);
  bytes.writeUInt8(type, 2);
  bytes.writeUInt8(subtype, 3);
  bytes.writeUInt32LE(offset, 4);
  bytes.writeUInt32LE(sizeBytes, 8);
  bytes.write(label, 12, 'latin1');
  return bytes;
}

const TABLE = Buffer.concat([
  row(1, 0x00, 0xe000, 0x2000, 'otadata'),
  row(0, 0x10, 0x10000, 0x40000, 'app0'),
  row(0, 0x11, 0x50000, 0x40000, 'app1'),
]);
/** The otadata that Arduino cores ship as boot_app0.bin: sequence number 1. */
const SEQUENCE_1 = Buffer.from(`01000000${'ff'.repeat(24)}9a984347`, 'hex');
const SEQUENCE_2 = Buffer.from(`02000000${'ff'.repeat(24)}7437f655`, 'hex');

function flashWith(parts: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const flash = new Uint8Array(0x90000).fill(0xff);
  for (const [offset, bytes] of parts) flash.set(bytes, offset);
  return flash;
}

function app(version: string): Uint8Array {
  return sampleImage({ chip: 'esp32', sizeBytes: 4096, version });
}

function esp32(parts: readonly (readonly [number, Uint8Array])[], appText = ''): LoaderHost {
  return new LoaderHost({ chip: 'esp32', flash: flashWith(parts), appText });
}

describe('download mode', () => {
  it.each([
    ['esp8266', 'rst cause:2, boot mode:(1,', 74_880],
    ['esp32', 'boot:0x3 (DOWNLOAD_BOOT', 115_200],
    ['esp32c3', 'boot:0x4 (DOWNLOAD', 115_200],
  ] as const)('%s prints its first lines at its own rate', (chip, text, rate) => {
    const host = new LoaderHost({ chip });
    expect(host.enterDownloadMode()).toContain(text);
    expect(host.lastRate()).toBe(rate);
  });

  it('is not reached where BOOT cannot be pulled low', () => {
    const host = new LoaderHost({ chip: 'esp32', faults: { wrongBootMode: true } });
    expect(host.enterDownloadMode()).toContain('boot:0x13 (SPI_FAST_FLASH_BOOT)');
    expect(host.sync()).toEqual([]);
  });

  it('is reached over USB-Serial/JTAG by its own sequence', () => {
    const host = new LoaderHost({ chip: 'esp32c3', circuit: 'usb-serial-jtag' });
    const steps = [
      [false, false],
      [true, false],
      [true, true],
      [false, true],
      [false, false],
    ] as const;
    for (const [dtr, rts] of steps) host.chip.setLines({ dtr, rts });
    host.wait(5);
    expect(host.text()).toContain('waiting for download');
    expect(host.hardReset()).toContain('SPI_FAST_FLASH_BOOT');
  });

  it('is not reached by both lines at once', () => {
    const host = new LoaderHost({ chip: 'esp32' });
    const { starts } = host.chip.counts;
    host.chip.setLines({ dtr: true, rts: true });
    host.wait(20);
    expect(host.chip.counts.starts).toBe(starts);
  });
});

describe('start from flash', () => {
  it('finds nothing at the boot loader offset of a blank flash, again and again', () => {
    const host = new LoaderHost({ chip: 'esp32c3' });
    expect(host.text()).toContain('invalid header: 0xffffffff');
    host.wait(250);
    expect(host.text()).toContain('invalid header: 0xffffffff');
  });

  it('runs the application, whose text follows', () => {
    const text = esp32(
      [
        [0x1000, app('boot')],
        [0x8000, TABLE],
        [0xe000, SEQUENCE_1],
        [0x10000, app('1.2.3')],
      ],
      'ready\n',
    ).text();
    expect(text).toContain('Loaded app from partition at offset 0x10000');
    expect(text).toContain('App version:      1.2.3');
    expect(text.endsWith('ready\n')).toBe(true);
  });

  it('runs the slot of the highest sequence number', () => {
    const parts = [
      [0x1000, app('boot')],
      [0x8000, TABLE],
      [0xe000, SEQUENCE_1],
      [0xf000, SEQUENCE_2],
      [0x10000, app('1')],
      [0x50000, app('2')],
    ] as const;
    expect(esp32(parts).text()).toContain('Loaded app from partition at offset 0x50000');
    const aborted = Buffer.from(SEQUENCE_2);
    aborted.writeUInt32LE(4, 24);
    expect(esp32([...parts, [0xf000, aborted]]).text()).toContain('Loaded app from partition at offset 0x10000');
  });

  it('goes on to the other slot where the chosen one is damaged', () => {
    const damaged = app('1.0.0');
    damaged[0x200] = (damaged[0x200] ?? 0) ^ 1;
    const text = esp32([
      [0x1000, app('boot')],
      [0x8000, TABLE],
      [0xe000, SEQUENCE_1],
      [0x10000, damaged],
      [0x50000, app('2.0.0')],
    ]).text();
    expect(text).toContain('Checksum failed');
    expect(text).toContain('Loaded app from partition at offset 0x50000');
  });

  it.each([
    ['no partition table', [[0x1000, app('boot')]], 'invalid magic number 0xffff'],
    [
      'no application',
      [
        [0x1000, app('boot')],
        [0x8000, TABLE],
      ],
      'No bootable app partitions',
    ],
  ] as const)('says so where there is %s', (_, parts, expected) => {
    expect(esp32(parts).text()).toContain(expected);
  });

  it('compares the digest of the boot loader on chips later than the ESP32', () => {
    const damaged = app('boot');
    damaged[damaged.length - 1] = (damaged[damaged.length - 1] ?? 0) ^ 1;
    const c3 = new LoaderHost({ chip: 'esp32c3', flash: flashWith([[0, damaged]]) });
    expect(c3.text()).toContain('SHA-256 comparison failed');
    expect(esp32([[0x1000, damaged]]).text()).not.toContain('SHA-256');
  });

  it('ESP8266: loads the boot loader, or fails in the ROM', () => {
    const image = sampleImage({ chip: 'esp8266', sizeBytes: 0x2000, version: '1' });
    expect(new LoaderHost({ chip: 'esp8266', flash: image }).text()).toContain('~ld');
    expect(new LoaderHost({ chip: 'esp8266' }).text()).toContain('ets_main.c');
  });
});
