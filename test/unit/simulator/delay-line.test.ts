import { describe, expect, it } from 'vitest';
import { DelayLine } from '../../../src/simulator/delay-line.ts';
import { manualClock } from '../service/manual-clock.ts';

describe('delay line', () => {
  it('delivers at once without a delay', () => {
    const out: number[] = [];
    new DelayLine<number>(manualClock(), 0, (item) => out.push(item)).push(1);
    expect(out).toEqual([1]);
  });

  it('delivers in order, each item after the delay', () => {
    const clock = manualClock();
    const out: number[] = [];
    const line = new DelayLine<number>(clock, 20, (item) => out.push(item));
    line.push(1);
    clock.advance(10);
    line.push(2);
    line.push(3);
    clock.advance(9);
    expect(out).toEqual([]);
    clock.advance(1);
    expect(out).toEqual([1]);
    clock.advance(10);
    expect(out).toEqual([1, 2, 3]);
  });

  it('takes in more while it delivers', () => {
    const clock = manualClock();
    const out: number[] = [];
    const line: DelayLine<number> = new DelayLine<number>(clock, 5, (item) => {
      out.push(item);
      if (item < 3) line.push(item + 1);
    });
    line.push(1);
    for (const _ of [1, 2, 3]) clock.advance(5);
    expect(out).toEqual([1, 2, 3]);
  });

  it('loses everything when it is cut', () => {
    const clock = manualClock();
    const out: number[] = [];
    const line = new DelayLine<number>(clock, 5, (item) => out.push(item));
    line.push(1);
    line.cut();
    line.push(2);
    clock.advance(100);
    expect(out).toEqual([]);
  });
});
