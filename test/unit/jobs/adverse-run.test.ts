import { describe, expect, it } from 'vitest';
import { viewRollout } from '../../../src/jobs/rollout-view.ts';
import type { Device } from '../../../src/model/device.ts';
import type { RolloutSettings } from '../../../src/model/rollout.ts';
import type { Rule } from '../../../src/model/rule.ts';
import { aRule, aWindow } from '../../fixtures/records.ts';
import { FleetRun, fleetOf } from './fleet-run.ts';

const WAVES: RolloutSettings = {
  canary: { by: 'count', count: 1 },
  waves: { by: 'list', sizes: [10, 50, 100].map((amount) => ({ unit: 'percent', amount })) },
  soakMs: 600_000,
  stopAt: { failures: 2, percent: null },
  pauseAfter: null,
};

const RULE = aRule({ devices: { ...aRule().devices, name: 'd*' }, firmware: { ...aRule().firmware, file: '*' } });
const AT_ONCE: Rule = { ...RULE, rollout: null };
const HOUR_MS = 3_600_000;

function ruleWith(over: Partial<RolloutSettings> = {}): Rule {
  return { ...RULE, rollout: { ...WAVES, ...over } };
}

function stateOf(run: FleetRun, device: string, image: string): string | undefined {
  return run.jobs().find((job) => job.device.endsWith(device) && job.image === image)?.state;
}

describe('a clock that is set back by two hours', () => {
  it.each(['under the daemon', 'before the next one starts'])(
    'makes a soak begin anew, and no longer: %s',
    async (when) => {
      using run = new FleetRun({ rule: ruleWith(), devices: fleetOf(10) });
      await run.drop('aa');
      await run.until(() => run.counts()['succeeded'] === 1);
      await run.pass(300_000);
      run.clock.setBy(-2 * HOUR_MS);
      if (when === 'before the next one starts') await run.crash();
      const fromAt = run.clock.monotonic();
      await run.until(() => run.rollout().stage > 0);
      const soakedMs = run.clock.monotonic() - fromAt;
      expect(soakedMs).toBeGreaterThanOrEqual(WAVES.soakMs);
      expect(soakedMs).toBeLessThan(WAVES.soakMs + 120_000);
      await run.until(() => run.rollout().state === 'finished', 2 * HOUR_MS);
      expect(run.counts()).toEqual({ succeeded: 10 });
    },
  );

  it('makes nobody wait two hours for the next attempt', async () => {
    const rule = { ...AT_ONCE, update: { ...RULE.update, retries: 20 } };
    using run = new FleetRun({ rule, devices: fleetOf(3), manner: () => 'silent' });
    await run.drop('aa');
    await run.pass(60_000);
    run.clock.setBy(-2 * HOUR_MS);
    run.manner = () => 'good';
    await run.until(() => run.counts()['succeeded'] === 3, 600_000);
  });

  it('does not let a job of an earlier process wait for what cannot come', async () => {
    using run = new FleetRun({ rule: AT_ONCE, devices: fleetOf(1) });
    await run.drop('aa');
    await run.until(() => run.jobs()[0]?.state === 'confirming');
    run.clock.setBy(-2 * HOUR_MS);
    await run.crash();
    await run.until(() => run.counts()['succeeded'] === 1, 600_000);
    expect(run.takings).toHaveLength(1);
    expect(run.returns.map(({ missedTheRestart }) => missedTheRestart)).toEqual([false, true]);
    expect(run.returns[1]?.sinceMs).toBeLessThanOrEqual(run.clock.now());
  });

  it('does not make the daemon think that it was not there', async () => {
    using run = new FleetRun({ rule: AT_ONCE, devices: fleetOf(1) });
    await run.pass(60_000);
    run.clock.setBy(-2 * HOUR_MS);
    await run.drop('aa');
    await run.until(() => run.counts()['succeeded'] === 1);
    expect(run.returns).toMatchObject([{ missedTheRestart: false }]);
  });
});

describe('a window', () => {
  it('that closes while a job waits for its next attempt: that comes with the next window', async () => {
    const rule = { ...AT_ONCE, update: { ...RULE.update, retries: 20 }, when: aWindow({ forMs: 600_000 }) };
    using run = new FleetRun({ rule, devices: fleetOf(1), manner: () => 'silent' });
    await run.drop('aa');
    await run.until(() => run.jobs()[0]?.waitingFor?.startsWith('attempt') === true);
    await run.until(() => run.jobs()[0]?.waitingFor?.startsWith('the maintenance window') === true);
    const { attempts = 0, id = '' } = run.jobs()[0] ?? {};
    expect(attempts).toBeGreaterThan(2);
    run.manner = () => 'good';
    await run.until(() => run.counts()['succeeded'] === 1);
    expect(run.takings.map(({ atMs }) => new Date(atMs).toISOString().slice(0, 16))).toEqual(['2026-06-03T02:00']);
    expect(run.journal.attempts.ofJob(id)).toHaveLength(attempts + 1);
  });
});

describe('a rollout', () => {
  it('whose release expires while it is paused is over, and says so to everyone', async () => {
    using run = new FleetRun({ rule: { ...ruleWith(), expiresMs: 2 * HOUR_MS }, devices: fleetOf(4) });
    await run.drop('aa');
    await run.until(() => run.counts()['succeeded'] === 1);
    const { release } = run.rollout();
    run.engine.orders.pauseRollout(release, 'ann');
    await run.pass(3 * HOUR_MS);
    expect(run.jobs().map(({ error }) => error?.code)).toEqual([...Array(3).fill('JOB_EXPIRED'), undefined]);
    expect(run.results).toMatchObject([{ outcome: 'failed', summary: '4 devices: 1 succeeded, 3 failed.' }]);
    expect(viewRollout(run.journal, run.directory, run.rollout(), run.clock.now())).toMatchObject({ state: 'expired' });
    for (const order of ['approveRollout', 'resumeRollout', 'pauseRollout', 'abortRollout'] as const)
      expect(() => run.engine.orders[order](release, 'bob')).toThrow('its release is expired');
  });

  it('that is approved twice goes on once', async () => {
    using run = new FleetRun({ rule: ruleWith({ pauseAfter: 'each' }), devices: fleetOf(4) });
    await run.drop('aa');
    await run.until(() => run.rollout().state === 'paused');
    const { release } = run.rollout();
    run.engine.orders.approveRollout(release, 'ann');
    expect(() => run.engine.orders.approveRollout(release, 'bob')).toThrow('it goes on by itself');
    await run.pass(60_000);
    expect(() => run.engine.orders.approveRollout(release, 'bob')).toThrow('nothing waits for a person');
    await run.until(() => run.rollout().state === 'paused');
    // The first wave of four is the canary alone.
    expect(run.rollout().stage).toBe(2);
  });

  it('of which a reload takes devices away is finished with the others', async () => {
    using run = new FleetRun({ rule: ruleWith(), devices: fleetOf(10) });
    await run.drop('aa');
    await run.until(() => run.rollout().stage === 2 && run.counts()['succeeded'] === 5);
    run.rule = { ...run.rule, devices: { ...run.rule.devices, name: 'd000[1-7]' } };
    run.engine.wake();
    await run.until(() => run.rollout().state === 'finished');
    expect(run.takings.map(({ device }) => device).toSorted()).toEqual(fleetOf(7).map(({ name }) => name));
    expect(run.counts()).toEqual({ succeeded: 7, cancelled: 3 });
  });

  it.each([1, 2, 3])('of %i devices stops at the first that fails, whatever share stop-at names', async (count) => {
    for (const percent of [1, 34, 100]) {
      using run = new FleetRun({
        rule: ruleWith({ canary: null, stopAt: { failures: null, percent } }),
        devices: fleetOf(count),
        manner: () => 'refuses',
      });
      await run.drop('aa');
      await run.pass(HOUR_MS);
      expect(run.rollout()).toMatchObject({ state: 'paused', cause: 'failures' });
      expect(run.counts()['failed']).toBe(1);
    }
  });

  it('and another of another rule never have two of an exclusive group at work', async () => {
    const half = (name: string, file: string, devices: string, over: Partial<RolloutSettings>): Rule => ({
      ...ruleWith({ soakMs: 1_000, ...over }),
      name,
      devices: { ...RULE.devices, name: devices },
      firmware: { ...RULE.firmware, file },
    });
    const exclusive = [1, 2, 3, 4].map((index) => [`d000${index}`, `d000${index + 4}`]);
    using run = new FleetRun({
      rule: half('left', 'l*', 'd000[1-4]', {}),
      others: [half('right', 'r*', 'd000[5-8]', { canary: null })],
      devices: fleetOf(8),
      manner: (device) => (device === 'd0003' ? 'vanishes' : 'good'),
      limits: { total: 100, perSubnet: 100, exclusive },
    });
    const together: string[] = [];
    run.onSending = (now) => {
      for (const group of exclusive) if (group.every((name) => now.has(name))) together.push(group.join('+'));
    };
    await run.drop('left');
    await run.drop('right');
    await run.pass(HOUR_MS);
    expect(together).toEqual([]);
    // The partner of the one that is not back waits, and its wave with it: of these two one has to run.
    expect(run.jobs().find(({ device }) => device.endsWith('d0007'))?.waitingFor).toContain(
      'd0003 of its exclusive group',
    );
    run.manner = () => 'good';
    const back = run.devices.get('mdns:arduino/d0003') as Device;
    run.appear({ ...back, lastSeenMs: run.clock.now() });
    await run.until(() => stateOf(run, 'd0007', 'right') === 'succeeded');
    expect(together).toEqual([]);
  });
});

describe('an undo', () => {
  it('is not stopped by aborting what it takes back, and tells of a device that is gone for good', async () => {
    using run = new FleetRun({ rule: AT_ONCE, devices: fleetOf(3) });
    await run.drop('1.0.0');
    await run.until(() => run.counts()['succeeded'] === 3);
    run.rule = ruleWith({ soakMs: 0 });
    await run.drop('2.0.0');
    await run.until(() => run.rollout().state === 'finished');
    const { release } = run.rollout();
    run.devices.delete('mdns:arduino/d0002');
    const report = run.engine.orders.undoRelease(release, 'ann');
    expect(report.refused).toEqual([{ device: 'mdns:arduino/d0002', reason: 'the device is not known any more' }]);
    await run.pass(2_000);
    expect(() => run.engine.orders.abortRollout(release, 'bob')).toThrow('its release is withdrawn');
    await run.pass(HOUR_MS);
    for (const device of ['d0001', 'd0003'])
      expect(run.takings.filter((taking) => taking.device === device).at(-1)?.image).toBe('1.0.0');
    // It is found again, and a person asks once more.
    run.appear(fleetOf(2)[1] as Device);
    expect(run.engine.orders.undoRelease(release, 'ann').planned).toMatchObject([{ device: 'mdns:arduino/d0002' }]);
    await run.until(() => stateOf(run, 'd0002', '1.0.0') === 'succeeded' && run.takings.at(-1)?.image === '1.0.0');
  });

  it('that waits for its devices is called off by taking it back in turn', async () => {
    using run = new FleetRun({ rule: AT_ONCE, devices: fleetOf(2) });
    for (const image of ['1.0.0', '2.0.0']) {
      await run.drop(image);
      await run.until(() => run.takings.filter((taking) => taking.image === image).length === 2);
      await run.pass(60_000);
    }
    for (const device of [...run.devices.values()]) run.devices.set(device.id, { ...device, presence: 'away' });
    const release = run.jobs().find(({ image }) => image === '2.0.0')?.release ?? '';
    const [planned] = run.engine.orders.undoRelease(release, 'ann').planned;
    await run.pass(60_000);
    run.engine.orders.undoRelease(planned?.release ?? '', 'ann');
    for (const device of fleetOf(2)) run.appear(device);
    await run.pass(HOUR_MS);
    expect(run.takings.map(({ image }) => image)).toEqual(['1.0.0', '1.0.0', '2.0.0', '2.0.0']);
  });
});
