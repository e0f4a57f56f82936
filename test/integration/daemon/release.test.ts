import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RolloutView } from '../../../src/jobs/rollout-view.ts';
import type { Fleet } from '../../../src/simulator/fleet.ts';
import { buildZip } from '../../fixtures/images/archives.ts';
import { buildEsp8266App } from '../../fixtures/images.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { Site } from './site.ts';

const site = new Site();
const SENSORS = ['a', 'b'].map((letter) => site.named(`sensor-${letter}`));
const GATEWAY = site.named('gateway');
let fleet: Fleet;
let daemon: DaemonProcess;

beforeAll(async () => {
  fleet = await site.fleet([...SENSORS, GATEWAY].map((name) => ({ name, core: 'esp8266', board: 'd1_mini' }) as const));
  site.configure({
    rules: ['sensor', 'gateway'].map((kind) => ({
      name: `${kind}s`,
      firmware: { file: `${kind}-*` },
      devices: { name: `${kind}*` },
      verify: { within: '10s' },
      versions: { ladder: ['1.5.0'] },
      allow: ['version-unknown'],
    })),
  });
  daemon = await site.start();
});

afterAll(() => site[Symbol.asyncDispose]());

function finished(name: string): number {
  return fleet.device(name).counts.uploadsFinished;
}

function releaseYaml(images: readonly string[]): string {
  const entries = images.map((file) => `  - { file: ${file}, rules: [${file.split('-')[0]}s] }\n`);
  return `name: Garden\nimages:\n${entries.join('')}rollout: { canary: 1, soak: 0s }\n`;
}

describe('a release by the daemon', () => {
  it('in an archive: one drop, two images, one rollout, one result', async () => {
    const images = ['sensor-1.0.0.bin', 'gateway-1.0.0.bin'];
    const [sensor, gateway] = [buildEsp8266App({ seed: 80 }), buildEsp8266App({ seed: 81 })];
    site.drop(
      'garden.zip',
      buildZip({ 'release.yaml': releaseYaml(images), 'sensor-1.0.0.bin': sensor, 'gateway-1.0.0.bin': gateway }),
    );
    const { release } = await daemon.until('rollout.started', { stage: 'the canary' });
    await daemon.until('rollout.finished', { release });
    expect([...SENSORS, GATEWAY].map(finished)).toEqual([1, 1, 1]);
    const view = JSON.parse((await site.cli('rollout', String(release), '--json')).stdout) as RolloutView;
    expect(view).toMatchObject({ state: 'finished', file: images.join(', ') });
    expect(view.members).toHaveLength(3);
    const result = await site.result('done', 'garden.zip');
    expect(result).toMatchObject({ outcome: 'done', release: { name: 'Garden' }, summary: '3 devices: 3 succeeded.' });
  });

  it('beside its images: the same, over a kill in between, and each file with the result of all', async () => {
    const images = ['sensor-1.1.0.bin', 'gateway-1.1.0.bin'];
    site.drop('june.release.yaml', new TextEncoder().encode(releaseYaml(images)));
    site.drop('sensor-1.1.0.bin', buildEsp8266App({ seed: 82 }));
    await daemon.until('file.seen', { file: 'sensor-1.1.0.bin' });
    daemon.signal('SIGKILL');
    await daemon.exited;
    daemon = await site.start();
    site.drop('gateway-1.1.0.bin', buildEsp8266App({ seed: 83 }));
    const { release } = await daemon.until('rollout.started', { stage: 'the canary' });
    await daemon.until('rollout.finished', { release });
    expect([...SENSORS, GATEWAY].map(finished)).toEqual([2, 2, 2]);
    for (const name of ['june.release.yaml', ...images]) {
      expect(await site.result('done', name)).toMatchObject({ file: name, summary: '3 devices: 3 succeeded.' });
    }
  });
});

describe('a ladder by the daemon', () => {
  it('says which image is missing, and brings it first when it comes', async () => {
    site.drop('sensor-2.0.0.bin', buildEsp8266App({ seed: 84 }));
    const skipped = await daemon.until('job.skipped', { device: SENSORS[0], code: 'RULE_RUNG_MISSING' });
    expect(skipped['reason']).toContain(
      'it runs 1.1.0 and has to run 1.5.0 first; no application for esp8266 of version 1.5.0',
    );
    const before = (await site.cli('explain', String(SENSORS[0]))).stdout;
    expect(before).toContain('RULE_RUNG_MISSING');

    site.drop('sensor-1.5.0.bin', buildEsp8266App({ seed: 85 }));
    expect(await site.result('done', 'sensor-1.5.0.bin')).toMatchObject({
      summary: expect.stringContaining('Kept as rung 1.5.0'),
    });
    await expect.poll(() => SENSORS.map(finished), { timeout: 60_000 }).toEqual([4, 4]);
    await daemon.until('job.waiting', { device: SENSORS[1], waitingFor: 'the next image of its ladder' });
    expect(finished(GATEWAY)).toBe(2);
  });
});
