import { describe, expect, it } from 'vitest';
import type { Chip } from '../../../../src/model/chip.ts';
import { LoaderHost } from './loader-host.ts';

const READ_REG = 0x0a;
const WRITE_REG = 0x09;
const ALL = 0xffffffff;
const LOADER = 'waiting for download';
const FLASH = 'SPI_FAST_FLASH_BOOT';

/** From the technical reference manuals, by hand: RTC watchdog (protect, config), super watchdog (protect, config, feed bit, key). */
const RTC_KEY = 0x50d83aa1;
const NATIVE_USB = [
  { chip: 'esp32s3', rtc: [0x600080b0, 0x60008098], own: [0x600080b8, 0x600080b4, 2 ** 31, 0x8f1d312a] },
  { chip: 'esp32c3', rtc: [0x600080a8, 0x60008090], own: [0x600080b0, 0x600080ac, 2 ** 31, 0x8f1d312a] },
  { chip: 'esp32c6', rtc: [0x600b1c18, 0x600b1c00], own: [0x600b1c20, 0x600b1c1c, 2 ** 18, RTC_KEY] },
  { chip: 'esp32h2', rtc: [0x600b1c1c, 0x600b1c00], own: [0x600b1c24, 0x600b1c20, 2 ** 18, RTC_KEY] },
  { chip: 'esp32p4', rtc: [0x50116018, 0x50116000], own: [0x50116020, 0x5011601c, 2 ** 18, RTC_KEY] },
] as const;

function poke(host: LoaderHost, address: number, value: number): void {
  host.command(WRITE_REG, address, value, ALL, 0);
}

function peek(host: LoaderHost, address: number): number {
  return host.command(READ_REG, address).value;
}

/** In its loader by the sequence of USB-Serial/JTAG, 50 ms before the watchdogs bite. */
function overUsbJtag(chip: Chip): LoaderHost {
  const host = new LoaderHost({ chip, circuit: 'usb-serial-jtag', timings: { watchdogMs: 50 } });
  const steps = [
    [true, false],
    [true, true],
    [false, true],
    [false, false],
  ] as const;
  for (const [dtr, rts] of steps) host.chip.setLines({ dtr, rts });
  host.wait(5);
  expect(host.text()).toContain(LOADER);
  host.sync();
  return host;
}

describe.each(NATIVE_USB)('the watchdogs of an $chip on USB-Serial/JTAG', ({ chip, rtc, own }) => {
  const [protect, config] = rtc;
  const [ownProtect, ownConfig, feedBit, ownKey] = own;

  it('end the loader where nobody switches them off', () => {
    const host = overUsbJtag(chip);
    host.heard();
    host.wait(60);
    expect(host.text()).toContain(FLASH);
  });

  it('leave it alone once both are off', () => {
    const host = overUsbJtag(chip);
    poke(host, protect, RTC_KEY);
    poke(host, config, 0);
    poke(host, ownProtect, ownKey);
    poke(host, ownConfig, peek(host, ownConfig) + feedBit);
    host.heard();
    host.wait(200);
    expect(host.chip.expireWatchdogs()).toBe(false);
    expect(host.text()).toBe('');
    expect(host.sync()).toHaveLength(8);
  });

  it.each(['RTC', 'super'])('bite where only the other one is off: %s', (which) => {
    const host = overUsbJtag(chip);
    if (which === 'super') {
      poke(host, protect, RTC_KEY);
      poke(host, config, 0);
    } else {
      poke(host, ownProtect, ownKey);
      poke(host, ownConfig, feedBit);
    }
    expect(host.chip.expireWatchdogs()).toBe(true);
  });

  it('take nothing while they are locked', () => {
    const host = overUsbJtag(chip);
    const before = peek(host, config);
    poke(host, config, 0);
    poke(host, ownConfig, feedBit);
    expect([peek(host, config), peek(host, ownConfig)]).toEqual([before, 0]);
  });
});

/** Enabled, the first stage resets the chip. */
const RESET_NOW = 0xd0000102;

describe.each([
  { chip: 'esp32s2', protect: 0x3f4080ac, config: 0x3f408094, force: 0x3f408128 },
  { chip: 'esp32s3', protect: 0x600080b0, config: 0x60008098, force: 0x6000812c },
] as const)('the RTC watchdog of an $chip on USB-OTG', ({ chip, protect, config, force }) => {
  it.each([
    { kept: true, text: LOADER },
    { kept: false, text: FLASH },
  ])('resets it when it is told to, into where FORCE_DOWNLOAD_BOOT says ($kept)', ({ kept, text }) => {
    const host = new LoaderHost({ chip, circuit: 'usb-otg' });
    host.chip.setLines({ dtr: false, rts: true });
    host.chip.setLines({ dtr: false, rts: false });
    // No line resets it.
    expect(host.chip.counts.starts).toBe(1);
    host.sync();
    if (!kept) poke(host, force, peek(host, force) & ~1);
    poke(host, protect, RTC_KEY);
    poke(host, config + 4, 2_000);
    poke(host, config, RESET_NOW);
    host.heard();
    host.wait(30);
    expect(host.text()).toContain(text);
  });
});
