import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RolloutView } from '../../../src/jobs/rollout-view.ts';
import type { Fleet } from '../../../src/simulator/fleet.ts';
import { buildEsp8266App } from '../../fixtures/images.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { Site } from './site.ts';

const site = new Site();
const GOOD = ['a', 'b', 'c', 'd'].map((letter) => site.named(`good-${letter}`));
const SMALL = ['a', 'b', 'c'].map((letter) => site.named(`small-${letter}`));
let fleet: Fleet;
let daemon: DaemonProcess;

beforeAll(async () => {
  fleet = await site.fleet([
    ...GOOD.map((name) => ({ name, core: 'esp8266', board: 'd1_mini' }) as const),
    ...SMALL.map((name) => ({ name, core: 'esp8266', board: 'd1_mini', appSpaceBytes: 4_096 }) as const),
  ]);
  const rollout = { canary: 1, waves: ['50%', '100%'], soak: '3s' };
  site.configure({
    rules: ['good', 'small'].map((kind) => ({
      name: kind,
      firmware: { file: `${kind}-*` },
      devices: { name: `${kind}-*` },
      verify: { within: '10s' },
      rollout,
    })),
  });
  daemon = await site.start();
});

afterAll(() => site[Symbol.asyncDispose]());

async function view(release: unknown): Promise<RolloutView> {
  return JSON.parse((await site.cli('rollout', String(release), '--json')).stdout) as RolloutView;
}

function finished(name: string): number {
  return fleet.device(name).counts.uploadsFinished;
}

describe('a rollout by the daemon', () => {
  it('goes from the canary over a soak and waves to everyone, over a kill in between', async () => {
    site.drop('good-1.bin', buildEsp8266App({ seed: 70 }));
    const { release } = await daemon.until('rollout.started', { rule: 'good', stage: 'the canary' });
    await daemon.until('job.succeeded', { device: GOOD[0] });
    expect(GOOD.map(finished)).toEqual([1, 0, 0, 0]);

    daemon.signal('SIGKILL');
    await daemon.exited;
    daemon = await site.start();
    await daemon.until('rollout.finished', { release });
    expect(GOOD.map(finished)).toEqual([1, 1, 1, 1]);
    const { state, decisions, members } = await view(release);
    expect(state).toBe('finished');
    expect(decisions.map(({ what }) => what)).toEqual(['start', 'advance', 'advance', 'finish']);
    expect(members.map(({ device, wave, standing }) => `${device} ${wave} ${standing}`).toSorted()).toEqual(
      GOOD.map((name, index) => `${name} ${[0, 1, 2, 2][index]} proven`),
    );
    expect((await site.result('done', 'good-1.bin')).jobs).toHaveLength(4);
  });

  it('stops at the first failure, and shows it', async () => {
    site.drop('small-1.bin', buildEsp8266App({ seed: 71 }));
    const { release, cause, reason } = await daemon.until('rollout.paused', { rule: 'small' });
    expect([cause, reason]).toEqual([
      'failures',
      expect.stringMatching(/^1 of 1 released devices failed \(OTA_\w+ 1\)/),
    ]);
    const list = (await site.cli('rollouts')).stdout;
    expect(list).toMatch(new RegExp(`${release} .*small.*paused.*the canary`));
    const page = (await site.cli('rollout', String(release))).stdout;
    expect(page).toContain('stop-at is 1');
    for (const name of SMALL) expect(page).toContain(name);
    expect(SMALL.map((name) => fleet.device(name).counts.invitations > 0)).toEqual([true, false, false]);
  });

  it('is not known by another id', async () => {
    const { exitCode, stderr } = await site.cli('rollout', 'r0');
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('ROLLOUT_NOT_FOUND')]);
  });
});
