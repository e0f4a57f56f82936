import { describe, expect, it } from 'vitest';
import { viewRollout } from '../../../src/jobs/rollout-view.ts';
import type { RolloutSettings } from '../../../src/model/rollout.ts';
import { aRule } from '../../fixtures/records.ts';
import { FleetRun, fleetOf } from './fleet-run.ts';

const WAVES: RolloutSettings = {
  canary: { by: 'count', count: 1 },
  waves: {
    by: 'list',
    sizes: [10, 50, 100].map((amount) => ({ unit: 'percent', amount })),
  },
  soakMs: 600_000,
  stopAt: { failures: 2, percent: null },
  pauseAfter: null,
};

const RULE = aRule({ devices: { ...aRule().devices, name: 'd*' }, firmware: { ...aRule().firmware, file: '*' } });

function ruleWith(over: Partial<RolloutSettings> = {}) {
  return { ...RULE, rollout: { ...WAVES, ...over } };
}

describe('a rollout', () => {
  it('goes from the canary over waves to everyone, with a soak after each', async () => {
    using run = new FleetRun({ rule: ruleWith(), devices: fleetOf(20) });
    await run.drop('aa');
    const seen: [number, Record<string, number>][] = [];
    for (const stage of [1, 2, 3]) {
      await run.until(() => run.rollout().stage === stage);
      seen.push([stage, run.counts()]);
    }
    await run.until(() => run.rollout().state === 'finished');
    expect(seen).toEqual([
      [1, { succeeded: 1, running: 1, 'not released': 18 }],
      [2, { succeeded: 2, running: 8, 'not released': 10 }],
      [3, { succeeded: 10, running: 10 }],
    ]);
    const first = Math.min(...run.takings.map(({ atMs }) => atMs));
    const last = Math.max(...run.takings.map(({ atMs }) => atMs));
    expect(last - first).toBeGreaterThan(3 * WAVES.soakMs);
    expect(run.journal.rollouts.decisionsOf(run.rollout().release).map(({ what }) => what)).toEqual([
      'start',
      'advance',
      'advance',
      'advance',
      'finish',
    ]);
    expect(run.results).toMatchObject([{ outcome: 'done', summary: '20 devices: 20 succeeded.' }]);
  });

  it('that was paused waits for nobody once a newer image has taken its place', async () => {
    using run = new FleetRun({ rule: ruleWith({ pauseAfter: 'canary' }), devices: fleetOf(3) });
    await run.drop('aa');
    await run.until(() => run.rollout().state === 'paused');
    const older = run.rollout();
    await run.drop('bb');
    await run.until(() => run.rollout().release !== older.release);
    const view = viewRollout(run.journal, run.directory, older, run.clock.now());
    expect(view).toMatchObject({ state: 'superseded', why: 'its release is superseded' });
  });

  it('waits while its rule is out of the config, and goes on when that is back', async () => {
    using run = new FleetRun({ rule: ruleWith(), devices: fleetOf(10) });
    await run.drop('aa');
    await run.until(() => run.rollout().stage === 2);
    const { rule } = run;
    run.rule = { ...rule, name: 'renamed' };
    run.engine.wake();
    await run.pass(3_600_000);
    await run.crash();
    await run.pass(3_600_000);
    const reached = run.takings.length;
    expect(reached).toBeLessThan(10);
    expect(run.rollout().state).toBe('running');
    const waiting = run.jobs().filter(({ state }) => state === 'queued');
    expect(waiting).toHaveLength(10 - reached);
    for (const { waitingFor } of waiting) expect(waitingFor).toContain('rule "sensors" is not in the config');
    run.rule = rule;
    run.engine.wake();
    await run.until(() => run.rollout().state === 'finished');
    expect(run.counts()).toEqual({ succeeded: 10 });
    expect(run.takings).toHaveLength(10);
  });

  it('that is finished says so to whoever wants to resume it', async () => {
    using run = new FleetRun({ rule: ruleWith(), devices: fleetOf(2) });
    await run.drop('aa');
    await run.until(() => run.rollout().state === 'finished');
    expect(() => run.engine.orders.resumeRollout(run.rollout().release, 'ann')).toThrow('it is finished');
  });

  it('passes over devices that are away, and brings them up when they appear', async () => {
    const devices = fleetOf(4);
    const asleep = devices.slice(0, 2).map((device) => ({ ...device, presence: 'away' as const }));
    using run = new FleetRun({ rule: ruleWith(), devices: [...asleep, ...devices.slice(2)] });
    await run.drop('aa');
    await run.until(() => run.rollout().state === 'finished');
    expect(run.takings.map(({ device }) => device)).toEqual(['d0003', 'd0004']);
    for (const device of devices.slice(0, 2)) run.appear(device);
    await run.until(() => run.counts()['succeeded'] === 4);
    expect(run.results).toHaveLength(1);
  });

  it('pauses, resumes, is approved and aborted by a person, and says who it was', async () => {
    using run = new FleetRun({ rule: ruleWith({ pauseAfter: 'canary' }), devices: fleetOf(10) });
    await run.drop('aa');
    const { release } = run.rollout();
    run.engine.orders.pauseRollout(release, 'ann');
    expect(() => run.engine.orders.pauseRollout(release, 'ann')).toThrow(/paused already/);
    await run.pass(3_600_000);
    expect(run.counts()).toEqual({ succeeded: 1, 'not released': 9 });
    run.engine.orders.resumeRollout(release, 'bob');
    await run.until(() => run.rollout().cause === 'pause-after');
    await run.pass(3_600_000);
    run.engine.orders.approveRollout(release, 'eve');
    expect(() => run.engine.orders.approveRollout(release, 'eve')).toThrow(/nothing waits|by itself/);
    await run.until(() => run.rollout().stage === 2);
    run.engine.orders.abortRollout(release, 'ann');
    await run.until(() => run.results.length > 0);
    run.appear({ ...(fleetOf(11)[10] as typeof run.devices extends Map<string, infer D> ? D : never) });
    await run.pass(3_600_000);
    expect(run.counts()).toEqual({ succeeded: 5, cancelled: 5 });
    expect(() => run.engine.orders.resumeRollout(release, 'bob')).toThrow(/withdrawn/);
    expect(() => run.engine.orders.resumeRollout('r0', 'bob')).toThrow(/no rollout "r0"/);
    const decisions = run.journal.rollouts.decisionsOf(release).map(({ what, by }) => `${what} ${by}`);
    expect(decisions.filter((line) => !line.endsWith('dropflash'))).toEqual([
      'pause ann',
      'resume bob',
      'approve eve',
      'abort ann',
    ]);
  });

  it('never has two of an exclusive group at work, nor one while the other is missing', async () => {
    const devices = fleetOf(12);
    const exclusive = [
      ['d0001', 'D0002'],
      ['d0003', 'd0004', 'd0005'],
    ];
    const together: string[] = [];
    using run = new FleetRun({
      rule: { ...RULE, rollout: null },
      devices,
      manner: (device) => (device === 'd0003' ? 'vanishes' : 'good'),
      limits: { total: 1000, perSubnet: 1000, exclusive },
    });
    run.onSending = (now) => {
      for (const group of exclusive) {
        const members = group.filter((name) => now.has(name.toLowerCase()));
        if (members.length > 1) together.push(members.join('+'));
      }
    };
    await run.drop('aa');
    await run.pass(3_600_000);
    expect(together).toEqual([]);
    expect(run.counts()).toEqual({ succeeded: 9, failed: 1, 'not released': 2 });
    const back = run.devices.get('mdns:arduino/d0003');
    if (back !== undefined) run.appear({ ...back, lastSeenMs: run.clock.now() });
    await run.until(() => run.counts()['succeeded'] === 11);
    expect(together).toEqual([]);
  });
});

describe('a thousand devices, three in a hundred bad', () => {
  const isBad = (device: string) => Number(device.slice(1)) % 33 === 0;
  const manner = (device: string) => (isBad(device) ? 'vanishes' : 'good');
  const rule = ruleWith({ canary: { by: 'count', count: 5 }, stopAt: { failures: 5, percent: null } });

  it('stop at the threshold with the exact ledger; resumed, they are all done', async () => {
    using run = new FleetRun({
      rule,
      devices: fleetOf(1_000),
      manner,
      limits: { total: 32, perSubnet: 16, exclusive: [] },
    });
    await run.drop('aa');
    let pauses = 0;
    await run.until(() => run.rollout().state === 'paused');
    const counts = run.counts();
    expect(counts['failed']).toBeGreaterThanOrEqual(5);
    expect(run.rollout().reason).toContain(
      `${counts['failed']} of 500 released devices failed (JOB_NOT_RETURNED ${counts['failed']}); stop-at is 5.`,
    );
    const started = run.takings.length;
    await run.pass(86_000_000);
    // Those under way when it stopped have ended; nothing was begun.
    expect(run.takings.length - started).toBeLessThanOrEqual(32);
    while (run.rollout().state !== 'finished') {
      pauses += 1;
      run.engine.orders.resumeRollout(run.rollout().release, 'ann');
      await run.until(() => run.rollout().state !== 'running');
    }
    expect(pauses).toBeLessThanOrEqual(6);
    expect(run.counts()).toEqual({ succeeded: 970, failed: 30 });
    expect(new Set(run.takings.map(({ device }) => device)).size).toBe(run.takings.length);
    expect(run.mostAtOnce).toBe(32);
    expect(run.results).toMatchObject([{ outcome: 'failed', summary: '1000 devices: 970 succeeded, 30 failed.' }]);
  }, 60_000);
});

describe('a daemon that is killed at any moment', () => {
  it.each([1, 2, 3])('sends nothing twice, and the rollout ends as it would have (%i)', async (seed) => {
    const random = randomOf(seed);
    const devices = fleetOf(60);
    const manner = (device: string) => (device === 'd0020' ? 'refuses' : 'good');
    using run = new FleetRun({
      rule: ruleWith({ stopAt: { failures: 1, percent: null }, soakMs: 60_000 }),
      devices,
      manner,
    });
    await run.drop('aa');
    const stages: number[] = [];
    let unknown = 0;
    for (let crashes = 0; crashes < 35; crashes += 1) {
      await run.pass(Math.floor(random() * 20_000));
      const released = run.jobs().filter(({ wave }) => wave !== null);
      await run.crash();
      stages.push(run.rollout().stage);
      unknown = run.jobs().filter(({ error }) => error?.code === 'JOB_OUTCOME_UNKNOWN').length;
      const again = new Map(run.jobs().map(({ id, wave }) => [id, wave]));
      // Nobody who was released before is forgotten, and no stage is released by the restart alone before its time.
      expect(released.filter(({ id, wave }) => again.get(id) !== wave)).toEqual([]);
      if (run.rollout().state === 'paused') run.engine.orders.resumeRollout(run.rollout().release, 'ann');
    }
    while (run.rollout().state !== 'finished') {
      await run.until(() => run.rollout().state !== 'running');
      if (run.rollout().state === 'paused') run.engine.orders.resumeRollout(run.rollout().release, 'ann');
    }
    expect(stages).toEqual(stages.toSorted((left, right) => left - right));
    const advances = run.journal.rollouts.decisionsOf(run.rollout().release).filter(({ what }) => what === 'advance');
    expect(advances).toHaveLength(3);
    const taken = run.takings.map(({ device }) => device);
    expect(new Set(taken).size).toBe(taken.length);
    expect(run.counts()['succeeded']).toBe(59 - unknown);
    // Where the answer was lost with the process, nothing is claimed.
    expect(run.counts()['failed']).toBe(1 + unknown);
  });
});

/** mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
