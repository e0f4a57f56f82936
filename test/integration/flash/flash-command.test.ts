import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BRISK } from '../../../src/simulator/cores.ts';
import { type Fleet, startFleet } from '../../../src/simulator/fleet.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import { runCommand } from '../daemon/daemon-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'dropflash-command-'));
const image = buildEsp32App({ seed: 60, sizeBytes: 50_000 });
let fleet: Fleet;

beforeAll(async () => {
  writeFileSync(join(folder, 'app.bin'), image);
  fleet = await startFleet(
    [
      // Where `localhost` points; the port is whatever is free.
      { name: 'here', core: 'esp32-sha256', address: '127.0.0.1', port: 0, password: 'hunter2', mdns: false },
      { name: 'lost', core: 'esp32-md5', faults: { okLost: 'reset' }, mdns: false },
    ],
    { timings: BRISK },
  );
});

afterAll(async () => {
  await fleet?.stop();
  rmSync(folder, { recursive: true });
});

const flash = (...args: readonly string[]) =>
  runCommand(['flash', 'app.bin', '--json', ...args], { cwd: folder, env: { OTA_PW: 'hunter2', WRONG_PW: 'hunter3' } });

describe.concurrent('dropflash flash', () => {
  it('prints one document with the keys of the contract, to a host by name', async () => {
    const { port, installed } = fleet.device('here');
    const { exitCode, stdout } = await flash('--to', `espota://localhost:${port}`, '--password-env', 'OTA_PW');
    expect(exitCode).toBe(0);
    const { elapsedMs, bytesPerSecond, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({
      outcome: 'succeeded',
      proof: 'accepted',
      protocol: 'espota',
      device: `localhost:${port}`,
      bytes: image.length,
      sha256: createHash('sha256').update(image).digest('hex'),
      attempts: 1,
      error: null,
    });
    expect(elapsedMs).toBeGreaterThan(0);
    expect(bytesPerSecond).toBeGreaterThan(0);
    await vi.waitFor(() => expect(installed).toHaveLength(1), 60_000);
  });

  it('ends with 1 where the answer was lost, and has sent it once', async () => {
    const { address, port, counts } = fleet.device('lost');
    const { exitCode, stdout } = await flash('--to', `espota://${address}:${port}`, '--retries', '3');
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'failed',
      proof: 'sent',
      attempts: 1,
      bytesPerSecond: 0,
      error: { code: 'OTA_RESULT_LOST', message: expect.stringContaining('50,000'), hint: expect.any(String) },
    });
    expect(counts.uploadsBegun).toBe(1);
  });

  it.each([
    // Too long for a name: no question leaves this machine.
    [['--to', `espota://${'x'.repeat(64)}`, '--retries', '0'], 1, 'LINK_UNKNOWN_HOST'],
    [['--to', 'espota://127.0.0.1:70000'], 2, 'USAGE_BAD_TARGET'],
    [['--to', 'espota://224.0.0.251'], 2, 'USAGE_BAD_TARGET'],
    [['--to', 'espota://user:hunter2@127.0.0.1'], 2, 'USAGE_BAD_TARGET'],
    [['--to', 'espota://127.0.0.1', '--password-env', 'NOT_THERE'], 2, 'CONFIG_SECRET_MISSING'],
    [['--to', 'espota://127.0.0.1', '--set', 'listen=99999'], 2, 'USAGE_WRONG'],
    [[], 2, 'USAGE_WRONG'],
  ])('%j ends with %d', async (args, code, error) => {
    const { exitCode, stdout, stderr } = await flash(...args);
    expect(exitCode).toBe(code);
    expect(JSON.parse(stdout).error.code).toBe(error);
    expect(stdout + stderr).not.toContain('hunter2');
  });
});
