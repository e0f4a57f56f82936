import { describe, expect, it } from 'vitest';
import type { Rule, Verify } from '../../../src/model/rule.ts';
import { aRule } from '../../fixtures/records.ts';
import { FleetRun, fleetOf, type Manner } from './fleet-run.ts';

const SOAKED: Verify = {
  proof: 'soaked',
  withinMs: 30_000,
  check: { by: 'mdns' },
  version: null,
  soakMs: 600_000,
};

function rule(over: Partial<Rule> = {}): Rule {
  return aRule({ devices: { ...aRule().devices, name: 'd*' }, firmware: { ...aRule().firmware, file: '*' }, ...over });
}

/** A fleet that was proven to run 1.0.0. */
async function proven(count: number, over: Partial<Rule> = {}): Promise<FleetRun> {
  const run = new FleetRun({ rule: rule(over), devices: fleetOf(count) });
  await run.drop('1.0.0');
  await run.until(() => run.counts()['succeeded'] === count);
  return run;
}

function release(run: FleetRun, image: string): string {
  return run.jobs().find((job) => job.image === image)?.release ?? '';
}

function held(run: FleetRun): (string | null)[] {
  return [...run.devices.keys()].map((id) => run.journal.devices.held([id], 'app')?.image ?? null);
}

function isQuiet(run: FleetRun): boolean {
  const { queued, running, confirming } = run.engine.counts;
  return queued + running + confirming === 0;
}

describe('a release that a person takes back', () => {
  it('is re-flashed with what each device ran before, and nobody gets it any more', async () => {
    using run = await proven(3);
    run.manner = (device) => (device === 'd0003' ? 'refuses' : 'good');
    await run.drop('2.0.0');
    await run.until(() => isQuiet(run));
    run.manner = () => 'good';
    const report = run.engine.orders.undoRelease(release(run, '2.0.0'), 'ann');
    expect(report.planned.map(({ image }) => image)).toEqual(['1.0.0', '1.0.0']);
    expect(report.refused).toEqual([{ device: 'd0003', reason: expect.stringContaining('OTA_NO_SPACE') }]);
    await run.until(() => isQuiet(run));
    expect(held(run)).toEqual(['1.0.0', '1.0.0', '1.0.0']);
    const takings = run.takings.length;
    for (const device of fleetOf(5)) run.appear(device);
    await run.pass(3_600_000);
    // The undo is for those that had it: devices that appear get neither.
    expect(run.takings).toHaveLength(takings);
    expect(run.engine.orders.undoRelease(release(run, '2.0.0'), 'ann').planned).toEqual([]);
    expect(() => run.engine.orders.undoRelease('r0', 'ann')).toThrow(/no release "r0"/);
  });

  it('leaves a device alone of which nobody knows what it runs', async () => {
    using run = await proven(1);
    await run.drop('2.0.0');
    await run.until(() => run.jobs().some(({ step }) => step === 'commit'));
    await run.crash();
    await run.until(() => run.counts()['failed'] === 1);
    const { planned, refused } = run.engine.orders.undoRelease(release(run, '2.0.0'), 'ann');
    expect([planned, refused]).toEqual([
      [],
      [{ device: 'd0001', reason: expect.stringContaining('not known what it runs') }],
    ]);
  });

  it('has no way back where nothing was proven before', async () => {
    using run = await proven(1);
    expect(run.engine.orders.undoRelease(release(run, '1.0.0'), 'ann').refused).toEqual([
      { device: 'd0001', reason: expect.stringContaining('no earlier image') },
    ]);
  });

  it('on one device goes on for the others, and a newer image comes before it', async () => {
    using run = await proven(2);
    await run.drop('2.0.0');
    await run.until(() => isQuiet(run));
    const [first] = run.devices.values();
    if (first === undefined) throw new Error('there is a device');
    run.appear({ ...first, presence: 'away' });
    expect(run.engine.orders.undoDevice(first, 'ann').planned).toHaveLength(1);
    await run.pass(60_000);
    await run.drop('3.0.0');
    run.appear(first);
    await run.until(() => isQuiet(run));
    expect(held(run)).toEqual(['3.0.0', '3.0.0']);
    expect(run.takings.filter(({ device }) => device === 'd0001').map(({ image }) => image)).toEqual([
      '1.0.0',
      '2.0.0',
      '3.0.0',
    ]);
  });

  it('that was itself taken back, and waits for its device, gives way to a newer image too', async () => {
    using run = await proven(1);
    await run.drop('2.0.0');
    await run.until(() => isQuiet(run));
    const [device] = run.devices.values();
    if (device === undefined) throw new Error('there is a device');
    run.engine.orders.undoDevice(device, 'ann');
    await run.until(() => isQuiet(run));
    run.appear({ ...device, presence: 'away' });
    expect(run.engine.orders.undoDevice(device, 'ann').planned).toMatchObject([{ image: '2.0.0' }]);
    await run.drop('3.0.0');
    run.appear(device);
    await run.until(() => isQuiet(run));
    expect(run.takings.map(({ image }) => image)).toEqual(['1.0.0', '2.0.0', '1.0.0', '3.0.0']);
  });
});

describe('a release of which all failed jobs are to be done again', () => {
  it('is sent to those that refused it, and not where that needs force', async () => {
    using run = new FleetRun({ rule: rule(), devices: fleetOf(4) });
    const manners: Record<string, Manner> = { d0001: 'refuses', d0002: 'refuses', d0003: 'vanishes' };
    run.manner = (device) => manners[device] ?? 'good';
    await run.drop('1.0.0');
    await run.until(() => isQuiet(run));
    run.manner = () => 'good';
    const { planned, refused } = run.engine.orders.retryRelease(release(run, '1.0.0'));
    expect(planned).toHaveLength(2);
    expect(refused).toMatchObject([{ job: { device: 'mdns:arduino/d0003' }, error: { code: 'JOB_NEEDS_FORCE' } }]);
    await run.until(() => isQuiet(run));
    expect(run.counts()).toEqual({ succeeded: 3, failed: 1 });
    expect(() => run.engine.orders.retryRelease('r0')).toThrow(/no release "r0"/);
  });
});

describe('undo: on-failure', () => {
  it.each(['at once', 'by the next process'])('brings back a device that does not stay well, %s', async (when) => {
    using run = await proven(1, { verify: SOAKED, undo: when === 'at once' ? 'on-failure' : 'never' });
    run.manner = () => 'falls-back';
    await run.drop('2.0.0');
    await run.until(() => run.jobs().some(({ state, image }) => state === 'failed' && image === '2.0.0'));
    run.manner = () => 'good';
    if (when !== 'at once') {
      run.rule = { ...run.rule, undo: 'on-failure' };
      await run.crash();
    }
    await run.until(() => run.counts()['succeeded'] === 2);
    expect(run.takings.map(({ image }) => image)).toEqual(['1.0.0', '2.0.0', '1.0.0']);
    expect(held(run)).toEqual(['1.0.0']);
    await run.crash();
    await run.pass(3_600_000);
    expect(run.takings).toHaveLength(3);
  });
});
