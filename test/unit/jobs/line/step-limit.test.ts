import { describe, expect, it } from 'vitest';
import { withinStall } from '../../../../src/jobs/line/step-limit.ts';
import { manualClock } from '../../service/manual-clock.ts';

function limited(work: (alive: () => void) => Promise<string>) {
  const clock = manualClock();
  const stopping = new AbortController();
  const limit = { clock, step: 'write', stallMs: 1_000, signal: stopping.signal };
  return { clock, stopping, result: withinStall(limit, work) };
}

const never = () => new Promise<string>(() => undefined);

describe('a step of a run', () => {
  it('ends with its work', async () => {
    await expect(limited(async () => 'done').result).resolves.toBe('done');
  });

  it('is given up when nothing is heard of it, although the work obeys nobody', async () => {
    const { clock, result } = limited(never);
    clock.advance(1_000);
    await expect(result).rejects.toMatchObject({ code: 'LINE_STALLED', step: 'write' });
  });

  it('goes on as long as something is heard', async () => {
    let alive: () => void = () => undefined;
    const { clock, result } = limited((isAlive) => {
      alive = isAlive;
      return never();
    });
    for (let second = 0; second < 5; second += 1) {
      clock.advance(900);
      alive();
    }
    const stalled = expect(result).rejects.toMatchObject({ code: 'LINE_STALLED' });
    clock.advance(1_000);
    await stalled;
  });

  it('stops at the signal, with its reason', async () => {
    const { stopping, result } = limited(never);
    stopping.abort(new Error('stop'));
    await expect(result).rejects.toThrow('stop');
  });
});
