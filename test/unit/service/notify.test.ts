import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type LogFields, silentLogger } from '../../../src/log.ts';
import { createNotifier } from '../../../src/service/notify.ts';
import { manualClock } from './manual-clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'dropflash-notify-'));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A service manager's end of the socket, in Python because Node has no unix datagram sockets: prints each message as JSON. */
const MANAGER = `
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('"listening"', flush=True)
while True:
    data, fds, _, _ = socket.recv_fds(s, 65536, 8)
    for fd in fds: os.close(fd)
    if not data.startswith(b'BARRIER=1'): print(json.dumps(data.decode()), flush=True)
`;

function isThere(program: string, flag: string): boolean {
  try {
    execFileSync(program, [flag], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const canTalk = isThere('systemd-notify', '--version') && isThere('python3', '--version');

async function manager(name: string) {
  const socket = join(folder, name);
  const child = spawn('python3', ['-c', MANAGER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const messages: string[] = [];
  const lines = createInterface(child.stdout);
  await once(lines, 'line');
  lines.on('line', (line) => messages.push(JSON.parse(line)));
  return { socket, messages };
}

function notifier(env: Record<string, string>, isAlive = () => true) {
  const warnings: LogFields[] = [];
  const clock = manualClock();
  let timesHeld = 0;
  const log = {
    ...silentLogger,
    warn: (_event: string, fields: LogFields = {}) => void warnings.push(fields),
    error: () => {
      timesHeld += 1;
    },
  };
  const surroundings = { env: { PATH: process.env['PATH'], ...env }, pid: 42, clock, log, isAlive };
  return { clock, warnings, timesHeld: () => timesHeld, ...createNotifier(surroundings) };
}

// Needs systemd-notify and python3; elsewhere the daemon has no such service manager either.
describe.skipIf(!canTalk)('messages to systemd', () => {
  it('arrive whole and in order: ready, reloading, ready again, stopping', async () => {
    const { socket, messages } = await manager('order');
    const { ready, reloading, stopping, close } = notifier({ NOTIFY_SOCKET: socket });
    ready('12 devices\nWATCHDOG=trigger');
    reloading();
    ready('13 devices');
    stopping();
    await close();
    await expect.poll(() => messages.length).toBe(4);
    expect(messages[0]).toBe('READY=1\nSTATUS=12 devices WATCHDOG=trigger');
    expect(messages[1]).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
    expect(messages[2]).toBe('READY=1\nSTATUS=13 devices');
    expect(messages[3]).toBe('STOPPING=1');
  });

  it('feed the watchdog at half its period from ready on, and only while the job loop turns', async () => {
    const { socket, messages } = await manager('watchdog');
    let isAlive = true;
    const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '40000000', WATCHDOG_PID: '42' };
    const { clock, timesHeld, ready, status, stopping, close } = notifier(env, () => isAlive);
    const after = (turns: () => number) =>
      expect.poll(() => {
        clock.advance(20_000);
        return turns();
      });
    ready('up');
    await after(() => messages.filter((message) => message === 'WATCHDOG=1').length).toBeGreaterThan(2);
    isAlive = false;
    await after(timesHeld).toBeGreaterThan(0);
    status('held');
    await after(timesHeld).toBeGreaterThan(3);
    stopping();
    await close();
    await expect.poll(() => messages.at(-1)).toBe('STOPPING=1');
    expect(messages.slice(messages.indexOf('STATUS=held'))).toEqual(['STATUS=held', 'STOPPING=1']);
  });

  it('do not feed a watchdog that watches another process', async () => {
    const { socket, messages } = await manager('other');
    const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '20000', WATCHDOG_PID: '43' };
    const { clock, ready, stopping, close } = notifier(env);
    ready('up');
    clock.advance(1_000);
    stopping();
    await close();
    await expect.poll(() => messages).toEqual(['READY=1\nSTATUS=up', 'STOPPING=1']);
  });

  it('that cannot be delivered are a warning', async () => {
    const { warnings, ready, close } = notifier({ NOTIFY_SOCKET: join(folder, 'nobody') });
    ready('up');
    await close();
    expect(warnings).toHaveLength(1);
  });
});

describe('without systemd', () => {
  it('says nothing', async () => {
    const { warnings, ready, status, close } = notifier({});
    ready('up');
    status('busy');
    await close();
    expect(warnings).toEqual([]);
  });

  it('a socket without systemd-notify is warned about once', async () => {
    const { warnings, ready, stopping, close } = notifier({ NOTIFY_SOCKET: join(folder, 'x'), PATH: folder });
    ready('up');
    stopping();
    await close();
    expect(warnings).toHaveLength(1);
  });
});
