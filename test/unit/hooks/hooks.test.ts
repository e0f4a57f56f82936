import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { Hooks } from '../../../src/hooks/hooks.ts';
import type { Hook } from '../../../src/model/hook.ts';
import { RecordingLogger, until } from '../watcher/support.ts';

let folder: string;
let log: RecordingLogger;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-hooks-'));
  log = new RecordingLogger();
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Pauses between tries are short here. */
const clock = {
  ...systemClock,
  setTimer: (ms: number, done: () => void) => systemClock.setTimer(ms > 900 && ms < 3_000 ? 5 : ms, done),
};

function start(...hooks: Hook[]) {
  let tell: (happening: { event: string; [field: string]: unknown }) => void = () => undefined;
  const subscribe = (listener: typeof tell) => {
    tell = listener;
    return () => {
      tell = () => undefined;
    };
  };
  const part = new Hooks({ hooks: () => hooks, subscribe, clock, log }).part();
  void part.start(new AbortController().signal);
  return { tell: (event: string, fields = {}) => tell({ event, ...fields }), stop: () => part.stop(5_000) };
}

const script = (code: string) => ({ kind: 'run', command: [process.execPath, '-e', code] }) as const;
const hook = (call: Hook['call'], more: Partial<Hook> = {}): Hook => ({
  on: ['job.failed'],
  call,
  timeoutMs: 10_000,
  retries: 0,
  ...more,
});
const failures = () => log.lines.filter(({ event }) => event === 'hook.failed').map(({ message }) => String(message));

/** A server on the loopback interface that answers with these statuses in turn, then with the last one. */
async function web(...statuses: number[]) {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.once('end', () => {
      bodies.push(body);
      response.writeHead(statuses[bodies.length - 1] ?? statuses.at(-1) ?? 200, { location: '/elsewhere' }).end();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    bodies,
    call: { kind: 'post', url: `http://127.0.0.1:${port}/hook?token=hunter2` } as const,
    [Symbol.dispose]: () => void server.close(),
  };
}

describe('a hook', () => {
  it('gives its program the event, and not the daemon’s environment', async () => {
    process.env['SENSOR_OTA_PASSWORD'] = 'hunter2';
    const out = join(folder, 'out');
    const copy = `const fs=require('fs');fs.writeFileSync(${JSON.stringify(out)}, fs.readFileSync(0,'utf8')+JSON.stringify(process.env))`;
    const { tell, stop } = start(hook(script(copy)));
    tell('job.succeeded');
    tell('job.failed', { job: 'j1', code: 'OTA_NO_ANSWER' });
    await stop();
    const [event, environment] = readFileSync(out, 'utf8').split('\n');
    expect(JSON.parse(event ?? '')).toEqual({ event: 'job.failed', job: 'j1', code: 'OTA_NO_ANSWER' });
    expect(environment).not.toContain('hunter2');
    expect(failures()).toEqual([]);
  });

  it('posts the event, and tries again while the other end is in trouble', async () => {
    using server = await web(503, 429, 204);
    const { tell, stop } = start(hook(server.call, { retries: 5 }));
    tell('job.failed', { job: 'j1' });
    await until(() => server.bodies.length === 3, 'the third try');
    await stop();
    expect(new Set(server.bodies)).toEqual(new Set(['{"event":"job.failed","job":"j1"}\n']));
    expect(failures()).toEqual([]);
  });

  it.each([[400], [302], [404]])('is not tried again where the answer is %d', async (status) => {
    using server = await web(status);
    const { tell, stop } = start(hook(server.call, { retries: 5 }));
    tell('job.failed');
    await until(() => failures().length === 1, 'it is given up');
    await stop();
    expect(server.bodies).toHaveLength(1);
    expect(JSON.stringify(log.lines)).not.toContain('hunter2');
  });

  it.each<[string, Hook, RegExp]>([
    ['fails', hook(script('console.error("no such channel"); process.exit(3)')), /ended with 3: no such channel/],
    ['is not there', hook({ kind: 'run', command: ['/nowhere/at-all'] }), /ENOENT/],
    ['never ends', hook(script('setInterval(() => {}, 1000)'), { timeoutMs: 500 }), /took too long/],
    ['has nobody at the other end', hook({ kind: 'post', url: 'http://127.0.0.1:9/' }), /failed in try 2/],
  ])('that %s is logged and given up', async (_case, broken, message) => {
    const out = join(folder, 'out');
    const good = hook(script(`require('fs').writeFileSync(${JSON.stringify(out)}, '')`));
    const { tell, stop } = start({ ...broken, retries: 1 }, good);
    tell('job.failed');
    await until(() => failures().length === 1, 'it is given up');
    await stop();
    expect(failures()[0]).toMatch(message);
    expect(existsSync(out)).toBe(true);
  });

  it('is ended with all that it has started', async () => {
    const out = join(folder, 'out');
    const child = `setTimeout(() => require('fs').writeFileSync(${JSON.stringify(out)}, ''), 1500)`;
    const parent = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'inherit' }); setInterval(() => {}, 1000)`;
    const { tell, stop } = start(hook(script(parent), { timeoutMs: 700 }));
    tell('job.failed');
    await until(() => failures().length === 1, 'it is given up');
    await stop();
    await new Promise((resolve) => setTimeout(resolve, 1_800));
    expect(existsSync(out)).toBe(false);
  });

  it('that is flooded lets go of what is too much, and a stop does not wait for the rest', async () => {
    const { tell, stop } = start(hook(script('setInterval(() => {}, 1000)')));
    for (let count = 0; count < 1_100; count += 1) tell('job.failed');
    expect(log.lines.filter(({ event }) => event === 'hook.dropped')).toHaveLength(96);
    const began = performance.now();
    await stop();
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});
