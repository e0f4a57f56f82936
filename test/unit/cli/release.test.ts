import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildEsp32App, buildZip } from '../../fixtures/images.ts';
import { dropflash } from './recorded-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'dropflash-release-'));
const SENSOR = buildEsp32App({ chip: 'esp32', project: 'sensor', version: '2.4.0' });
const GATEWAY = buildEsp32App({ chip: 'esp32', project: 'gateway', version: '2.4.0' });

const CONFIG = `
version: 1
data: ./data
drop: { path: ./drop }
devices:
  - { name: sensor-1, address: 10.0.7.31, chip: esp32, protocol: espota }
  - { name: gateway-1, address: 10.0.7.32, chip: esp32, protocol: espota }
rules:
  - name: sensors
    firmware: { project: sensor }
    devices: { name: "sensor-*" }
    update: { protocol: espota }
  - name: gateways
    firmware: { project: gateway }
    devices: { name: "gateway-*" }
    update: { protocol: espota }
`;

const YAML = `name: Garden
version: "2.4.0"
notes: |
  Sensors sleep longer.
images:
  - { file: sensor.bin, rules: [sensors] }
  - { file: images/gateway.bin }
rollout: { canary: 1, waves: [50%, 100%], soak: 30m }
`;

function put(name: string, yaml: string): void {
  mkdirSync(join(folder, name, 'images'), { recursive: true });
  writeFileSync(join(folder, name, 'release.yaml'), yaml);
  writeFileSync(join(folder, name, 'sensor.bin'), SENSOR);
  writeFileSync(join(folder, name, 'images/gateway.bin'), GATEWAY);
}

beforeAll(() => {
  writeFileSync(join(folder, 'config.yaml'), CONFIG);
  put('garden', YAML);
  put('strange', YAML.replace('[sensors]', '[gateways]'));
  put('lacking', YAML.replace('sensor.bin', 'nothing.bin'));
  writeFileSync(
    join(folder, 'garden.zip'),
    buildZip({ 'release.yaml': YAML, 'sensor.bin': SENSOR, 'images/gateway.bin': GATEWAY }),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const GIVEN = ['garden', 'garden.zip', 'garden/release.yaml'];
const run = (...args: string[]) => dropflash(args, { cwd: folder });

describe('a release', () => {
  it.each(GIVEN)('is inspected, given as %s', async (given) => {
    const { exitCode, out, err } = await run('inspect', given);
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(/^name +Garden$/m);
    expect(out).toMatch(/^rollout +one over all images: canary 1; waves 50%, 100%; soak 30m/m);
    expect(out).toMatch(/^ {2}sensor\.bin\n {2}sha256 +[0-9a-f]{64}\n {2}rules +sensors\n {2}kind +application/m);
    expect(out).toMatch(/^ {2}images\/gateway\.bin\n/m);
    const document = (await run('inspect', '--json', given)).json();
    expect(document).toMatchObject([
      {
        file: given,
        problems: [],
        error: null,
        release: { version: '2.4.0', images: [{ rules: ['sensors'] }, { dossier: { app: { project: 'gateway' } } }] },
      },
    ]);
  });

  it.each(GIVEN)('is planned, given as %s', async (given) => {
    const { exitCode, out, err } = await run('plan', given);
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(/^sensor\.bin \(app for esp32.*rules: sensors$/m);
    expect(out).toMatch(/^ {2}sensor-1 +sensors +flash +10\.0\.7\.31$/m);
    expect(out).toMatch(/^ {2}gateway-1 +gateways +flash +10\.0\.7\.32$/m);
    expect((await run('plan', '--json', given)).json()).toMatchObject({
      manifest: { name: 'Garden' },
      refused: null,
      images: [{ rules: ['sensors'] }, { rules: ['gateways'], decisions: [{ kind: 'refuse' }, { kind: 'flash' }] }],
    });
  });

  it('that would be rejected as a whole is told so, with all the rest', async () => {
    const { exitCode, out } = await run('plan', 'strange');
    expect(exitCode).toBe(1);
    expect(out).toMatch(/^it would be rejected as a whole: RELEASE_IMAGE_UNWANTED: sensor\.bin: rule "gateways"/m);
    expect(out).toMatch(/^ {2}gateway-1 +gateways +flash/m);
  });

  it('with something wrong in it fails, and inspect shows what there is', async () => {
    expect(await run('plan', 'lacking')).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('RELEASE_IMAGE_MISSING'),
    });
    const { exitCode, out } = await run('inspect', 'lacking');
    expect(exitCode).toBe(1);
    expect(out).toContain('problem: RELEASE_IMAGE_MISSING lacking/release.yaml names nothing.bin');
    expect(out).toContain('images/gateway.bin');
  });

  it('may name any rule where it is only inspected', async () => {
    writeFileSync(join(folder, 'any.release.yaml'), 'images: [{ file: garden/sensor.bin, rules: [elsewhere] }]');
    expect((await run('inspect', 'any.release.yaml')).exitCode).toBe(0);
    expect((await run('plan', 'any.release.yaml')).err).toContain('there is no rule "elsewhere"');
  });
});
