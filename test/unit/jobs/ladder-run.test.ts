import { describe, expect, it } from 'vitest';
import type { Rule } from '../../../src/model/rule.ts';
import { aRule } from '../../fixtures/records.ts';
import { FleetRun, fleetOf } from './fleet-run.ts';

const RULE = aRule({
  devices: { ...aRule().devices, name: 'd*' },
  firmware: { ...aRule().firmware, file: '*' },
  versions: { downgrade: 'refuse', ladder: ['2.0.0', '3.0.0'] },
  allow: ['version-unknown'],
});

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
    expect(run.journal.jobs.attemptsOf(job?.id ?? '')).toHaveLength(2);
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
    // It tells its version an hour later.
    run.says.set('d0003', '3.1.0');
    await run.pass(3_600_000);
    run.appear(run.devices.get('mdns:arduino/d0003') as never);
    await run.until(() => isQuiet(run));
    expect(taken(run, 'd0003')).toEqual(['4.0.0']);
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
    run.rule = { ...run.rule, versions: { downgrade: 'allow', ladder: [] } };
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
