import { describe, expect, it } from 'vitest';
import { noSuch } from '../../../src/jobs/no-such.ts';
import type { Rule } from '../../../src/model/rule.ts';
import { aRule } from '../../fixtures/records.ts';
import { FleetRun, fleetOf } from './fleet-run.ts';

const RULE: Rule = aRule({
  devices: { ...aRule().devices, name: 'd*' },
  firmware: { ...aRule().firmware, file: '*' },
  rollout: null,
});

async function done(rule: Rule = RULE): Promise<{ run: FleetRun; job: string; release: string }> {
  const run = new FleetRun({ rule, devices: fleetOf(2) });
  await run.drop('aa');
  await run.until(() => run.counts()['succeeded'] === 2);
  const [{ id: job = '', release = '' } = {}] = run.jobs();
  return { run, job, release };
}

describe('an order for an id that names nothing', () => {
  it('tells what it names instead', async () => {
    const { run, job, release } = await done();
    using _over = run;
    expect(() => run.engine.orders.approveRollout(release, 'ann')).toThrow(`"dropflash undo ${release}" takes it back`);
    expect(() => run.engine.orders.abortRollout(job, 'ann')).toThrow(`that is a job, of release ${release}`);
    expect(() => run.engine.orders.retryRelease(job)).toThrow(`that is a job, of release ${release}`);
    expect(() => run.engine.orders.retry(release, false)).toThrow('that is a release; "dropflash jobs"');
  });

  it('tells what it may be the beginning of, and does nothing', async () => {
    const { run, job, release } = await done();
    using _over = run;
    expect(() => run.engine.orders.retryRelease(release.slice(0, 7).toUpperCase())).toThrow(`did you mean ${release}?`);
    expect(() => run.engine.orders.retry(job.slice(0, 9), false)).toThrow(`did you mean ${job}?`);
    expect(noSuch('job', 'j', run.journal).message).toMatch(/did you mean j\w+ or j\w+\?/);
    for (const text of ['', '%', 'nothing', 'j_________'])
      expect(noSuch('job', text, run.journal)).toMatchObject({
        code: 'JOB_NOT_FOUND',
        message: `there is no job ${JSON.stringify(text)}`,
      });
  });
});

describe('a release that is taken back', () => {
  it('says how many jobs that takes out, and says so once', async () => {
    using run = new FleetRun({ rule: RULE, devices: fleetOf(3, { presence: 'away' }) });
    await run.drop('aa');
    const release = run.jobs()[0]?.release ?? '';
    expect(run.engine.orders.undoRelease(release, 'ann')).toEqual({ planned: [], refused: [], takenOut: 3 });
    expect(run.engine.orders.undoRelease(release, 'ann')).toEqual({ planned: [], refused: [] });
  });
});
