import { describe, expect, it } from 'vitest';
import { viewRollout } from '../../../src/jobs/rollout-view.ts';
import type { Device } from '../../../src/model/device.ts';
import type { Rule } from '../../../src/model/rule.ts';
import { aRule } from '../../fixtures/records.ts';
import { FleetRun, fleetOf } from './fleet-run.ts';

const RULE = aRule({
  devices: { ...aRule().devices, name: 'd*' },
  firmware: { ...aRule().firmware, file: '*' },
  versions: { downgrade: 'refuse', ladder: ['2.0.0', '3.0.0'], withinMs: 600_000 },
  allow: ['version-unknown'],
});

/** A rule whose devices say their version on a TCP port, or do not. */
const UNTOLD: Rule = {
  ...RULE,
  allow: [],
  verify: { ...RULE.verify, proof: 'verified', version: { by: 'tcp', port: 23, match: '{version}' } },
};

const ROLLOUT = {
  canary: { by: 'count', count: 1 },
  waves: { by: 'list', sizes: [50, 100].map((amount) => ({ unit: 'percent', amount }) as const) },
  soakMs: 1_000,
  stopAt: { failures: 1, percent: null },
  pauseAfter: null,
} as const;

/** A fleet that was proven to run 1.0.0. */
async function proven(count: number, over: Partial<Rule> = {}): Promise<FleetRun> {
  const run = new FleetRun({ rule: { ...RULE, ...over }, devices: fleetOf(count) });
  await run.drop('1.0.0');
  await run.until(() => run.counts()['succeeded'] === count);
  return run;
}

function taken(run: FleetRun, device: string): string[] {
  return run.takings.filter((taking) => taking.device === device).map(({ image }) => image);
}

function isQuiet(run: FleetRun): boolean {
  const { queued, running, confirming } = run.engine.counts;
  return queued + running + confirming === 0;
}

describe('a ladder', () => {
  it('is climbed rung by rung, each proven before the next, within one job', async () => {
    using run = await proven(2);
    await run.drop('2.0.0');
    await run.until(() => isQuiet(run));
    run.manner = (device) => (device === 'd0002' ? 'refuses' : 'good');
    await run.drop('3.0.0');
    await run.until(() => isQuiet(run));
    run.manner = () => 'good';
    // One that appears only now, and one that is still on 2.0.0.
    run.appear(...(fleetOf(3).slice(2) as [never]));
    await run.drop('4.0.0');
    await run.until(() => isQuiet(run));
    expect(taken(run, 'd0001')).toEqual(['1.0.0', '2.0.0', '3.0.0', '4.0.0']);
    expect(taken(run, 'd0002')).toEqual(['1.0.0', '2.0.0', '3.0.0', '4.0.0']);
    const [job] = run.jobs().filter(({ device, image }) => device.endsWith('d0002') && image === '4.0.0');
    const events = run.journal.jobs.transitionsOf(job?.id ?? '').map(({ event }) => event);
    expect(events).toEqual(['plan', 'start', 'accept', 'climb', 'start', 'accept', 'succeed']);
    expect(run.journal.attempts.ofJob(job?.id ?? '')).toHaveLength(2);
  });

  it('goes on where a crash cut it off, and sends nothing twice', async () => {
    using run = await proven(3);
    for (const image of ['4.0.0', '3.0.0', '2.0.0']) await run.drop(image);
    for (let crash = 0; !isQuiet(run) && crash < 60; crash += 1) {
      await run.pass(2_500 + crash * 37);
      await run.crash();
    }
    for (const { name } of run.devices.values()) {
      const images = taken(run, name);
      expect(new Set(images).size).toBe(images.length);
      expect(images).toEqual(['1.0.0', '2.0.0', '3.0.0', '4.0.0'].slice(0, images.length));
    }
    const unknown = run.jobs().filter(({ error }) => error?.code === 'JOB_OUTCOME_UNKNOWN').length;
    expect(run.jobs().filter(({ state }) => state === 'failed')).toHaveLength(unknown);
  });

  it('waits for a rung that was not dropped, which then is no release', async () => {
    using run = await proven(2);
    await run.drop('3.0.0');
    await run.pass(60_000);
    expect(taken(run, 'd0001')).toEqual(['1.0.0']);
    await run.drop('2.0.0');
    expect(run.results.at(-1)).toMatchObject({
      outcome: 'done',
      summary: expect.stringContaining('Kept as rung 2.0.0 of the ladder of "sensors"'),
    });
    await run.until(() => isQuiet(run));
    expect(taken(run, 'd0002')).toEqual(['1.0.0', '2.0.0', '3.0.0']);
    expect(run.journal.releases.current()).toMatchObject([{ image: '3.0.0' }]);
  });

  it('fails a job whose rung fails, and sends it nothing more', async () => {
    using run = await proven(1);
    await run.drop('3.0.0');
    run.manner = () => 'vanishes';
    await run.drop('2.0.0');
    await run.until(() => isQuiet(run));
    await run.pass(3_600_000);
    expect(taken(run, 'd0001')).toEqual(['1.0.0', '2.0.0']);
    expect(run.jobs().find(({ state }) => state === 'failed')).toMatchObject({
      error: { code: 'JOB_NOT_RETURNED' },
      image: '2.0.0',
    });
  });

  it('is climbed by the canary before anyone else begins', async () => {
    const waves = [1, 100].map((amount) => ({ unit: 'percent', amount }) as const);
    const rollout = {
      canary: { by: 'count', count: 1 },
      waves: { by: 'list', sizes: waves },
      soakMs: 1_000,
      stopAt: { failures: 1, percent: null },
      pauseAfter: null,
    } as const;
    using run = await proven(5);
    run.rule = { ...run.rule, rollout };
    await run.drop('2.0.0');
    await run.until(() => run.rollout().state === 'finished');
    run.manner = (device) => (device === 'd0001' ? 'refuses' : 'good');
    await run.drop('4.0.0');
    await run.drop('3.0.0');
    await run.until(() => run.rollout().state === 'paused');
    // The rung of the canary failed: nobody else got even the rung.
    expect(run.takings.filter(({ image }) => image === '3.0.0' || image === '4.0.0')).toEqual([]);
  });

  it('refuses to guess where a version is unknown, and asks where there is a way to', async () => {
    const version = { by: 'tcp', port: 23, match: '{version}' } as const;
    const verify = { ...RULE.verify, proof: 'verified', version } as const;
    using run = new FleetRun({ rule: { ...RULE, allow: [], verify }, devices: fleetOf(3) });
    run.says.set('d0001', '2.5.0');
    run.says.set('d0002', '3.5.0');
    for (const image of ['3.0.0', '4.0.0']) await run.drop(image);
    await run.until(() => run.takings.length >= 3);
    await run.until(() => run.jobs().filter(({ state }) => state === 'succeeded').length === 2);
    expect(taken(run, 'd0001')).toEqual(['3.0.0', '4.0.0']);
    expect(taken(run, 'd0002')).toEqual(['4.0.0']);
    expect(taken(run, 'd0003')).toEqual([]);
    const [waiting] = run.jobs().filter(({ state }) => state === 'queued');
    expect(waiting?.waitingFor).toContain('it is not known which version it runs');
    expect(waiting?.waitingFor).toContain('it is waited for until 20');
    // It tells its version some minutes later.
    await run.pass(300_000);
    run.says.set('d0003', '3.1.0');
    run.appear(run.devices.get('mdns:arduino/d0003') as never);
    await run.until(() => isQuiet(run));
    expect(taken(run, 'd0003')).toEqual(['4.0.0']);
  });

  it('asks a device that waits again, and takes it up as soon as it says what it runs', async () => {
    using run = new FleetRun({ rule: UNTOLD, devices: fleetOf(1) });
    await run.drop('4.0.0');
    await run.pass(120_000);
    run.says.set('d0001', '3.1.0');
    await run.pass(120_000);
    await run.until(() => isQuiet(run));
    expect(taken(run, 'd0001')).toEqual(['4.0.0']);
  });

  it('ends the job of a device that never says what it runs; the rollout goes on and finishes without it', async () => {
    using run = new FleetRun({ rule: { ...UNTOLD, rollout: ROLLOUT }, devices: fleetOf(4) });
    for (const name of ['d0001', 'd0003', 'd0004']) run.says.set(name, '3.5.0');
    await run.drop('4.0.0');
    await run.until(
      () => run.rollout().stage === 1 && run.jobs().some(({ waitingFor }) => waitingFor?.includes('waited for until')),
    );
    const view = viewRollout(run.journal, run.directory, run.rollout(), run.clock.now());
    expect(view.members.find(({ device }) => device === 'd0002')?.waitingFor).toContain(
      'it is not known which version',
    );
    await run.until(() => run.rollout().state === 'finished', 900_000);
    const [left] = run.jobs().filter(({ state }) => state === 'failed');
    expect(left).toMatchObject({ device: 'mdns:arduino/d0002', attempts: 0, error: { code: 'JOB_VERSION_UNTOLD' } });
    expect(left?.error?.message).toContain('it was waited for 10m');
    expect(run.counts()).toMatchObject({ succeeded: 3, failed: 1 });
    // It restarts, and says it now.
    run.says.set('d0002', '3.9.0');
    run.appear(run.devices.get('mdns:arduino/d0002') as never);
    await run.until(() => isQuiet(run));
    expect(taken(run, 'd0002')).toEqual(['4.0.0']);
  });

  it('gives it no more time where the daemon starts anew in between', async () => {
    using run = new FleetRun({ rule: UNTOLD, devices: fleetOf(1) });
    await run.drop('4.0.0');
    const fromMs = run.clock.now();
    while (!isQuiet(run)) {
      await run.pass(90_000);
      await run.crash();
    }
    expect(run.jobs()).toMatchObject([{ state: 'failed', error: { code: 'JOB_VERSION_UNTOLD' } }]);
    expect(run.clock.now() - fromMs).toBeLessThanOrEqual(690_000);
    expect(run.clock.now() - fromMs).toBeGreaterThanOrEqual(600_000);
  });

  it('asks it once more where its time passed while the daemon was not there', async () => {
    using run = new FleetRun({ rule: UNTOLD, devices: fleetOf(2) });
    await run.drop('4.0.0');
    await run.pass(60_000);
    run.clock.sleep(86_400_000);
    run.says.set('d0002', '3.1.0');
    await run.crash();
    await run.until(() => isQuiet(run), 120_000);
    expect(taken(run, 'd0002')).toEqual(['4.0.0']);
    expect(run.jobs().find(({ device }) => device.endsWith('d0001'))?.error?.code).toBe('JOB_VERSION_UNTOLD');
  });

  it('is not led astray by a clock that was set back while the daemon was not there', async () => {
    using run = new FleetRun({ rule: UNTOLD, devices: fleetOf(1) });
    await run.drop('4.0.0');
    await run.pass(60_000);
    run.clock.setBy(-86_400_000);
    await run.crash();
    await run.pass(300_000);
    await run.crash();
    expect(run.jobs()).toMatchObject([{ state: 'queued' }]);
    await run.until(() => isQuiet(run), 400_000);
    expect(run.jobs()).toMatchObject([{ state: 'failed', error: { code: 'JOB_VERSION_UNTOLD' } }]);
  });

  it('gives it all its time again when something is dropped, also where the daemon starts anew after that', async () => {
    using run = new FleetRun({ rule: UNTOLD, devices: fleetOf(1) });
    await run.drop('4.0.0');
    await run.pass(500_000);
    await run.drop('3.0.0');
    await run.crash();
    await run.pass(500_000);
    expect(run.jobs()).toMatchObject([{ state: 'queued', waitingFor: expect.stringContaining('not known') }]);
    await run.until(() => isQuiet(run), 200_000);
    expect(run.jobs()).toMatchObject([{ state: 'failed', error: { code: 'JOB_VERSION_UNTOLD' } }]);
  });

  it('lets a person try such a job again, and gives it its time anew', async () => {
    using run = new FleetRun({ rule: UNTOLD, devices: fleetOf(1) });
    await run.drop('4.0.0');
    await run.until(() => isQuiet(run), 900_000);
    const [failed] = run.jobs();
    expect(failed?.error?.code).toBe('JOB_VERSION_UNTOLD');
    run.engine.orders.retry(failed?.id ?? '', false);
    await run.pass(300_000);
    expect(run.jobs()).toMatchObject([{ state: 'queued', waitingFor: expect.stringContaining('not known') }]);
    await run.until(() => isQuiet(run), 900_000);
    expect(run.takings).toEqual([]);
  });

  it('ends a job for want of a rung, and takes it up when that is dropped', async () => {
    using run = new FleetRun({ rule: UNTOLD, devices: fleetOf(1) });
    run.says.set('d0001', '1.0.0');
    await run.drop('4.0.0');
    await run.until(() => isQuiet(run), 900_000);
    expect(run.jobs()).toMatchObject([{ state: 'failed', error: { code: 'JOB_RUNG_MISSING' } }]);
    await run.drop('2.0.0');
    await run.pass(120_000);
    await run.drop('3.0.0');
    await run.until(() => isQuiet(run));
    expect(taken(run, 'd0001')).toEqual(['2.0.0', '3.0.0', '4.0.0']);
  });

  it('waits for a device that is away as long as that is away, and for its time from there on', async () => {
    using run = new FleetRun({ rule: UNTOLD, devices: fleetOf(1) });
    await run.drop('4.0.0');
    await run.pass(60_000);
    const device = run.devices.get('mdns:arduino/d0001') as Device;
    run.devices.set(device.id, { ...device, presence: 'away' });
    await run.pass(86_400_000);
    expect(run.jobs()).toMatchObject([{ state: 'queued' }]);
    run.says.set('d0001', '3.5.0');
    run.appear(device);
    await run.until(() => isQuiet(run));
    expect(taken(run, 'd0001')).toEqual(['4.0.0']);
  });
});

describe('a downgrade', () => {
  it('is no release, unless the rule allows it', async () => {
    using run = await proven(1);
    await run.drop('2.0.0');
    await run.until(() => isQuiet(run));
    await run.drop('1.5.0');
    expect(run.results.at(-1)).toMatchObject({
      outcome: 'unmatched',
      summary: expect.stringContaining('1.5.0 is older than 2.0.0'),
    });
    run.rule = { ...run.rule, versions: { downgrade: 'allow', ladder: [], withinMs: 600_000 } };
    await run.drop('1.6.0');
    await run.until(() => isQuiet(run));
    expect(taken(run, 'd0001')).toEqual(['1.0.0', '2.0.0', '1.6.0']);
  });

  it('of an undo leads back to the rung that the device stood on', async () => {
    using run = await proven(1);
    await run.drop('3.0.0');
    await run.drop('2.0.0');
    await run.until(() => isQuiet(run));
    run.engine.orders.undoDevice(run.devices.get('mdns:arduino/d0001') as never, 'ann');
    await run.until(() => isQuiet(run));
    expect(taken(run, 'd0001')).toEqual(['1.0.0', '2.0.0', '3.0.0', '2.0.0']);
  });

  it('is what an undo asks for', async () => {
    using run = await proven(1);
    await run.drop('2.0.0');
    await run.until(() => isQuiet(run));
    run.engine.orders.undoDevice(run.devices.get('mdns:arduino/d0001') as never, 'ann');
    await run.until(() => isQuiet(run));
    expect(taken(run, 'd0001')).toEqual(['1.0.0', '2.0.0', '1.0.0']);
  });
});
