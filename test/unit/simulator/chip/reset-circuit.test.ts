import { describe, expect, it } from 'vitest';
import { pinLevels, RELEASED } from '../../../../src/simulator/chip/reset-circuit.ts';

describe('two transistors', () => {
  it.each([
    [false, false, false, false],
    [true, false, false, true],
    [false, true, true, false],
    [true, true, false, false],
  ])('DTR %s and RTS %s: EN low %s, BOOT low %s', (dtr, rts, isHeld, isDownload) => {
    expect(pinLevels('two-transistors', { dtr, rts }, RELEASED)).toEqual({ isHeld, isDownload });
  });
});

describe('USB-Serial/JTAG', () => {
  it('resets into the loader after DTR alone, and keeps the choice through both lines', () => {
    const chosen = pinLevels('usb-serial-jtag', { dtr: true, rts: false }, RELEASED);
    const both = pinLevels('usb-serial-jtag', { dtr: true, rts: true }, chosen);
    expect(pinLevels('usb-serial-jtag', { dtr: false, rts: true }, both)).toEqual({ isHeld: true, isDownload: true });
  });

  it('resets into the application after RTS alone', () => {
    expect(pinLevels('usb-serial-jtag', { dtr: false, rts: true }, RELEASED)).toEqual({
      isHeld: true,
      isDownload: false,
    });
  });
});
