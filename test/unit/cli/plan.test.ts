import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Journal } from '../../../src/jobs/journal/journal.ts';
import type { Device } from '../../../src/model/device.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import { dropflash } from './recorded-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'dropflash-plan-'));
const image = buildEsp32App({ chip: 'esp32' });

const CONFIG = `
version: 1
data: ./data
drop: { path: ./drop }
devices:
  - { name: boiler, address: 10.0.7.31, chip: esp32, protocol: espota }
  - { name: plug, address: 10.0.7.32, chip: esp8266, protocol: espota }
rules:
  - name: sensors
    firmware: { file: "app*.bin" }
    devices: { name: "*" }
    update: { protocol: espota, password: { env: NOT_SET_HERE } }
`;

beforeAll(() => {
  writeFileSync(join(folder, 'config.yaml'), CONFIG);
  writeFileSync(join(folder, 'wrong.yaml'), 'version: 1');
  for (const name of ['app.bin', 'other.bin']) writeFileSync(join(folder, name), image);
  writeFileSync(join(folder, 'half.bin'), image.subarray(0, image.length / 2));
});
afterAll(() => rmSync(folder, { recursive: true }));

const plan = (...args: string[]) => dropflash(['plan', ...args], { cwd: folder });

describe('plan', () => {
  it('tells for each device what would happen and changes nothing', async () => {
    const { exitCode, out } = await plan('app.bin');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^ {2}boiler +sensors +flash/m);
    expect(out).toMatch(/^ {2}plug +sensors +leave +RULE_WRONG_CHIP/m);
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });

  it('says why no rule takes an image', async () => {
    const { exitCode, out } = await plan('other.bin');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/not by rule "sensors": .*app\*\.bin/);
  });

  it('with --json prints the decisions, not the bytes', async () => {
    const { exitCode, out, json } = await plan('--json', 'app.bin');
    expect(exitCode).toBe(0);
    expect(json()).toMatchObject({
      image: { name: 'app.bin' },
      rules: ['sensors'],
      decisions: [{ kind: 'flash' }, { kind: 'refuse' }],
    });
    expect(out.length).toBeLessThan(20_000);
  });

  it('knows the devices that a daemon has met', async () => {
    const journal = Journal.open(Journal.pathIn(join(folder, 'met', 'data')));
    journal.devices.put(metDevice());
    journal.close();
    writeFileSync(join(folder, 'met', 'config.yaml'), CONFIG);
    const { out } = await plan('-c', join(folder, 'met', 'config.yaml'), 'app.bin');
    expect(out).toMatch(/^ {2}hallway +sensors +flash +10\.0\.7\.40$/m);
  });

  it('refuses a broken image, and ends with 78 for a broken config', async () => {
    expect(await plan('half.bin')).toMatchObject({ exitCode: 1, err: expect.stringContaining('IMAGE_TRUNCATED') });
    const wrong = await plan('-c', 'wrong.yaml', '--json', 'app.bin');
    expect(wrong.exitCode).toBe(78);
    expect(wrong.json().problems.length).toBeGreaterThan(0);
  });
});

function metDevice(): Device {
  return {
    id: 'mdns:arduino/hallway',
    keys: ['mdns:arduino/hallway'],
    name: 'hallway',
    address: '10.0.7.40',
    port: 3232,
    serial: null,
    mac: null,
    services: ['arduino'],
    board: 'esp32',
    txt: { board: 'esp32' },
    chip: null,
    protocol: null,
    tags: [],
    presence: 'present',
    firstSeenMs: 1,
    lastSeenMs: 1,
  };
}
