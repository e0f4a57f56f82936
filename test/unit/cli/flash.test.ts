import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../../src/cli/program.ts';
import { BRISK } from '../../../src/simulator/cores.ts';
import type { SimulatedDevice } from '../../../src/simulator/device.ts';
import type { DeviceSpec } from '../../../src/simulator/device-spec.ts';
import { type Fleet, startFleet } from '../../../src/simulator/fleet.ts';
import { buildEsp32App, buildEsp8266App, buildEsp8266V2, buildMerged } from '../../fixtures/images.ts';
import { dropflash, recordedIo } from './recorded-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'dropflash-flash-'));
const image = buildEsp32App({ chip: 'esp32', sizeBytes: 60_001 });
const sha256 = createHash('sha256').update(image).digest('hex');
beforeAll(() => {
  writeFileSync(join(folder, 'app.bin'), image);
  writeFileSync(join(folder, 'esp8266.bin'), buildEsp8266App());
  writeFileSync(join(folder, 'half.bin'), image.subarray(0, 20_000));
  writeFileSync(join(folder, 'factory.bin'), buildMerged());
  writeFileSync(join(folder, 'without-eboot.bin'), buildEsp8266V2());
  writeFileSync(join(folder, 'password'), 'hunter2\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const fleets: Fleet[] = [];
afterEach(async () => {
  await Promise.all(fleets.splice(0).map((fleet) => fleet.stop()));
});

async function device(spec: Partial<DeviceSpec> = {}): Promise<{ readonly sim: SimulatedDevice; readonly to: string }> {
  const fleet = await startFleet([{ name: 'kitchen', core: 'esp32-md5', mdns: false, ...spec }], { timings: BRISK });
  fleets.push(fleet);
  const sim = fleet.device('kitchen');
  return { sim, to: `espota://${sim.address}:${sim.port}` };
}

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  dropflash(['flash', 'app.bin', '--json', ...args], { cwd: folder, env });

describe('flash', () => {
  it('sends an image and prints exactly the document of the contract', async () => {
    const { sim, to } = await device({ password: 'hunter2' });
    const { exitCode, json } = await run(['--to', to, '--password-env', 'OTA_PW'], { OTA_PW: 'hunter2' });
    expect(exitCode).toBe(0);
    const document = json();
    expect(Object.keys(document)).toEqual([
      'outcome',
      'proof',
      'protocol',
      'device',
      'bytes',
      'sha256',
      'elapsedMs',
      'bytesPerSecond',
      'attempts',
      'error',
    ]);
    expect(document).toMatchObject({
      outcome: 'succeeded',
      proof: 'accepted',
      protocol: 'espota',
      device: to.slice('espota://'.length),
      bytes: image.length,
      sha256,
      attempts: 1,
      error: null,
    });
    expect(document.bytesPerSecond).toBeGreaterThan(0);
    await expect.poll(() => sim.installed).toHaveLength(1);
  });

  it('tells a person in one line, with plain progress where there is no terminal', async () => {
    const { to } = await device();
    const { exitCode, out, err } = await dropflash(['flash', 'app.bin', '--to', to], { cwd: folder });
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^127\.\S+: accepted, 60\.\d kB in .*\/s\)\n$/);
    expect(err).toMatch(/: prepare\n.*: write\n.*: commit\n/s);
  });

  it('draws a bar on a terminal', async () => {
    const { to } = await device();
    const { exitCode, err } = await dropflash(['flash', 'app.bin', '--to', to], { cwd: folder, isTerminal: true });
    expect(exitCode).toBe(0);
    expect(err).toContain('\u001b[?25l');
    expect(err).toMatch(/\d+% .* of /);
  });

  it('does not retry a refused password, and reads one from a file', async () => {
    const { sim, to } = await device({ password: 'other' });
    const { exitCode, json } = await run(['--to', to, '--password-file', 'password']);
    expect(exitCode).toBe(1);
    expect(json()).toMatchObject({ outcome: 'failed', proof: null, attempts: 1, error: { code: 'OTA_AUTH_REFUSED' } });
    expect(sim.installed).toHaveLength(0);
  });

  it('retries a lost connection', async () => {
    const { sim, to } = await device({ faults: { transfer: { atByte: 20_000, how: 'reset' }, uploads: 1 } });
    const { exitCode, json } = await run(['--to', to, '--retries', '1']);
    expect([exitCode, json().attempts]).toEqual([0, 2]);
    await expect.poll(() => sim.installed).toHaveLength(1);
  });

  it('never sends again when the answer was lost, and claims no more than "sent"', async () => {
    const { sim, to } = await device({ faults: { okLost: 'reset' } });
    const { exitCode, json } = await run(['--to', to]);
    expect(exitCode).toBe(1);
    expect(json()).toMatchObject({ outcome: 'failed', proof: 'sent', attempts: 1, error: { code: 'OTA_RESULT_LOST' } });
    expect(sim.counts.uploadsBegun).toBe(1);
  });

  it.each([
    [['half.bin'], 'IMAGE_TRUNCATED'],
    [['factory.bin'], 'IMAGE_NOT_OTA'],
    [['without-eboot.bin'], 'IMAGE_NOT_OTA'],
    [['nope.bin'], 'IMAGE_UNREADABLE'],
    [['app.bin', '--chip', 'esp8266'], 'IMAGE_WRONG_CHIP'],
  ])('refuses %j before a byte is sent', async (args, code) => {
    const { sim, to } = await device();
    const result = await dropflash(['flash', ...args, '--json', '--to', to], { cwd: folder });
    expect(result.exitCode).toBe(1);
    expect(result.json()).toMatchObject({ outcome: 'failed', attempts: 0, error: { code } });
    expect(sim.counts.datagrams).toBe(0);
  });

  it.each([
    [['--set', 'stall-after=never'], 'USAGE_WRONG', /stall-after: expected/],
    [['--set', 'stal-after=5s'], 'USAGE_WRONG', /did you mean/],
    [['--set', 'hunter2'], 'USAGE_WRONG', /^--set takes KEY=VALUE$/],
    [['--set', 'chunk=1460', '--set', 'chunk=4096'], 'USAGE_WRONG', /given twice/],
    [['--password-env', 'A', '--password-file', 'b'], 'USAGE_WRONG', /exclude each other/],
    [['--password-env', 'NOT_SET'], 'CONFIG_SECRET_MISSING', /NOT_SET is not set/],
  ])('wrong options %j end with 2', async (args, code, message) => {
    const { exitCode, json } = await run(['--to', 'espota://127.0.0.1:9', ...args]);
    expect(exitCode).toBe(2);
    expect(json().error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('takes a password in plain sight, with a warning', async () => {
    const { to } = await device({ password: 'hunter2' });
    const { exitCode, err } = await run(['--to', to, '--set', 'password=hunter2']);
    expect(exitCode).toBe(0);
    expect(err).toContain('warning: others on this machine');
    expect(err).not.toContain('hunter2');
  });

  it('takes any option of the protocol', async () => {
    const { to } = await device();
    const { exitCode } = await run(['--to', to, '--set', 'chunk=4096', '--set', 'stall-after=20s']);
    expect(exitCode).toBe(0);
  });

  it('stops at once when it is interrupted before the device has the whole image', async () => {
    const { to } = await device({ faults: { noDialBack: true } });
    const { io, out, stop } = recordedIo({ cwd: folder });
    const running = runProgram(['flash', 'app.bin', '--json', '--to', to], io);
    setTimeout(stop, 100);
    expect(await running).toBe(1);
    expect(JSON.parse(out())).toMatchObject({ outcome: 'failed', proof: null, error: { code: 'USAGE_INTERRUPTED' } });
  });

  it('interrupted while the verdict is awaited, hears it first; insisting does not wait', async () => {
    for (const insists of [false, true]) {
      const { to } = await device({ core: 'esp8266', timings: { beforeOkMs: 600 } });
      const { io, out, err, stop, insist } = recordedIo({ cwd: folder });
      const running = runProgram(['flash', 'esp8266.bin', '--json', '--to', to], io);
      await expect.poll(() => err(), { timeout: 60_000 }).toContain(': commit\n');
      stop();
      if (insists) insist();
      expect(await running).toBe(insists ? 1 : 0);
      expect(JSON.parse(out()).error?.code ?? null).toBe(insists ? 'JOB_OUTCOME_UNKNOWN' : null);
    }
  });
});
