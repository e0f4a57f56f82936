import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExplainDocument } from '../../../src/control/documents.ts';
import type { JobRecord } from '../../../src/jobs/journal/jobs.ts';
import type { Comeback } from '../../../src/simulator/faults.ts';
import type { Fleet } from '../../../src/simulator/fleet.ts';
import { buildEsp32App } from '../../fixtures/images.ts';
import { dropflash } from '../../unit/cli/recorded-io.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { eventually, Site } from './site.ts';

const site = new Site();

/** What devices do with version 2.0.0, all of them alike: it is the image that is bad. Times are scaled down. */
const KINDS: Readonly<Record<string, Comeback>> = {
  old: { kind: 'old-image' },
  loops: { kind: 'loops', afterMs: 700 },
  vanishes: { kind: 'vanishes', afterMs: 3_000 },
};
const PLACES = ['a', 'b', 'c'] as const;
const canaryOf = (kind: string) => site.named(`${kind}-a`);
const othersOf = (kind: string) => ['b', 'c'].map((place) => site.named(`${kind}-${place}`));

let fleet: Fleet;
let daemon: DaemonProcess;

function configure(rule: object): void {
  site.configure({
    rules: Object.keys(KINDS).map((kind) => ({
      name: kind,
      firmware: { file: `${kind}-*` },
      devices: { name: `${kind}-*` },
      ...rule,
    })),
    hooks: [{ on: ['rollout.paused', 'release.undone'], run: [process.execPath, '-e', APPEND] }],
  });
}

/** A hook: adds what it is told to a file. */
const APPEND = `process.stdin.on('data', (line) => require('fs').appendFileSync('told.jsonl', line))`;

function told(event: string): Record<string, unknown>[] {
  try {
    const lines = readFileSync(join(site.home, 'told.jsonl'), 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['event'] === event);
  } catch {
    return [];
  }
}

beforeAll(async () => {
  fleet = await site.fleet(
    Object.entries(KINDS).flatMap(([kind, comeback]) =>
      PLACES.map(
        (place) =>
          ({
            name: site.named(`${kind}-${place}`),
            core: 'esp32-md5',
            board: 'esp32',
            versionKey: 'version',
            faults: { comeback, badVersion: '2.0.0' },
          }) as const,
      ),
    ),
    { timings: { bootMs: 300, announceEveryMs: 300, probeEveryMs: 30, sectorMs: 0 } },
  );
  configure({ verify: { proof: 'returned', within: '20s' } });
  daemon = await site.start();
  for (const [nth, kind] of Object.keys(KINDS).entries()) {
    site.drop(`${kind}-1.bin`, buildEsp32App({ version: '1.0.0', seed: 80 + nth }));
  }
  await Promise.all(Object.keys(KINDS).map((kind) => site.result('done', `${kind}-1.bin`)));
  configure({
    rollout: { canary: 1, soak: '0s', 'stop-at': { failures: 1 } },
    // Its second half, which is watched for a start, is longer than a life of a device that loops.
    verify: { proof: 'soaked', within: '8s', version: { mdns: 'version' }, soak: '4s' },
    undo: 'on-failure',
  });
  await json('reload');
  for (const [nth, kind] of Object.keys(KINDS).entries()) {
    site.drop(`${kind}-2.bin`, buildEsp32App({ version: '2.0.0', seed: 80 + nth }));
  }
  await Promise.all(Object.keys(KINDS).map((kind) => daemon.until('rollout.paused', { rule: kind })));
});

afterAll(() => site[Symbol.asyncDispose]());

/** The command in this process: the daemon alone is a process of its own. */
async function json<Document>(...args: readonly string[]): Promise<Document> {
  return (await dropflash([...args, '--json'], { cwd: site.home })).json() as Document;
}

const versionOf = (name: string) => fleet.device(name).running?.version;

describe.each([
  ['old', 'JOB_ROLLED_BACK'],
  ['loops', 'JOB_NOT_SOAKED'],
  ['vanishes', 'JOB_NOT_SOAKED'],
])('an image that a device accepts and that is bad there: %s', (kind, code) => {
  it('is no success, stops the rollout at the first device, and says why', async () => {
    const { release, cause, reason } = await daemon.until('rollout.paused', { rule: kind });
    expect([cause, reason]).toEqual([
      'failures',
      expect.stringContaining(`1 of 1 released devices failed (${code} 1)`),
    ]);
    const jobs = (await json<JobRecord[]>('jobs')).filter((job) => job.release === release);
    expect(jobs.map(({ state }) => state).toSorted()).toEqual(['failed', 'queued', 'queued']);
    expect(jobs.find(({ state }) => state === 'failed')).toMatchObject({ error: { code } });
    for (const name of othersOf(kind)) {
      expect(fleet.device(name).counts.uploadsFinished).toBe(1);
      expect(versionOf(name)).toBe('1.0.0');
    }
    const { releases } = await json<ExplainDocument>('explain', othersOf(kind)[0] ?? '');
    expect(releases.find((entry) => entry.release === release)).toMatchObject({
      rollout: { state: 'paused', stage: 'the canary' },
      next: expect.stringContaining(`dropflash approve ${release}`),
    });
    await eventually('the hook is told', () => told('rollout.paused').some((line) => line['release'] === release));
  });
});

describe('undo: on-failure', () => {
  it('leaves a device alone that has gone back by itself', () => {
    expect(versionOf(canaryOf('old'))).toBe('1.0.0');
    expect(fleet.device(canaryOf('old')).counts.uploadsFinished).toBe(2);
    expect(
      daemon
        .all('release.undone')
        .map(({ rule }) => rule)
        .toSorted(),
    ).toEqual(['loops', 'vanishes']);
  });

  it('gives one that loops its former image back', async () => {
    await restored('loops');
  });

  it('meets one that has vanished as soon as it is switched on', async () => {
    const device = fleet.device(canaryOf('vanishes'));
    expect(device.isOnline).toBe(false);
    device.powerOn();
    await restored('vanishes');
  });

  it('is told of outside, and stands in an audit log that holds', async () => {
    await eventually('both hooks are told', () => told('release.undone').length === 2);
    expect(told('release.undone')).toContainEqual(expect.objectContaining({ rule: 'loops', by: 'undo: on-failure' }));
    expect(await json('audit', 'verify')).toMatchObject({ isIntact: true });
  });
});

async function restored(kind: string): Promise<void> {
  const device = canaryOf(kind);
  const { undo } = await daemon.until('release.undone', { rule: kind });
  const job = (await json<JobRecord[]>('jobs')).find(({ release }) => release === undo);
  await daemon.until('job.succeeded', { job: job?.id });
  expect(await json<JobRecord>('job', job?.id ?? '')).toMatchObject({ proof: 'soaked' });
  expect(versionOf(device)).toBe('1.0.0');
  expect(fleet.device(device).isOnline).toBe(true);
}
