import { describe, expect, it } from 'vitest';
import { PacedWire } from '../../../../src/simulator/chip/paced-wire.ts';
import { type ManualClock, manualClock } from '../../service/manual-clock.ts';

function wireOn(clock: ManualClock) {
  const out: { readonly atMs: number; readonly bytes: number[] }[] = [];
  const wire = new PacedWire(clock, (bytes) => out.push({ atMs: clock.monotonic(), bytes: [...bytes] }));
  const turn = (ms: number) => {
    for (let turned = 0; turned < ms; turned += 1) clock.advance(1);
  };
  const heard = () => out.flatMap(({ bytes }) => bytes);
  return { wire, out, turn, heard };
}

describe('PacedWire', () => {
  it.each([
    [115_200, 1152, 100],
    [921_600, 9216, 100],
    [9600, 96, 100],
  ])('at %i baud, %i bytes take %i ms', (baudRate, length, ms) => {
    const { wire, turn, heard } = wireOn(manualClock());
    wire.push(new Uint8Array(length), baudRate);
    turn(ms - 2);
    expect(heard().length).toBeLessThan(length);
    expect(heard().length).toBeGreaterThan(length * 0.9);
    turn(3);
    expect(heard()).toHaveLength(length);
  });

  it('keeps order and rate over several pushes, and does not drift', () => {
    const { wire, turn, heard } = wireOn(manualClock());
    for (let nth = 0; nth < 10; nth += 1) wire.push(new Uint8Array(1000).fill(nth), nth % 2 === 0 ? 100_000 : 50_000);
    turn(1499);
    expect(heard().length).toBeLessThan(10_000);
    turn(2);
    expect(heard()).toEqual(Array.from({ length: 10_000 }, (_, at) => Math.floor(at / 1000)));
  });

  it('begins at once after a pause', () => {
    const { wire, turn, out } = wireOn(manualClock());
    wire.push(Uint8Array.of(1), 10_000);
    turn(500);
    wire.push(Uint8Array.of(2), 10_000);
    turn(2);
    expect(out.map(({ atMs }) => atMs)).toEqual([1, 501]);
  });

  it('loses what is under way when it is cleared', () => {
    const { wire, turn, heard } = wireOn(manualClock());
    wire.push(new Uint8Array(1000), 115_200);
    turn(10);
    const before = heard().length;
    wire.clear();
    turn(200);
    expect(heard()).toHaveLength(before);
  });
});
