import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  BatchDocument,
  ExplainDocument,
  HistoryDocument,
  StatusDocument,
} from '../../../src/control/documents.ts';
import type { JobRecord } from '../../../src/jobs/journal/jobs.ts';
import type { Fleet } from '../../../src/simulator/fleet.ts';
import { buildEsp8266App } from '../../fixtures/images.ts';
import { dropflash } from '../../unit/cli/recorded-io.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { eventually, Site } from './site.ts';

const site = new Site();
let fleet: Fleet;
let daemon: DaemonProcess;

const CLOSED_WINDOW = { cron: '0 3 29 2 *', for: '1m', timezone: 'Pacific/Kiritimati' };
const NAMES = ['refusing', 'unsure', 'night'] as const;

beforeAll(async () => {
  fleet = await site.fleet([
    { name: site.named('refusing'), core: 'esp8266', faults: { refusesToBegin: 'space', uploads: 1 } },
    { name: site.named('unsure'), core: 'esp8266', faults: { okLost: 'reset', uploads: 1 } },
    { name: site.named('night'), core: 'esp8266' },
    { name: site.named('staged-a'), core: 'esp8266' },
    { name: site.named('staged-b'), core: 'esp8266' },
  ]);
  configure();
  daemon = await site.start();
});

afterAll(() => site[Symbol.asyncDispose]());

function configure(more: object = {}): void {
  site.configure({
    devices: [{ name: 'never-heard', mac: '02:00:00:00:00:01', chip: 'esp8266' }],
    rules: [...NAMES, 'staged'].map((name) => ({
      name,
      firmware: { file: `${name}-*` },
      devices: { name: name === 'staged' ? 'staged-*' : site.named(name) },
      verify: { proof: 'returned', within: '5s' },
      ...(name === 'staged' ? { rollout: { canary: 1, soak: '0s', 'pause-after': 'canary' } } : {}),
      ...(name === 'night' ? { when: CLOSED_WINDOW } : {}),
    })),
    ...more,
  });
}

/** The command in this process: the daemon alone is a process of its own. */
const cli = (...args: readonly string[]) => dropflash(args, { cwd: site.home });

async function json<Document>(...args: readonly string[]): Promise<Document> {
  return (await cli(...args, '--json')).json() as Document;
}

const codeOf = async (...args: readonly string[]) => (await json<{ error: { code: string } }>(...args)).error.code;
const jobOf = async (name: string) => (await json<JobRecord[]>('jobs')).find(({ rule }) => rule === name)?.id ?? 'none';

describe('commands to the running daemon', () => {
  it('tell what it is and knows', async () => {
    const status = await json<StatusDocument>('status');
    expect(status).toMatchObject({ pid: daemon.child.pid, devices: { present: 5, away: 1, unknown: 0 }, underWay: [] });
    expect((await cli('status')).out).toContain('devices: 5 present, 1 away, 0 not announced');
  });

  it('start a job again that failed', async () => {
    site.drop('refusing-1.bin', buildEsp8266App({ seed: 60 }));
    await daemon.until('job.failed', { rule: 'refusing' });
    const job = await jobOf('refusing');
    expect(await json<ExplainDocument>('explain', site.named('refusing'))).toMatchObject({
      releases: [{ rule: 'refusing', job: { state: 'failed' }, next: expect.stringContaining(`retry ${job}`) }],
    });
    expect(await cli('retry', job)).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining('queued again'),
    });
    await daemon.until('job.succeeded', { job });
    expect(await codeOf('retry', job)).toBe('JOB_NOT_RETRYABLE');
    const history = await json<HistoryDocument>('history', site.named('refusing'));
    expect(history.holds).toMatchObject({ name: 'refusing-1.bin', proof: 'returned' });
    expect(history.jobs).toMatchObject([{ id: job, state: 'succeeded', attemptRecords: [{}, {}] }]);
    expect(history.jobs[0]?.transitions).toContainEqual(
      expect.objectContaining({ event: 'renew', detail: 'by a person' }),
    );
  });

  it('take back what a device got last', async () => {
    const device = site.named('refusing');
    site.drop('refusing-2.bin', buildEsp8266App({ seed: 66 }));
    const { image } = await daemon.until('release.new', { file: 'refusing-2.bin' });
    const { job } = await daemon.until('job.planned', { device, image });
    await daemon.until('job.succeeded', { job });
    const undone = await json<BatchDocument>('undo', device);
    expect(undone).toMatchObject({ planned: [{ device, job: { state: 'queued' } }], refused: [] });
    const back = undone.planned[0]?.job;
    const { releases } = await json<ExplainDocument>('explain', device);
    expect(releases).toMatchObject([
      { imageName: 'refusing-2.bin', job: { id: job }, next: expect.stringContaining('taken back') },
      { imageName: 'refusing-1.bin', job: { id: back?.id } },
    ]);
    await daemon.until('job.succeeded', { job: back?.id });
    expect((await json<HistoryDocument>('history', device)).holds?.name).toBe('refusing-1.bin');
    expect(await json('undo', releases[0]?.release ?? 'none')).toMatchObject({ planned: [], refused: [{ device }] });
    expect(await codeOf('undo', 'r-none')).toBe('CONTROL_DEVICE_UNKNOWN');
    expect(daemon.all('release.undone')).toMatchObject([{ by: userInfo().username, jobs: 1, rule: 'refusing' }]);
  });

  it('send only by force where the device may have the image', async () => {
    site.drop('unsure-1.bin', buildEsp8266App({ seed: 61 }));
    await daemon.until('job.failed', { rule: 'unsure', code: 'JOB_OUTCOME_UNKNOWN' });
    const job = await jobOf('unsure');
    expect(await codeOf('retry', job)).toBe('JOB_NEEDS_FORCE');
    const release = (await json<JobRecord[]>('jobs')).find(({ id }) => id === job)?.release ?? 'none';
    const whole = await cli('retry', release, '--json');
    expect(whole).toMatchObject({ exitCode: 1 });
    expect(whole.json()).toEqual({
      planned: [],
      refused: [{ device: site.named('unsure'), reason: expect.stringMatching(/^JOB_NEEDS_FORCE: /) }],
    });
    expect((await cli('retry', release, '--force')).exitCode).toBe(2);
    expect(await codeOf('retry', 'r-none')).toBe('RELEASE_NOT_FOUND');
    expect(fleet.device(site.named('unsure')).counts.uploadsBegun).toBe(1);
    expect((await cli('retry', job, '--force')).exitCode).toBe(0);
    await daemon.until('job.succeeded', { job });
    expect(fleet.device(site.named('unsure')).counts.uploadsBegun).toBe(2);
  });

  it('say what comes next and why not now, and take a waiting job out and back', async () => {
    site.drop('night-1.bin', buildEsp8266App({ seed: 62 }));
    await daemon.until('job.waiting', { rule: 'night' });
    const job = await jobOf('night');
    const { releases } = await json<ExplainDocument>('explain', site.named('night'));
    const [mine] = releases.filter(({ releaseRule }) => releaseRule === 'night');
    expect(mine).toMatchObject({ rule: 'night', refusal: null, job: { id: job, state: 'queued' } });
    expect(mine?.whyNotNow).toMatch(/maintenance window opens at/);
    expect(new Date(mine?.nextMs ?? 0).toISOString()).toMatch(/-02-28T13:00:00/);
    expect((await cli('cancel', job)).exitCode).toBe(0);
    expect(await codeOf('cancel', job)).toBe('JOB_NOT_CANCELLABLE');
    await site.result('done', 'night-1.bin');
    expect((await cli('retry', job)).exitCode).toBe(0);
    expect((await json<JobRecord[]>('jobs')).find(({ id }) => id === job)?.state).toBe('queued');
  });

  it('pause, resume, approve and abort a rollout', async () => {
    site.drop('staged-1.bin', buildEsp8266App({ seed: 64 }));
    await daemon.until('rollout.paused', { rule: 'staged' });
    const [rollout] = await json<{ release: string }[]>('rollouts');
    const id = rollout?.release ?? 'none';
    expect(await codeOf('pause', id)).toBe('ROLLOUT_NOT_POSSIBLE');
    expect(await json('approve', id)).toMatchObject({ release: id, state: 'running' });
    await daemon.until('rollout.finished', { release: id });
    expect((await cli('abort', id)).exitCode).toBe(0);
    expect(await codeOf('abort', id)).toBe('ROLLOUT_NOT_POSSIBLE');
    expect(await codeOf('resume', 'r-none')).toBe('ROLLOUT_NOT_FOUND');
    expect(daemon.all('control.command')).toContainEqual(
      expect.objectContaining({ command: 'approve', by: userInfo().username, release: id }),
    );
  });

  it('have the config read again, and refuse a wrong one', async () => {
    configure({ drop: { path: './drop', settle: '300ms', scan: '2s' } });
    expect(await json('reload')).toEqual({ accepted: true, problems: [], needRestart: ['drop'] });
    // Asked again it is no less true.
    expect(await json('reload')).toEqual({ accepted: true, problems: [], needRestart: ['drop'] });
    configure({ limits: { total: 0 } });
    const refused = await cli('reload', '--json', '-c', 'config.yaml');
    expect(refused.exitCode).toBe(78);
    expect(refused.json()).toMatchObject({ accepted: false, problems: [expect.stringContaining('limits.total')] });
    // Whoever wants to stop something need not mend the file first.
    const asked = await cli('status', '--json', '-c', 'config.yaml');
    expect([asked.exitCode, asked.err]).toEqual([0, expect.stringContaining('limits.total')]);
    expect(asked.json()).toMatchObject({ pid: daemon.pid });
    configure();
    expect(await json('reload')).toMatchObject({ accepted: true });
  });

  it('name what they do not find', async () => {
    expect(await codeOf('retry', 'j-none')).toBe('JOB_NOT_FOUND');
    expect(await codeOf('explain', 'nobody')).toBe('CONTROL_DEVICE_UNKNOWN');
    expect(await json<ExplainDocument>('explain', '02:00:00:00:00:01')).toMatchObject({
      device: { name: 'never-heard' },
      holds: null,
    });
  });

  it('follow it until it stops, and say plainly that it is not running', async () => {
    const watching = cli('watch', '--json');
    await eventually('it watches', () => daemon.all('control.watched').length > 0);
    site.drop('night-2.bin', buildEsp8266App({ seed: 63 }));
    await daemon.until('release.new', { file: 'night-2.bin' });
    expect(await daemon.stop()).toBe(0);
    const { exitCode, out } = await watching;
    const events = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(exitCode).toBe(0);
    expect(events[0]).toMatchObject({ event: 'watch.began', status: { pid: daemon.child.pid } });
    expect(events).toContainEqual(expect.objectContaining({ event: 'release.new', file: 'night-2.bin' }));
    expect(await codeOf('status')).toBe('CONTROL_NOT_RUNNING');
  });

  it('left an audit log that holds, and tells who did what', async () => {
    expect(await json('audit', 'verify')).toMatchObject({ isIntact: true, findings: [], unfinishedBytes: 0 });
    const records = readFileSync(join(site.home, 'data', 'audit.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; data: Record<string, unknown> });
    const { uid, username } = userInfo();
    const file = 'unsure-1.bin';
    const [taken] = records.filter(({ event, data }) => event === 'file.taken' && data['file'] === file);
    expect(taken?.data).toMatchObject({ ownerUid: uid, owner: username });
    const [release] = records.filter(({ event, data }) => event === 'release.new' && data['rule'] === 'unsure');
    const [inForce] = records.filter(({ event }) => event === 'rules.in-force');
    expect(inForce?.data['rules']).toContainEqual(
      expect.objectContaining({ name: 'unsure', revision: release?.data['revision'] }),
    );
    const steps = records.filter(({ event, data }) => event.startsWith('job.') && data['rule'] === 'unsure');
    expect(steps.map(({ event }) => event.slice(4))).toEqual(
      'plan start doubt fail renew start accept succeed'.split(' '),
    );
    expect(steps.at(-1)?.data).toMatchObject({ deviceName: site.named('unsure'), proof: 'returned' });
    const undo = records.find(({ event }) => event === 'release.undo');
    expect(undo?.data).toMatchObject({ by: username, rule: 'refusing' });
    expect(records).toContainEqual(
      expect.objectContaining({ event: 'command.undo', data: expect.objectContaining({ release: undo?.data['of'] }) }),
    );
    expect(records).toContainEqual(
      expect.objectContaining({ event: 'command.retry', data: expect.objectContaining({ by: username, force: true }) }),
    );
  });
});
