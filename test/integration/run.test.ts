import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dropflash-run-'));
const children: ChildProcessByStdio<null, Readable, Readable>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONFIG = `
version: 1
drop: { path: ./drop, scan: 1s }
data: ./data
discovery: { mdns: false }
log: { level: info }
rules:
  - name: all
    firmware: { file: "*.bin" }
    devices: { name: "*" }
    update: { protocol: espota }
`;

/** A data folder, a config and daemons of their own. */
function site(name: string) {
  const home = join(folder, name);
  mkdirSync(join(home, 'drop'), { recursive: true });
  const configure = (text: string) => writeFileSync(join(home, 'config.yaml'), text);
  configure(CONFIG);
  return { home, configure, start: () => startDaemon(home) };
}

function startDaemon(home: string) {
  const child = spawn(process.execPath, [MAIN, 'run', '--log-format', 'json'], {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const lines: Record<string, unknown>[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line)));
  let errors = '';
  child.stderr.on('data', (text: Buffer) => {
    errors += text.toString();
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const events = () => lines.map(({ event }) => event);
  return { child, lines, events, errors: () => errors, exited };
}

const soon = { timeout: 15_000 };

describe('dropflash run', () => {
  it('is ready, reloads, keeps the old config where the new one is wrong, and stops when asked to', async () => {
    const { configure, start } = site('life');
    const daemon = start();
    await expect.poll(daemon.events, soon).toContain('daemon.ready');

    configure(CONFIG.replace('level: info', 'level: debug'));
    daemon.child.kill('SIGHUP');
    await expect.poll(daemon.events, soon).toContain('config.reloaded');

    configure(CONFIG.replace('rules:', 'rulez:'));
    daemon.child.kill('SIGHUP');
    await expect.poll(daemon.events, soon).toContain('config.rejected');
    expect(daemon.lines).toContainEqual(
      expect.objectContaining({ event: 'config.problem', code: 'CONFIG_UNKNOWN_KEY' }),
    );

    daemon.child.kill('SIGTERM');
    expect(await daemon.exited).toBe(0);
    expect(daemon.events()).toContain('daemon.stopping');
    expect(daemon.errors()).toBe('');
  });

  it('refuses a second daemon on the same data, and starts again at once after SIGKILL', async () => {
    const { start } = site('twice');
    const first = start();
    await expect.poll(first.events, soon).toContain('daemon.ready');
    const second = start();
    expect(await second.exited).toBe(1);
    expect(second.errors()).toContain(`SERVICE_ALREADY_RUNNING: another dropflash (process ${first.child.pid})`);

    first.child.kill('SIGKILL');
    await first.exited;
    const third = start();
    await expect.poll(third.events, soon).toContain('daemon.ready');
    third.child.kill('SIGINT');
    expect(await third.exited).toBe(0);
  });

  it('ends with 78 for a config that is wrong, so that systemd does not restart it', async () => {
    const { configure, start } = site('wrong');
    configure('version: 1\nruls: []\n');
    const daemon = start();
    expect(await daemon.exited).toBe(78);
    expect(daemon.errors()).toContain('CONFIG_UNKNOWN_KEY');
  });

  it('goes on when the reader of its log goes away', async () => {
    const { start } = site('pipe');
    const daemon = start();
    await expect.poll(daemon.events, soon).toContain('daemon.ready');
    daemon.child.stdout.destroy();
    daemon.child.kill('SIGHUP');
    daemon.child.kill('SIGHUP');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(daemon.child.exitCode).toBe(null);
    daemon.child.kill('SIGTERM');
    expect(await daemon.exited).toBe(0);
  });
});
