import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteQueue } from '../../../src/simulator/byte-queue.ts';

it('gives back what went in, in any portions', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), fc.array(fc.nat(30)), (pushed, taken) => {
      const queue = new ByteQueue();
      for (const bytes of pushed) queue.push(bytes);
      const all = Buffer.concat(pushed);
      const parts = taken.map((maxBytes) => {
        const part = queue.take(maxBytes);
        expect(part.length).toBeLessThanOrEqual(maxBytes);
        return part;
      });
      const rest = queue.length;
      expect(Buffer.concat([...parts, queue.take(rest)])).toEqual(all);
      expect(queue.length).toBe(0);
      expect(queue.take(1)).toHaveLength(0);
    }),
  );
});

it('forgets', () => {
  const queue = new ByteQueue();
  queue.push(Buffer.from('abc'));
  queue.clear();
  expect(queue.length).toBe(0);
  expect(queue.take(3)).toHaveLength(0);
});
