import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/log.ts';
import { Lifecycle, type Part } from '../../../src/service/lifecycle.ts';

interface Trial {
  readonly calls: string[];
  part(name: string, behaviour?: Partial<Pick<Part, 'start' | 'stop'>>): Part;
}

function trial(): Trial {
  const calls: string[] = [];
  return {
    calls,
    part: (name, behaviour = {}) => ({
      name,
      start: async (signal) => {
        calls.push(`start ${name}`);
        await behaviour.start?.(signal);
      },
      stop: async (deadlineMs) => {
        calls.push(`stop ${name}`);
        await behaviour.stop?.(deadlineMs);
      },
    }),
  };
}

function lifecycleOf(...parts: Part[]): Lifecycle {
  return new Lifecycle(parts, { clock: systemClock, log: silentLogger });
}

const CLEAN = { late: [], failed: [] };
const never = () => new Promise<never>(() => undefined);

describe('a lifecycle', () => {
  it('starts in order and stops in reverse', async () => {
    const { calls, part } = trial();
    const lifecycle = lifecycleOf(part('a'), part('b'));
    await lifecycle.start(1_000);
    expect(await lifecycle.stop(1_000)).toEqual(CLEAN);
    expect(calls).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it('gives the promise in flight to whoever starts or stops again', async () => {
    const { calls, part } = trial();
    const lifecycle = lifecycleOf(part('a'));
    expect(lifecycle.start(1_000)).toBe(lifecycle.start(1_000));
    await lifecycle.start(1_000);
    expect(lifecycle.stop(1_000)).toBe(lifecycle.stop(1_000));
    await lifecycle.stop(1_000);
    expect(calls).toEqual(['start a', 'stop a']);
  });

  it('stops what had started when a part cannot start', async () => {
    const { calls, part } = trial();
    const failing = part('b', { start: () => Promise.reject(new Error('port taken')) });
    const lifecycle = lifecycleOf(part('a'), failing, part('c'));
    await expect(lifecycle.start(1_000)).rejects.toThrow('port taken');
    expect(calls).toEqual(['start a', 'start b', 'stop a']);
    expect(await lifecycle.stop(1_000)).toEqual(CLEAN);
    expect(calls).toHaveLength(3);
  });

  it('asked to stop while it starts, tells the part that is starting and stops the others', async () => {
    const { calls, part } = trial();
    const slow = part('b', {
      start: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    const lifecycle = lifecycleOf(part('a'), slow, part('c'));
    const started = lifecycle.start(1_000).catch((error: unknown) => error);
    await turn();
    expect(await lifecycle.stop(1_000)).toEqual(CLEAN);
    expect(await started).toHaveProperty('name', 'AbortError');
    expect(calls).toEqual(['start a', 'start b', 'stop a']);
  });

  it('stops a part that ignored the wish and started nevertheless', async () => {
    const { calls, part } = trial();
    const slowStart = Promise.withResolvers<void>();
    const deaf = part('a', { start: () => slowStart.promise });
    const lifecycle = lifecycleOf(deaf, part('b'));
    const started = lifecycle.start(1_000).catch(() => 'gave up');
    await turn();
    const stopped = lifecycle.stop(1_000);
    slowStart.resolve();
    expect(await stopped).toEqual(CLEAN);
    expect(await started).toBe('gave up');
    expect(calls).toEqual(['start a', 'stop a']);
  });

  it('names the parts that were late or failed, and still stops the others', async () => {
    const { calls, part } = trial();
    const throwsAtOnce: Part = {
      ...part('c'),
      stop: () => {
        throw new Error('cannot');
      },
    };
    const lifecycle = lifecycleOf(part('a'), part('b', { stop: never }), throwsAtOnce);
    await lifecycle.start(1_000);
    expect(await lifecycle.stop(30)).toEqual({ late: ['b'], failed: ['c'] });
    expect(calls.at(-1)).toBe('stop a');
  });

  it('does not wait for ever for a part that never finishes starting', async () => {
    const { calls, part } = trial();
    const lifecycle = lifecycleOf(part('a'), part('b', { start: never }));
    void lifecycle.start(1_000);
    await turn();
    expect(await lifecycle.stop(30)).toEqual({ late: ['start'], failed: [] });
    expect(calls.at(-1)).toBe('stop a');
  });

  it('tells each part how long it may take', async () => {
    const { part } = trial();
    const given: number[] = [];
    const lifecycle = lifecycleOf(part('a', { stop: async (deadlineMs) => void given.push(deadlineMs) }));
    await lifecycle.start(1_000);
    await lifecycle.stop(700);
    expect(given[0]).toBeGreaterThan(600);
    expect(given[0]).toBeLessThanOrEqual(700);
  });

  it('stops before it was started', async () => {
    const { calls, part } = trial();
    expect(await lifecycleOf(part('a')).stop(1_000)).toEqual(CLEAN);
    expect(calls).toEqual([]);
  });
});
