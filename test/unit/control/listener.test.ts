import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, watch } from '../../../src/control/client.ts';
import type { EventDocument } from '../../../src/control/documents.ts';
import { LOOK_EVERY_MS } from '../../../src/control/listener.ts';
import { type ManualClock, manualClock } from '../service/manual-clock.ts';
import { until } from '../watcher/support.ts';
import { ControlHost } from './control-host.ts';

const answers = (host: ControlHost) =>
  ask(host.target, 'GET', '/v1/status').then(
    () => true,
    () => false,
  );

const eventsOf = (host: ControlHost) => host.log.lines.map(({ event }) => event);

/** Looks again and again until it holds: a look that is under way puts the next one off. */
const looksUntil = (clock: ManualClock, isTrue: () => boolean | Promise<boolean>, what: string) =>
  until(async () => {
    clock.advance(LOOK_EVERY_MS);
    return await isTrue();
  }, what);

/** Another program that listens at this path. */
async function stranger(path: string): Promise<Server & AsyncDisposable> {
  const server = createServer((socket) => socket.destroy()).listen(path);
  await once(server, 'listening');
  return Object.assign(server, {
    [Symbol.asyncDispose]: async () => {
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  });
}

describe('a control socket under a running daemon', () => {
  it('is listened on again after it was deleted, and whoever watches goes on', async () => {
    const clock = manualClock();
    await using host = await new ControlHost(undefined, clock).start();
    const events: EventDocument[] = [];
    const watched = (async () => {
      for await (const event of watch(host.target, new AbortController().signal)) events.push(event);
    })();
    await until(() => events.length === 1, 'it is watched');
    rmSync(host.socket);
    await looksUntil(clock, () => answers(host), 'it answers again');
    expect(eventsOf(host).filter((event) => event.startsWith('control.'))).toEqual([
      'control.ready',
      'control.watched',
      'control.gone',
      'control.ready',
    ]);
    expect(statSync(host.socket).mode & 0o777).toBe(0o660);
    host.feed.publish('info', 'job.succeeded', { job: 'j1' });
    await until(() => events.length === 2, 'the watcher hears the next event');
    await host.stop();
    await watched;
    expect(existsSync(host.socket)).toBe(false);
  });

  it('comes back with its folder', async () => {
    const clock = manualClock();
    await using host = await new ControlHost(undefined, clock).start();
    rmSync(host.folder, { recursive: true });
    await looksUntil(clock, () => eventsOf(host).includes('control.failed'), 'it is said');
    clock.advance(LOOK_EVERY_MS);
    mkdirSync(host.folder);
    await looksUntil(clock, () => answers(host), 'it answers again');
    expect(eventsOf(host).filter((event) => event === 'control.failed')).toHaveLength(1);
  });

  it('is left as it is while it is the one that was made, whatever its mode', async () => {
    const clock = manualClock();
    await using host = await new ControlHost(undefined, clock).start();
    const { ino } = statSync(host.socket);
    chmodSync(host.socket, 0o600);
    for (let count = 0; count < 5; count += 1) clock.advance(LOOK_EVERY_MS);
    expect(await answers(host)).toBe(true);
    expect(statSync(host.socket).ino).toBe(ino);
    expect(eventsOf(host)).toEqual(['control.ready']);
  });

  it('is not taken from another program that listens there, neither now nor at the end; it is when that one has gone', async () => {
    const clock = manualClock();
    await using host = await new ControlHost(undefined, clock).start();
    rmSync(host.socket);
    await using other = await stranger(host.socket);
    const { ino } = statSync(host.socket);
    await looksUntil(clock, () => eventsOf(host).includes('control.failed'), 'it is said');
    expect(host.log.of('control.failed')).toMatchObject([{ code: 'CONTROL_UNUSABLE' }]);
    expect(statSync(host.socket).ino).toBe(ino);
    await new Promise((resolve) => other.close(resolve));
    await looksUntil(clock, () => answers(host), 'it answers again');
  });

  it('stops without a word to the program that has its place', async () => {
    await using host = await new ControlHost(undefined, manualClock()).start();
    rmSync(host.socket);
    await using other = await stranger(host.socket);
    await host.stop();
    expect(existsSync(host.socket)).toBe(true);
    const visitor = connect(host.socket);
    await once(visitor, 'connect');
    visitor.destroy();
    expect(other.listening).toBe(true);
  });

  it('takes the place of one that another daemon left behind, but not of another file', async () => {
    const clock = manualClock();
    await using host = await new ControlHost(undefined, clock).start();
    const aside = join(host.folder, 'aside');
    await using other = await stranger(aside);
    // What a killed program leaves: closing removes the name that it was made under, not this one.
    rmSync(host.socket);
    renameSync(aside, host.socket);
    await new Promise((resolve) => other.close(resolve));
    await looksUntil(clock, () => answers(host), 'it answers again');
    rmSync(host.socket);
    writeFileSync(host.socket, 'mine');
    await looksUntil(clock, () => eventsOf(host).includes('control.failed'), 'it is said');
    expect(statSync(host.socket).isFile()).toBe(true);
    await host.stop();
    expect(statSync(host.socket).isFile()).toBe(true);
  });

  it('is waited for where another program had it first', async () => {
    const clock = manualClock();
    await using host = new ControlHost(undefined, clock);
    await using other = await stranger(host.socket);
    await host.start();
    expect(eventsOf(host)).toEqual(['control.failed']);
    await new Promise((resolve) => other.close(resolve));
    await looksUntil(clock, () => answers(host), 'it answers');
  });

  // Elsewhere one that is busy refuses as one that is gone does.
  it.runIf(process.platform === 'linux')('is not taken from a program that is too busy to be asked', async () => {
    await using host = new ControlHost();
    const listenAndSleep = `require('net').createServer().listen({ path: process.argv[1], backlog: 1 }, () => {
      require('fs').writeSync(1, 'up');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    })`;
    const busy = spawn(process.execPath, ['-e', listenAndSleep, host.socket]);
    try {
      await once(busy.stdout, 'data');
      const waiting = Array.from({ length: 8 }, () => connect(host.socket).on('error', () => undefined));
      await once(waiting.at(-1) ?? busy, 'error');
      await host.start();
      expect(host.log.of('control.failed')).toMatchObject([{ code: 'CONTROL_UNUSABLE' }]);
      expect(existsSync(host.socket)).toBe(true);
      for (const socket of waiting) socket.destroy();
    } finally {
      busy.kill('SIGKILL');
      await once(busy, 'exit');
    }
  });
});
