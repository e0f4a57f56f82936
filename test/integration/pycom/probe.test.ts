import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PycomFleet, startPycoms } from '../../../src/simulator/pycom/pycom-fleet.ts';
import { BRISK_PYCOM } from '../../../src/simulator/pycom/pycom-spec.ts';
import { dropflash } from '../../unit/cli/recorded-io.ts';
import { MODULES, moduleOf } from './modules.ts';

let fleet: PycomFleet;

beforeAll(async () => {
  const specs = MODULES.map(({ title, spec }) => ({ ...spec, name: title, password: 'nobody knows' }));
  const faulty = { ...specs[3], name: 'busy', faults: { busy: 'ftp' } } as (typeof specs)[number];
  fleet = await startPycoms([...specs, faulty], { timings: BRISK_PYCOM });
});
afterAll(() => fleet.stop());

function probe(name: string) {
  const { address, ftpPort, telnetPort } = fleet.device(name);
  const patience = name === 'busy' ? ['greeting-within=1s', 'wait-if-busy=0s'] : [];
  const settings = [`telnet-port=${telnetPort}`, ...patience];
  return dropflash([
    'probe',
    `pycom-ftp://${address}:${ftpPort}`,
    '--json',
    ...settings.flatMap((one) => ['--set', one]),
  ]);
}

describe('probe', () => {
  it.each([
    ['WiPy 1', 'WiPy with CC3200', '1.8.6', 'an MD5 at the end of the image', '196,608 bytes'],
    ['LoPy, 1.17.1', 'LoPy with ESP32', '1.17.1', 'an MD5 at the end of the image', '1,572,864 bytes'],
    ['FiPy, 1.20.2', 'FiPy with ESP32', '1.20.2.r6', 'a SHA-256 at its end', '2,027,520 bytes'],
  ])('tells what a %s is, without a login', async (name, board, version, checks, largest) => {
    const { exitCode, json } = await probe(name);
    expect([exitCode, json().facts]).toEqual([
      0,
      expect.objectContaining({ board, version, 'boot loader checks': checks, 'largest image': largest }),
    ]);
    expect(fleet.device(name).counts).toMatchObject({ violations: [], uploadsBegun: 0, resets: 0 });
  });

  it('tells that a module is busy', async () => {
    const { exitCode, json } = await probe('busy');
    expect([exitCode, json().error.code]).toEqual([1, 'PYCOM_BUSY']);
  });

  it('is not for devices that cannot be asked', async () => {
    const { exitCode, err } = await dropflash(['probe', 'espota://127.0.0.1']);
    expect([exitCode, err]).toEqual([2, expect.stringContaining('espota has no question')]);
  });
});

describe('flash', () => {
  it('tells a person that it waits for a busy module', async () => {
    const { address, ftpPort, telnetPort } = fleet.device('busy');
    const settings = [
      `telnet-port=${telnetPort}`,
      'password=nobody',
      'reset=none',
      'greeting-within=1s',
      'wait-if-busy=0s',
    ];
    const to = ['--to', `pycom-ftp://${address}:${ftpPort}`, '--retries', '0'];
    const folder = mkdtempSync(join(tmpdir(), 'dropflash-busy-'));
    writeFileSync(join(folder, 'fipy.bin'), moduleOf('FiPy, 1.20.2').image());
    const args = ['flash', 'fipy.bin', ...to, ...settings.flatMap((one) => ['--set', one])];
    const { exitCode, err } = await dropflash(args, { cwd: folder });
    rmSync(folder, { recursive: true });
    expect([exitCode, err]).toEqual([1, expect.stringMatching(/busy with another ftp session[\s\S]*PYCOM_BUSY/)]);
  });
});
