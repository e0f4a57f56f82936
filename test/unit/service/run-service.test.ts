import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { FlashError } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/log.ts';
import type { Part } from '../../../src/service/lifecycle.ts';
import { runService } from '../../../src/service/run-service.ts';

const never = () => new Promise<never>(() => undefined);

/** A service of one part, what it said to its manager and to its log, and the hands on its signals. */
function service(behaviour: Partial<Pick<Part, 'start' | 'stop'>> = {}, stopDeadlineMs = 1_000) {
  const said: string[] = [];
  const [stop, insist, fatal] = [new AbortController(), new AbortController(), new AbortController()];
  let reload: () => void = () => undefined;
  const exitCode = runService({
    parts: [{ name: 'part', start: async () => undefined, stop: async () => undefined, ...behaviour }],
    signals: {
      stop: stop.signal,
      insist: insist.signal,
      onReload: (listener) => {
        reload = listener;
      },
      release: () => undefined,
    },
    notifier: {
      ready: (status) => said.push(`ready ${status}`),
      reloading: () => said.push('reloading'),
      status: () => undefined,
      stopping: () => said.push('stopping'),
      close: async () => undefined,
    },
    clock: systemClock,
    log: {
      ...silentLogger,
      info: (event) => void said.push(event),
      warn: (event) => void said.push(event),
      error: (event) => void said.push(event),
    },
    fatal: fatal.signal,
    stopDeadlineMs,
    describeReady: () => 'up',
    reload: async () => {
      said.push('reload');
      if (said.filter((word) => word === 'reload').length > 1) throw new Error('second reload');
    },
  });
  return { exitCode, said, stop, insist, fatal, reload: () => reload() };
}

describe('a service', () => {
  it('is ready, stops when asked to, and exits with 0', async () => {
    const { exitCode, said, stop } = service();
    await expect.poll(() => said).toEqual(['daemon.ready', 'ready up']);
    stop.abort();
    expect(await exitCode).toBe(0);
    expect(said.slice(2)).toEqual(['daemon.stopping', 'stopping']);
  });

  it('tells its manager of reloads, and survives one that fails', async () => {
    const { exitCode, said, stop, reload } = service();
    await expect.poll(() => said).toContain('ready up');
    reload();
    reload();
    const twice = ['reloading', 'reload', 'ready up', 'reloading', 'reload', 'daemon.reload-failed', 'ready up'];
    await expect.poll(() => said.slice(2)).toEqual(twice);
    stop.abort();
    expect(await exitCode).toBe(0);
  });

  it.each([
    [new Error('port taken'), 1],
    [new FlashError('CONFIG_SECRET_MISSING', 'gone'), 78],
  ])('that cannot start is never ready: %s exits with %d', async (error, code) => {
    const { exitCode, said } = service({ start: () => Promise.reject(error) });
    expect(await exitCode).toBe(code);
    expect(said).toEqual(['daemon.failed']);
  });

  it('asked to stop while it starts is never ready and exits with 0', async () => {
    const { exitCode, said, stop } = service({
      start: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    stop.abort();
    expect(await exitCode).toBe(0);
    expect(said).toEqual(['daemon.stopping', 'stopping']);
  });

  it('stops in order after a fatal error, and fails', async () => {
    const { exitCode, said, fatal } = service();
    await expect.poll(() => said).toContain('ready up');
    fatal.abort(new Error('disk gone'));
    expect(await exitCode).toBe(1);
    expect(said.slice(2)).toEqual(['daemon.failed', 'daemon.stopping', 'stopping']);
  });

  it('that is late or fails to stop exits with 70', async () => {
    for (const stop of [never, () => Promise.reject(new Error('cannot'))]) {
      const run = service({ stop }, 20);
      await expect.poll(() => run.said).toContain('ready up');
      run.stop.abort();
      expect(await run.exitCode).toBe(70);
    }
  });

  it('does not wait when the second signal insists', async () => {
    const { exitCode, said, stop, insist } = service({ stop: never }, 60_000);
    await expect.poll(() => said).toContain('ready up');
    stop.abort();
    insist.abort();
    expect(await exitCode).toBe(70);
    expect(said).toContain('daemon.abandoned');
  });
});
