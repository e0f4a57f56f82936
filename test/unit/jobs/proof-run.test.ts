import { describe, expect, it } from 'vitest';
import type { Verify } from '../../../src/model/rule.ts';
import { aRule } from '../../fixtures/records.ts';
import { FleetRun, fleetOf, type Manner } from './fleet-run.ts';

const MATCH = '^{version}$';
const VERIFIED: Verify = {
  proof: 'verified',
  withinMs: 30_000,
  check: { by: 'mdns' },
  version: { by: 'tcp', port: 23, match: MATCH },
  soakMs: 0,
};
const SETTLED: Verify = { ...VERIFIED, version: { by: 'tcp', port: 23, match: MATCH, settledAfterMs: 5_000 } };
const SOAKED: Verify = { ...VERIFIED, proof: 'soaked', soakMs: 600_000 };

function ruleWith(verify: Verify) {
  return aRule({ verify, devices: { ...aRule().devices, name: 'd*' }, firmware: { ...aRule().firmware, file: '*' } });
}

/** A device on 1.0.0, proven, that is given 2.0.0 and then behaves so. */
async function updated(verify: Verify, manner: Manner, prepare: (run: FleetRun) => void = () => undefined) {
  const run = new FleetRun({ rule: ruleWith(verify), devices: fleetOf(1) });
  await run.drop('1.0.0');
  await run.until(() => run.counts()['succeeded'] === 1);
  run.manner = () => manner;
  prepare(run);
  await run.drop('2.0.0');
  return run;
}

function newest(run: FleetRun) {
  const [job] = run.jobs().filter(({ image }) => image === '2.0.0');
  return { state: job?.state, proof: job?.proof, code: job?.error?.code ?? null };
}

function held(run: FleetRun) {
  return run.journal.devices.held(['mdns:arduino/d0001'], 'app')?.image ?? null;
}

describe('verified', () => {
  it('is a device that says the version of the image', async () => {
    using run = await updated(VERIFIED, 'good');
    await run.until(() => newest(run).state !== 'running' && newest(run).state !== 'confirming');
    expect(newest(run)).toEqual({ state: 'succeeded', proof: 'verified', code: null });
    expect(held(run)).toBe('2.0.0');
  });

  it('is not one that came back with what it ran before', async () => {
    using run = await updated(VERIFIED, 'rolls-back');
    await run.until(() => newest(run).state === 'failed');
    expect(newest(run)).toEqual({ state: 'failed', proof: 'returned', code: 'JOB_ROLLED_BACK' });
    expect(held(run)).toBe('1.0.0');
    await run.pass(3_600_000);
    expect(run.takings).toHaveLength(2);
  });

  it('is given up soon where what a device says at its return is its last word', async () => {
    using run = await updated(SETTLED, 'rolls-back');
    await run.until(() => newest(run).state === 'confirming');
    const takenMs = run.clock.now();
    await run.until(() => newest(run).state === 'failed');
    expect(newest(run)).toEqual({ state: 'failed', proof: 'returned', code: 'JOB_ROLLED_BACK' });
    // It came back after 4 s, and said the same for 5 s.
    expect(run.clock.now() - takenMs).toBeLessThanOrEqual(11_000);
  });

  it('is not given up on a device that was silent in between, and may have started once more', async () => {
    using run = await updated(SETTLED, 'rolls-back');
    await run.until(() => newest(run).state === 'confirming');
    await run.pass(7_000);
    run.says.delete('d0001');
    await run.pass(2_000);
    run.says.set('d0001', '1.0.0');
    await run.pass(3_000);
    expect(newest(run).state).toBe('confirming');
    run.says.set('d0001', '2.0.0');
    await run.until(() => newest(run).state !== 'confirming');
    expect(newest(run)).toEqual({ state: 'succeeded', proof: 'verified', code: null });
  });

  it.each([
    ['something else', '7.7.7'],
    ['nothing', null],
  ])('is not one that says %s', async (_case, said) => {
    using run = await updated(VERIFIED, 'rolls-back', (fleet) => fleet.says.clear());
    await run.until(() => newest(run).state === 'confirming');
    if (said !== null) run.says.set('d0001', said);
    await run.until(() => newest(run).state === 'failed');
    expect(newest(run)).toEqual({ state: 'failed', proof: 'returned', code: 'JOB_NOT_VERIFIED' });
  });

  it('is asked of images that have a version only: others are not sent', async () => {
    using run = new FleetRun({ rule: ruleWith(VERIFIED), devices: fleetOf(1) });
    await run.drop('nameless');
    await run.until(() => run.counts()['failed'] === 1);
    expect([run.takings, run.jobs()[0]?.error?.code]).toEqual([[], 'JOB_NO_VERSION']);
  });
});

describe('soaked', () => {
  it('is a device that is still well after the soak', async () => {
    using run = await updated(SOAKED, 'good');
    await run.until(() => newest(run).state === 'soaking');
    expect(newest(run)).toMatchObject({ proof: 'verified' });
    await run.pass(599_000);
    expect(newest(run)).toMatchObject({ state: 'soaking' });
    await run.pass(2_000);
    expect(newest(run)).toEqual({ state: 'succeeded', proof: 'soaked', code: null });
  });

  it('is not one that went back to its old image after a while', async () => {
    using run = await updated(SOAKED, 'falls-back');
    await run.until(() => newest(run).state === 'failed');
    expect(newest(run)).toEqual({ state: 'failed', proof: 'verified', code: 'JOB_ROLLED_BACK' });
    expect(held(run)).toBe('1.0.0');
  });

  it('is not one that restarted with the new image', async () => {
    using run = await updated({ ...SOAKED, version: null }, 'falls-back');
    await run.until(() => newest(run).state === 'failed');
    expect(newest(run)).toMatchObject({ proof: 'returned', code: 'JOB_NOT_SOAKED' });
  });

  it('is not one that is gone at the end', async () => {
    using run = await updated(SOAKED, 'good');
    await run.until(() => newest(run).state === 'soaking');
    run.manner = () => 'vanishes';
    await run.until(() => newest(run).state === 'failed');
    expect(newest(run)).toMatchObject({ code: 'JOB_NOT_SOAKED' });
  });

  it('begins anew where the daemon did not see all of it', async () => {
    using run = await updated(SOAKED, 'good');
    await run.until(() => newest(run).state === 'soaking');
    await run.pass(500_000);
    await run.crash();
    await run.pass(500_000);
    expect(newest(run)).toMatchObject({ state: 'soaking' });
    await run.until(() => newest(run).state === 'succeeded', 200_000);
    expect(run.takings).toHaveLength(2);
  });

  it('ends when a newer image is dropped', async () => {
    using run = await updated(SOAKED, 'good');
    await run.until(() => newest(run).state === 'soaking');
    await run.drop('3.0.0');
    expect(newest(run)).toMatchObject({ state: 'superseded' });
    await run.until(() => run.takings.length === 3);
    await run.pass(3_600_000);
    expect(run.counts()).toEqual({ succeeded: 2, superseded: 1 });
  });
});
