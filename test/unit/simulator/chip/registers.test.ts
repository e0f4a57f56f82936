import { describe, expect, it } from 'vitest';
import { factsOf, SIMULATED_CHIPS } from '../../../../src/simulator/chip/chip-facts.ts';
import { LoaderHost } from './loader-host.ts';

const USER_COMMAND = 1 << 31;
const READ_BACK = 1 << 28;

/** RDID as a host does it, register by register (technical reference manuals, "SPI Controller"). */
function readFlashId(host: LoaderHost): number {
  const { spi } = factsOf(host.chip.facts.chip);
  const write = (offset: number, value: number) => host.command(0x09, spi.base + offset, value >>> 0, 0xffffffff, 0);
  write(spi.usr, (USER_COMMAND | READ_BACK) >>> 0);
  if (spi.misoLength === null) write(spi.usr1, 23 << 8);
  else write(spi.misoLength, 23);
  write(spi.usr2, (7 << 28) | 0x9f);
  write(spi.w0, 0);
  write(0, 1 << 18);
  expect(host.command(0x0a, spi.base).value).toBe(0);
  return host.command(0x0a, spi.base + spi.w0).value;
}

describe('registers', () => {
  it.each(SIMULATED_CHIPS)('%s: the SPI controller asks the flash chip what it is', (chip) => {
    expect(readFlashId(new LoaderHost({ chip, flashBytes: 8 << 20 }).connect())).toBe(0x1740ef);
  });

  it.each([0x000000, 0xffffff])('RDID without a flash chip: %i', (flashId) => {
    expect(readFlashId(new LoaderHost({ chip: 'esp32', faults: { flashId } }).connect())).toBe(flashId);
  });

  it('holds the MAC where each chip keeps it', () => {
    const mac = '24:0a:c4:12:34:56';
    const esp8266 = new LoaderHost({ chip: 'esp8266', mac }).connect();
    expect(esp8266.command(0x0a, 0x3ff00050).value >>> 24).toBe(0x56);
    expect(esp8266.command(0x0a, 0x3ff00054).value & 0xffff).toBe(0x1234);
    expect(esp8266.command(0x0a, 0x3ff0005c).value).toBe(0x240ac4);
    const esp32 = new LoaderHost({ chip: 'esp32', mac }).connect();
    expect(esp32.command(0x0a, 0x3ff5a004).value).toBe(0xc4123456);
    expect(esp32.command(0x0a, 0x3ff5a008).value & 0xffff).toBe(0x240a);
    const c6 = new LoaderHost({ chip: 'esp32c6', mac }).connect();
    expect(c6.command(0x0a, 0x600b0844).value).toBe(0xc4123456);
    expect(c6.command(0x0a, 0x600b0848).value).toBe(0xfffe240a);
  });

  it('counts the major revision of an ESP32 in three places', () => {
    const host = new LoaderHost({ chip: 'esp32', revision: { major: 3, minor: 1 } }).connect();
    expect((host.command(0x0a, 0x3ff5a00c).value >>> 15) & 1).toBe(1);
    expect((host.command(0x0a, 0x3ff5a014).value >>> 20) & 1).toBe(1);
    expect((host.command(0x0a, 0x3ff5a014).value >>> 24) & 3).toBe(1);
    expect(host.command(0x0a, 0x3ff6607c).value >>> 31).toBe(1);
  });

  it('changes only the bits of the mask, in several groups of one command', () => {
    const host = new LoaderHost({ chip: 'esp32' }).connect();
    host.command(0x09, 0x3ff00000, 0x1111, 0xffffffff, 0, 0x3ff00000, 0xffff, 0x00f0, 0);
    expect(host.command(0x0a, 0x3ff00000).value).toBe(0x11f1);
  });
});
