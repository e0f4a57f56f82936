import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { observePorts, type PortsSeen } from '../../../../src/discovery/serial-ports/port-changes.ts';
import type { PortListing } from '../../../../src/discovery/serial-ports/port-listing.ts';

const TIMES = { settleMs: 300, returnMs: 3000 };
const MAC = '60:55:F9:7A:10:2C';

function bridge(path = '/dev/ttyUSB0', location = '1-1'): PortListing {
  return { path, usb: { vendorId: 0x10c4, productId: 0xea60, serialNumber: '0001', location }, product: null };
}

function native(serialNumber = MAC, path = '/dev/ttyACM0', productId = 0x1001): PortListing {
  return { path, usb: { vendorId: 0x303a, productId, serialNumber, location: '1-2' }, product: null };
}

/** The changes after each of the looks: `+` appeared, `-` vanished, with the path or slot. */
function watch(...looks: readonly (readonly [atMs: number, ...listings: PortListing[]])[]): string[][] {
  let seen: PortsSeen = new Map();
  return looks.map(([atMs, ...listings]) => {
    const observation = observePorts(seen, listings, atMs, TIMES);
    seen = observation.seen;
    return observation.changes.map((change) =>
      change.kind === 'appeared' ? `+${change.listing.path}` : `-${change.slot}`,
    );
  });
}

describe('a port', () => {
  it('is told once it has been there for a moment', () => {
    expect(watch([0, bridge()], [200, bridge()], [300, bridge()], [900, bridge()])).toEqual([
      [],
      [],
      ['+/dev/ttyUSB0'],
      [],
    ]);
  });

  it('that comes and goes at once is nothing', () => {
    expect(watch([0, bridge()], [200], [400])).toEqual([[], [], []]);
  });

  it('behind a bridge is gone when it is gone: the next board there may be another', () => {
    expect(watch([0, bridge()], [300, bridge()], [400], [450, bridge()], [750, bridge()])).toEqual([
      [],
      ['+/dev/ttyUSB0'],
      ['-usb:1-1'],
      [],
      ['+/dev/ttyUSB0'],
    ]);
  });

  it('of a chip that restarts stays, also under another name', () => {
    const renamed = native(MAC, '/dev/ttyACM1');
    expect(
      watch([0, native()], [300, native()], [400], [2000, native()], [2100], [3000, renamed], [3100, renamed]),
    ).toEqual([[], ['+/dev/ttyACM0'], [], [], [], ['+/dev/ttyACM1'], []]);
  });

  it('of a chip that does not come back is lost after a while', () => {
    expect(watch([0, native()], [300, native()], [400], [3399], [3400], [3500])).toEqual([
      [],
      ['+/dev/ttyACM0'],
      [],
      [],
      ['-usb:1-2'],
      [],
    ]);
  });

  it('with another chip on it is another board, however quick the change', () => {
    const other = native('60:55:F9:7A:10:FF');
    const expected = [[], ['+/dev/ttyACM0'], ['-usb:1-2'], ['+/dev/ttyACM0']];
    expect(watch([0, native()], [300, native()], [400, other], [700, other])).toEqual(expected);
    expect(watch([0, native()], [300, native()], [350], [400, other], [700, other])).toEqual([
      ...expected.slice(0, 2),
      [],
      ...expected.slice(2),
    ]);
  });

  it('whose chip went into its ROM has left and come again', () => {
    const rom = native('0', '/dev/ttyACM0', 0x0009);
    expect(watch([0, native()], [300, native()], [400, rom], [700, rom])[2]).toEqual(['-usb:1-2']);
  });

  it('is one of several', () => {
    const second = bridge('/dev/ttyUSB1', '1-3');
    expect(watch([0, bridge()], [300, bridge(), second], [600, second])).toEqual([
      [],
      ['+/dev/ttyUSB0'],
      ['-usb:1-1', '+/dev/ttyUSB1'],
    ]);
  });

  it('says when to look again', () => {
    const first = observePorts(new Map(), [native()], 100, TIMES);
    const told = observePorts(first.seen, [native()], 400, TIMES);
    const gone = observePorts(told.seen, [], 500, TIMES);
    expect([first.dueMs, told.dueMs, gone.dueMs]).toEqual([400, null, 3500]);
  });

  it('appears and vanishes in turn, whatever happens', () => {
    const states = fc.constantFrom([], [bridge()], [native()], [native('60:55:F9:7A:10:FF')], [bridge(), native()]);
    const looks = fc.array(fc.tuple(fc.nat(4000), states), { maxLength: 40 });
    fc.assert(
      fc.property(looks, (given) => {
        let seen: PortsSeen = new Map();
        let nowMs = 0;
        const present = new Set<string>();
        for (const [afterMs, listings] of given) {
          nowMs += afterMs;
          const observation = observePorts(seen, listings, nowMs, TIMES);
          seen = observation.seen;
          for (const { kind, slot } of observation.changes) {
            expect(present.has(slot), `${kind} ${slot}`).toBe(kind === 'vanished');
            if (kind === 'appeared') present.add(slot);
            else present.delete(slot);
          }
        }
      }),
    );
  });
});
