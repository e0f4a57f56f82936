import { describe, expect, it } from 'vitest';
import type { ReleaseManifest } from '../../../src/model/release-file.ts';
import type { RolloutSettings } from '../../../src/model/rollout.ts';
import { aRule } from '../../fixtures/records.ts';
import { FleetRun, fleetOf } from './fleet-run.ts';

const ROLLOUT: RolloutSettings = {
  canary: { by: 'count', count: 1 },
  waves: { by: 'list', sizes: [50, 100].map((amount) => ({ unit: 'percent', amount })) },
  soakMs: 60_000,
  stopAt: { failures: 1, percent: null },
  pauseAfter: null,
};

const RULE = aRule({ devices: { ...aRule().devices, name: 'd*' }, firmware: { ...aRule().firmware, file: '*.0*' } });

function release(over: Partial<ReleaseManifest> = {}): ReleaseManifest {
  const images = ['app-2.0.0', 'fs-2.0.0'].map((file) => ({ file, sha256: null, rules: ['sensors'] }));
  return { name: 'Garden', version: '2.0.0', notes: null, images, rollout: ROLLOUT, ...over };
}

const KINDS = { 'fs-2.0.0': 'filesystem' } as const;

function of(run: FleetRun, device: string): string[] {
  return run.takings.filter((taking) => taking.device === device).map(({ image }) => image);
}

describe('a release of several images', () => {
  it('is one drop and one rollout: each device gets all of it before the next wave begins', async () => {
    using run = new FleetRun({ rule: RULE, devices: fleetOf(4) });
    await run.dropRelease(release(), KINDS);
    await run.until(() => run.rollout().stage === 1);
    expect(new Set(run.takings.map(({ device }) => device))).toEqual(new Set(['d0001']));
    expect(of(run, 'd0001')).toEqual(['app-2.0.0', 'fs-2.0.0']);
    await run.until(() => run.rollout().state === 'finished');
    await run.until(() => run.results.length === 1);
    for (const { name } of run.devices.values()) expect(of(run, name).sort()).toEqual(['app-2.0.0', 'fs-2.0.0']);
    expect(run.journal.rollouts.newest(10)).toHaveLength(1);
    expect(run.results).toMatchObject([
      {
        file: 'release.zip',
        outcome: 'done',
        summary: '8 devices: 8 succeeded.',
        release: { name: 'Garden', version: '2.0.0', notes: null },
      },
    ]);
    const names = run.journal.releases.current().map(({ imageName }) => imageName);
    expect(names).toEqual(['app-2.0.0', 'fs-2.0.0']);
  });

  it('is refreshed by its own rollout, not by none, and as one for the devices of the rule', async () => {
    const when = {
      kind: 'window',
      cron: '0 2 * * *',
      forMs: 3 * 3_600_000,
      timezone: 'UTC',
      blackouts: [],
      missed: 'skip',
      refresh: 'always',
    } as const;
    using run = new FleetRun({ rule: { ...RULE, when }, devices: fleetOf(4) });
    await run.dropRelease(
      release({ rollout: { ...ROLLOUT, canary: { by: 'names', names: ['elsewhere', 'd0003'] } } }),
      KINDS,
    );
    await run.until(() => run.rollout().state === 'finished', 3 * 86_400_000);
    const first = run.rollout().release;
    const before = run.takings.length;
    await run.until(() => run.rollout().release !== first && run.takings.length > before + 1, 3 * 86_400_000);
    expect(run.rollout().settings).toEqual({ ...ROLLOUT, canary: { by: 'names', names: ['d0003'] } });
    expect(run.takings.slice(before).map(({ device }) => device)).toEqual(['d0003', 'd0003']);
    await run.until(() => run.rollout().state === 'finished', 3 * 86_400_000);
    expect(run.journal.rollouts.newest(10)).toHaveLength(2);
    for (const { name } of run.devices.values()) expect(of(run, name)).toHaveLength(4);
  });

  it('stops as one: a failure with one image holds back the others', async () => {
    using run = new FleetRun({
      rule: RULE,
      devices: fleetOf(10),
      manner: (name) => (name === 'd0003' ? 'refuses' : 'good'),
    });
    await run.dropRelease(release(), KINDS);
    await run.until(() => run.rollout().state === 'paused');
    await run.pass(3_600_000);
    const reached = new Set(run.takings.map(({ device }) => device));
    expect(reached.size).toBeLessThanOrEqual(5);
    expect(run.jobs().filter(({ wave }) => wave === null)).toHaveLength(10);
    // Any of its releases names it.
    const [, second] = run.journal.releases.current();
    run.engine.orders.abortRollout(second?.id ?? '', 'ann');
    expect(run.journal.releases.current()).toEqual([]);
    expect(run.jobs().filter(({ state }) => state === 'queued')).toEqual([]);
  });

  it('is taken back as one', async () => {
    using run = new FleetRun({ rule: RULE, devices: fleetOf(2) });
    await run.drop('app-1.0.0');
    await run.until(() => run.counts()['succeeded'] === 2);
    await run.dropRelease(release({ rollout: null }), KINDS);
    await run.until(() => run.counts()['succeeded'] === 6);
    const [lead] = run.journal.releases.current();
    const report = run.engine.orders.undoRelease(lead?.id ?? '', 'ann');
    expect(report.planned).toHaveLength(2);
    await run.until(() => run.counts()['succeeded'] === 8);
    expect(of(run, 'd0001').at(-1)).toBe('app-1.0.0');
  });

  it('survives crashes, wherever they come', async () => {
    using run = new FleetRun({ rule: RULE, devices: fleetOf(6) });
    await run.dropRelease(release(), KINDS);
    for (let crash = 0; run.rollout().state === 'running' && crash < 200; crash += 1) {
      await run.pass(1_700 + crash * 531);
      await run.crash();
    }
    for (const { name } of run.devices.values()) {
      const images = of(run, name);
      expect(new Set(images).size).toBe(images.length);
    }
    const unknown = run.jobs().filter(({ error }) => error?.code === 'JOB_OUTCOME_UNKNOWN').length;
    expect(run.jobs().filter(({ state }) => state === 'failed')).toHaveLength(unknown);
    expect(run.journal.drops.unfinished().length + run.results.length).toBe(1);
  });

  it.each([
    [
      'an image that no rule takes',
      [{ file: 'readme', sha256: null, rules: null }],
      'readme: rule "sensors": file name "readme"',
    ],
    [
      'two images for one place',
      ['a-2.0.0', 'b-2.0.0'].map((file) => ({ file, sha256: null, rules: null })),
      'b-2.0.0: rule "sensors": app-2.0.0 is for the same devices',
    ],
  ])('is not used at all with %s', async (_what, images, expected) => {
    using run = new FleetRun({ rule: RULE, devices: fleetOf(2) });
    await run.dropRelease(release({ images: [...release().images, ...images] }), KINDS);
    await run.pass(60_000);
    expect(run.takings).toEqual([]);
    expect(run.jobs()).toEqual([]);
    expect(run.results).toMatchObject([
      { outcome: 'rejected', error: { code: 'RELEASE_IMAGE_UNWANTED', message: expect.stringContaining(expected) } },
    ]);
  });

  it('brings the rungs of a ladder along', async () => {
    const versions = { downgrade: 'refuse', ladder: ['2.0.0'], withinMs: 600_000 } as const;
    using run = new FleetRun({ rule: { ...RULE, versions }, devices: fleetOf(2) });
    await run.drop('app-1.0.0');
    await run.until(() => run.counts()['succeeded'] === 2);
    const images = ['app-3.0.0', 'app-2.0.0'].map((file) => ({ file, sha256: null, rules: null }));
    await run.dropRelease(release({ images, rollout: null }));
    await run.until(() => run.counts()['succeeded'] === 4);
    expect(of(run, 'd0002')).toEqual(['app-1.0.0', 'app-2.0.0', 'app-3.0.0']);
  });

  it('is a duplicate only as a whole', async () => {
    using run = new FleetRun({ rule: RULE, devices: fleetOf(1) });
    await run.dropRelease(release(), KINDS);
    await run.until(() => run.counts()['succeeded'] === 2);
    await run.dropRelease(release(), KINDS);
    expect(run.results.at(-1)).toMatchObject({ outcome: 'duplicate' });
    const images = ['app-2.0.0', 'fs-2.1.0'].map((file) => ({ file, sha256: null, rules: null }));
    await run.dropRelease(release({ images }), { 'fs-2.1.0': 'filesystem' });
    await run.until(() => run.counts()['succeeded'] === 3);
    expect(of(run, 'd0001')).toEqual(['app-2.0.0', 'fs-2.0.0', 'fs-2.1.0']);
  });
});
