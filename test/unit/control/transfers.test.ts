import { expect, it } from 'vitest';
import { Transfers } from '../../../src/control/transfers.ts';
import { manualClock } from '../service/manual-clock.ts';

it('tells of a transfer a few times each second, and always of its end', () => {
  const clock = manualClock();
  const transfers = new Transfers(clock);
  expect(transfers.note('j1', 10, 100)).toBe(true);
  clock.advance(249);
  expect(transfers.note('j1', 20, 100)).toBe(false);
  clock.advance(1);
  expect(transfers.note('j1', 30, 100)).toBe(true);
  expect(transfers.note('j1', 100, 100)).toBe(true);
  expect(transfers.get('j1')).toMatchObject({ sentBytes: 100, totalBytes: 100 });
  expect(transfers.get('j2')).toBeNull();
});

it('does not grow with every transfer that there ever was', () => {
  const clock = manualClock();
  const transfers = new Transfers(clock);
  for (let nth = 0; nth < 10_000; nth += 1) {
    transfers.note(`j${nth}`, 1, 2);
    transfers.note('slow', nth, 20_000);
    clock.advance(60_000);
  }
  for (const nth of [0, 5_000, 9_900]) expect(transfers.get(`j${nth}`)).toBeNull();
  expect(transfers.get('j9990')).not.toBeNull();
  expect(transfers.get('slow')).toMatchObject({ sentBytes: 9_999 });
});
