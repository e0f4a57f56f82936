import { describe, expect, it } from 'vitest';
import { isSamePlug, type SlotPast } from '../../../../src/jobs/line/plug.ts';
import { aPlug } from './given-line.ts';

function plug(vendorId: number, serialNumber: string | null) {
  return aPlug('1-1', {
    serial: { path: '/dev/ttyACM0', usb: { vendorId, productId: 0x1001, serialNumber, location: '1-1' } },
  });
}

const NATIVE = plug(0x303a, '10:00:00:00:00:01');
const OTHER = plug(0x303a, '10:00:00:00:00:02');
const UNNAMED = plug(0x303a, 'app-1');
const BRIDGE = plug(0x1a86, null);

function past(over: Partial<SlotPast>): SlotPast {
  return { plug: NATIVE, goneAtMs: 10_000, endedAtMs: 9_000, isRunning: false, ...over };
}

describe('a port that appears', () => {
  it.each<[string, SlotPast, typeof NATIVE, number, boolean]>([
    ['never went away', past({ goneAtMs: null }), NATIVE, 11_000, true],
    ['native USB after our restart', past({}), NATIVE, 11_000, true],
    ['native USB while a run goes on', past({ isRunning: true, endedAtMs: null }), NATIVE, 11_000, true],
    ['native USB with the name of an application', past({}), UNNAMED, 11_000, true],
    ['another board by its serial number', past({}), OTHER, 11_000, false],
    ['native USB that was away for too long', past({}), NATIVE, 21_000, false],
    ['native USB that was pulled long after the run', past({ endedAtMs: 1_000 }), NATIVE, 11_000, false],
    ['native USB before any run', past({ endedAtMs: null }), NATIVE, 11_000, false],
    ['a bridge, which stays when its chip restarts', past({ plug: BRIDGE }), BRIDGE, 10_500, false],
    ['a bridge where a chip was', past({}), BRIDGE, 10_500, false],
  ])('%s', (_, before, next, nowMs, isSame) => {
    expect(isSamePlug(before, next, nowMs)).toBe(isSame);
  });
});
