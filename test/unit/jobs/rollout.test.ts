import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Member, nextStep, type RolloutDecisions, type Standing, standingOf } from '../../../src/jobs/rollout.ts';
import { isLastStage, stageName, stageTarget } from '../../../src/jobs/rollout-stages.ts';
import type { RolloutSettings, Share, Waves } from '../../../src/model/rollout.ts';
import { aDevice, aJob } from '../../fixtures/records.ts';
import { runs } from '../../runs.ts';

const percent = (amount: number): Share => ({ unit: 'percent', amount });
const devices = (amount: number): Share => ({ unit: 'devices', amount });
const list = (...sizes: Share[]): Waves => ({ by: 'list', sizes });

function settings(over: Partial<RolloutSettings> = {}): RolloutSettings {
  return {
    canary: { by: 'count', count: 1 },
    waves: list(percent(50), percent(100)),
    soakMs: 0,
    stopAt: { failures: 2, percent: null },
    pauseAfter: null,
    ...over,
  };
}

function decisions(over: Partial<RolloutDecisions> = {}): RolloutDecisions {
  return { settings: settings(), state: 'running', stage: 0, forgiven: 0, approved: -1, ...over };
}

function member(device: string, over: Partial<Member> = {}): Member {
  return {
    job: `j-${device}`,
    device,
    wave: null,
    standing: 'ready',
    endedMs: 0,
    code: null,
    waitingFor: null,
    ...over,
  };
}

function fleet(count: number, over: Partial<Member> = {}): Member[] {
  return Array.from({ length: count }, (_, index) => member(`d${String(index).padStart(4, '0')}`, over));
}

function assigned(rollout: RolloutDecisions, members: readonly Member[]): Record<string, number | null> {
  const next = nextStep(rollout, members, 0);
  if (next.do !== 'assign') throw new Error(`${next.do}`);
  return Object.fromEntries(next.waves);
}

describe('the size of a stage', () => {
  it.each([
    [list(percent(10)), 7, [1]],
    [list(percent(10), percent(50), percent(100)), 7, [1, 3, 7]],
    [list(percent(30)), 10, [3]],
    [list(percent(10), percent(50), percent(100)), 1_000, [100, 500, 1_000]],
    [list(devices(5), devices(20), percent(100)), 12, [5, 12, 12]],
    [{ by: 'ramp', start: devices(10), factor: 1.1 } as Waves, 100, [10, 21, 33]],
    [{ by: 'ramp', start: percent(10), factor: 2 } as Waves, 100, [10, 30, 70, 100]],
    [{ by: 'ramp', start: percent(1), factor: 1 } as Waves, 3, [1, 2, 3]],
  ])('%j of %i devices: %j', (waves, total, expected) => {
    const plain = settings({ canary: null, waves });
    expect(expected.map((_, stage) => stageTarget(plain, stage, fleet(total)))).toEqual(expected);
  });

  it('counts canaries first, and no more than there are', () => {
    const five = settings({ canary: { by: 'count', count: 5 } });
    expect([0, 1, 2].map((stage) => stageTarget(five, stage, fleet(3)))).toEqual([3, 1, 3]);
    expect([0, 1, 2].map((stage) => stageName(five, stage))).toEqual(['the canary', 'wave 1 of 2', 'wave 2 of 2']);
    expect([0, 1, 2].map((stage) => isLastStage(five, stage, fleet(3)))).toEqual([false, false, true]);
  });
});

describe('who goes first', () => {
  it('is the first by name of those that are there', () => {
    const members = [member('c'), member('a', { standing: 'away' }), member('b')];
    expect(assigned(decisions(), members)).toEqual({ 'j-b': 0 });
  });

  it('are the named ones, all of them', () => {
    const named = settings({ canary: { by: 'names', names: ['Boiler', 'pump', 'ghost'] } });
    const members = [member('a'), member('pump', { standing: 'away' }), member('boiler')];
    expect(assigned(decisions({ settings: named }), members)).toEqual({ 'j-boiler': 0, 'j-pump': 0 });
  });

  it('waits for named canaries that have no job, unless a person goes on', () => {
    const named = decisions({ settings: settings({ canary: { by: 'names', names: ['ghost'] } }) });
    expect(nextStep(named, fleet(3), 0)).toMatchObject({ do: 'wait', phase: 'held' });
    expect(nextStep({ ...named, approved: 0 }, fleet(3), 0)).toEqual({ do: 'advance' });
  });

  it('gives the place of a canary that fell asleep to one that is awake', () => {
    expect(assigned(decisions(), [member('a', { standing: 'away', wave: 0 }), member('b')])).toEqual({
      'j-a': null,
      'j-b': 0,
    });
  });

  it('leaves a place to one that was begun, however silent it is now', () => {
    expect(nextStep(decisions(), [member('a', { standing: 'busy', wave: 0 }), member('b')], 0).do).toBe('wait');
  });

  it('lets devices that appear late join a wave as far as it reaches', () => {
    const five = decisions({ stage: 1, settings: settings({ waves: list(percent(50), percent(100)) }) });
    const two = fleet(2, { wave: 1, standing: 'busy' });
    expect(nextStep(five, [...two, member('e'), member('f')], 0).do).toBe('wait');
    expect(assigned(five, [...two, member('e'), member('f'), member('g'), member('h')])).toEqual({ 'j-e': 1 });
  });

  it('lets everyone who appears after the last wave join it, also when the rollout is finished', () => {
    const late = [member('a', { wave: 2, standing: 'proven' }), member('b')];
    expect(assigned(decisions({ stage: 2 }), late)).toEqual({ 'j-b': 2 });
    expect(assigned(decisions({ stage: 2, state: 'finished' }), late)).toEqual({ 'j-b': 2 });
  });
});

describe('a stage', () => {
  const canary = (over: Partial<Member>) => member('a', { wave: 0, standing: 'proven', ...over });

  it('is over when all its devices that are there have ended', () => {
    expect(nextStep(decisions(), [canary({}), ...fleet(3)], 0)).toEqual({ do: 'advance' });
    const half = [
      canary({}),
      ...fleet(3, { wave: 1, standing: 'proven' }),
      ...fleet(2, { wave: 1, standing: 'away' }),
      ...fleet(6),
    ];
    const rest = half.map((one, index) => ({ ...one, job: `j${index}`, device: `${index}` }));
    expect(nextStep(decisions({ stage: 1 }), rest, 0)).toMatchObject({ do: 'assign' });
    const asleep = rest.map((one) => (one.wave === null ? { ...one, standing: 'away' as const } : one));
    expect(nextStep(decisions({ stage: 1 }), asleep, 0)).toEqual({ do: 'advance' });
  });

  it('whose devices are all away proves nothing', () => {
    const away = [canary({ standing: 'unreachable' }), ...fleet(3, { standing: 'away' })];
    const next = nextStep(decisions(), away, 0);
    expect(next.do === 'assign' ? Object.fromEntries(next.waves) : next).toEqual({ 'j-a': null, 'j-d0000': 0 });
    expect(nextStep(decisions(), [member('b', { wave: 0, standing: 'away' })], 0)).toMatchObject({ phase: 'held' });
  });

  it('soaks from the end of its last device on', () => {
    const soaking = decisions({ settings: settings({ soakMs: 1_000 }) });
    const members = [canary({ endedMs: 5_000 }), ...fleet(3)];
    expect(nextStep(soaking, members, 5_999)).toMatchObject({ do: 'wait', phase: 'soaking', untilMs: 6_000 });
    expect(nextStep(soaking, members, 6_000)).toEqual({ do: 'advance' });
  });

  it('waits for a person where it is told to, after its soak', () => {
    const asking = decisions({ settings: settings({ pauseAfter: 'canary', soakMs: 10 }) });
    const members = [canary({ endedMs: 1 }), ...fleet(3)];
    expect(nextStep(asking, members, 5)).toMatchObject({ phase: 'soaking' });
    expect(nextStep(asking, members, 11)).toMatchObject({ do: 'pause', cause: 'pause-after' });
    expect(nextStep({ ...asking, approved: 0 }, members, 11)).toEqual({ do: 'advance' });
  });

  it('pauses with the exact counts when too many fail', () => {
    const members = [
      canary({ standing: 'failed', code: 'JOB_NOT_RETURNED' }),
      member('b', { wave: 0, standing: 'failed', code: 'OTA_NO_SPACE' }),
      member('c', { wave: 0, standing: 'failed', code: 'OTA_NO_SPACE' }),
      ...fleet(4),
    ];
    expect(nextStep(decisions(), members, 0)).toEqual({
      do: 'pause',
      cause: 'failures',
      reason:
        '3 of 3 released devices failed (OTA_NO_SPACE 2, JOB_NOT_RETURNED 1); stop-at is 2. 0 proven, 3 failed, 0 under way, 0 away, 4 not released',
    });
  });

  it('counts a share of what was released', () => {
    const share = decisions({ stage: 2, settings: settings({ stopAt: { failures: null, percent: 5 } }) });
    const members = [...fleet(99, { wave: 2, standing: 'proven' }), member('x', { wave: 2, standing: 'busy' })];
    const failing = (count: number) =>
      members.map((one, index) => (index < count ? { ...one, standing: 'failed' as const } : one));
    expect(nextStep(share, failing(4), 0).do).toBe('wait');
    expect(nextStep(share, failing(5), 0)).toMatchObject({ do: 'pause', cause: 'failures' });
    expect(nextStep({ ...share, forgiven: 5 }, failing(9), 0).do).toBe('wait');
  });

  it('without one proven device is not gone on from, whatever stop-at allows', () => {
    const members = [canary({ standing: 'failed', code: 'OTA_NO_SPACE' }), ...fleet(3)];
    expect(nextStep(decisions(), members, 0)).toMatchObject({ do: 'pause', cause: 'no-proof' });
    expect(nextStep(decisions({ forgiven: 1 }), members, 0)).toEqual({ do: 'advance' });
  });

  it('is the last: the rollout is finished', () => {
    expect(nextStep(decisions({ stage: 2 }), fleet(3, { wave: 2, standing: 'proven' }), 0)).toEqual({ do: 'finish' });
  });
});

describe('how a job stands', () => {
  const away = aDevice({ presence: 'away' });
  it.each([
    ['proven', { state: 'succeeded' }, aDevice()],
    ['failed', { state: 'failed', error: { code: 'JOB_NOT_RETURNED' } }, aDevice()],
    ['unreachable', { state: 'failed', error: { code: 'OTA_NO_ANSWER' } }, aDevice()],
    ['out', { state: 'superseded' }, aDevice()],
    ['busy', { state: 'confirming' }, away],
    ['ready', { state: 'queued' }, aDevice()],
    ['away', { state: 'queued' }, away],
    ['away', { state: 'queued' }, null],
    ['away', { state: 'queued', attempts: 1, error: { code: 'OTA_NO_ANSWER' } }, away],
    ['busy', { state: 'queued', attempts: 1, error: { code: 'OTA_CONNECTION_LOST' } }, away],
  ] as const)('%s: %j', (standing, job, device) => {
    expect(standingOf(aJob(job as Parameters<typeof aJob>[0]), device)).toBe(standing);
  });
});

const STANDINGS: readonly Standing[] = ['proven', 'failed', 'unreachable', 'busy', 'ready', 'away', 'out'];

describe('whatever happens', () => {
  const share = fc.oneof(fc.integer({ min: 1, max: 99 }).map(percent), fc.integer({ min: 1, max: 20 }).map(devices));
  const anySettings = fc.record<RolloutSettings>({
    canary: fc.option(fc.integer({ min: 1, max: 4 }).map((count) => ({ by: 'count' as const, count }))),
    waves: fc.oneof(
      fc.array(share, { maxLength: 4 }).map((sizes) => list(...sizes, percent(100))),
      fc.record({ by: fc.constant('ramp' as const), start: share, factor: fc.constantFrom(1, 1.5, 2, 3) }),
    ),
    soakMs: fc.constantFrom(0, 5),
    stopAt: fc.record({
      failures: fc.option(fc.integer({ min: 1, max: 5 })),
      percent: fc.option(fc.integer({ min: 1, max: 100 })),
    }),
    pauseAfter: fc.constantFrom(null, 'canary' as const, 'each' as const),
  });
  /** Which device, what becomes of it. */
  const anyEvent = fc.tuple(fc.nat(), fc.constantFrom(...STANDINGS));

  it('no stage is larger than it may be, nothing is released beyond a stop, and no stage is skipped over failure', () => {
    fc.assert(
      fc.property(
        anySettings,
        fc.integer({ min: 1, max: 40 }),
        fc.array(anyEvent, { maxLength: 200 }),
        (chosen, count, events) => {
          const run = new Model(chosen, count);
          run.settle();
          for (const [index, standing] of events) run.happens(index, standing);
        },
      ),
      runs(300),
    );
  });
});

/** Carries steps out as the daemon does, and holds each against the promise that it must keep. */
class Model {
  rollout: RolloutDecisions;
  members: Member[];
  nowMs = 0;

  constructor(chosen: RolloutSettings, count: number) {
    this.rollout = decisions({ settings: chosen });
    this.members = fleet(count);
  }

  happens(index: number, standing: Standing): void {
    this.nowMs += 1;
    const at = index % this.members.length;
    const one = this.members[at];
    // Only what was released can be under way or end.
    if (one === undefined || (one.wave === null && ['proven', 'failed', 'unreachable', 'busy'].includes(standing)))
      return;
    if (['proven', 'failed', 'out'].includes(one.standing)) return;
    const code = standing === 'failed' ? 'OTA_NO_SPACE' : null;
    this.members[at] = { ...one, standing, code, endedMs: this.nowMs };
    this.settle();
  }

  settle(): void {
    for (let turn = 0; turn < 200; turn += 1) {
      const next = nextStep(this.rollout, this.members, this.nowMs);
      if (next.do === 'wait') return;
      if (next.do === 'pause') {
        this.rollout = { ...this.rollout, state: 'paused' };
        expect(nextStep(this.rollout, this.members, this.nowMs).do).toBe('wait');
        const failed = this.count('failed');
        this.rollout = {
          ...this.rollout,
          state: 'running',
          forgiven: failed,
          approved: next.cause === 'failures' ? -1 : this.rollout.stage,
        };
      }
      if (next.do === 'assign') this.assign(next.waves);
      if (next.do === 'advance') this.advance();
      if (next.do === 'finish') this.rollout = { ...this.rollout, state: 'finished' };
    }
    throw new Error('it never came to rest');
  }

  assign(waves: ReadonlyMap<string, number | null>): void {
    this.expectNoStop();
    this.members = this.members.map((one) => {
      const wave = waves.get(one.job);
      return wave === undefined ? one : { ...one, wave };
    });
    const live = this.members.filter(({ standing }) => standing !== 'out');
    const released = live.filter(({ wave }) => wave !== null).length;
    const before = live.filter(({ wave }) => wave !== null && wave < this.rollout.stage).length;
    const limit = stageTarget(this.rollout.settings, this.rollout.stage, live);
    if (this.rollout.state !== 'finished') expect(released).toBeLessThanOrEqual(Math.max(limit, before, this.begun()));
  }

  advance(): void {
    this.expectNoStop();
    const live = this.members.filter(({ standing, wave }) => wave !== null && standing !== 'out');
    expect(live.filter(({ standing }) => standing === 'busy' || standing === 'ready')).toEqual([]);
    const own = live.filter(({ wave }) => wave === this.rollout.stage);
    const isSeen = this.rollout.approved >= this.rollout.stage || this.count('failed') <= this.rollout.forgiven;
    if (own.length > 0 && !isSeen) expect(own.some(({ standing }) => standing === 'proven')).toBe(true);
    this.rollout = { ...this.rollout, stage: this.rollout.stage + 1 };
  }

  /** Those that have a place for good: a stage whose fleet has shrunk keeps them. */
  begun(): number {
    return this.members.filter(
      ({ wave, standing }) => wave !== null && !['out', 'away', 'unreachable'].includes(standing),
    ).length;
  }

  count(standing: Standing): number {
    return this.members.filter((one) => one.standing === standing).length;
  }

  expectNoStop(): void {
    const { failures } = this.rollout.settings.stopAt;
    if (failures !== null) expect(this.count('failed') - this.rollout.forgiven).toBeLessThan(failures);
  }
}
