import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { FlashError } from '../../../src/errors.ts';
import { NOTHING_FOUND } from '../../../src/firmware/findings.ts';
import type { AwaitReturn } from '../../../src/jobs/confirm.ts';
import { DropResults } from '../../../src/jobs/drop-results.ts';
import { JobEngine } from '../../../src/jobs/engine.ts';
import { JobBook } from '../../../src/jobs/job-book.ts';
import { Journal } from '../../../src/jobs/journal/journal.ts';
import { Planner } from '../../../src/jobs/planner.ts';
import { RolloutBook } from '../../../src/jobs/rollout-book.ts';
import { openRuleBook, planContext } from '../../../src/jobs/rule-book.ts';
import { Undo } from '../../../src/jobs/undo.ts';
import { VersionInquiry } from '../../../src/jobs/version-inquiry.ts';
import { Windows } from '../../../src/jobs/windows.ts';
import { silentLogger } from '../../../src/log.ts';
import type { Dossier, FirmwareImage } from '../../../src/model/image.ts';
import type { Verify } from '../../../src/model/rule.ts';
import type { FlashReport, Protocol } from '../../../src/protocols/protocol.ts';
import { createNodeLinks } from '../../../src/transports/node-links.ts';
import { aDevice, aRule } from '../../fixtures/records.ts';
import { nothingToFetch } from './nothing-to-fetch.ts';

const DEVICE = aDevice({ chip: 'esp8266' });
const VERIFY: Verify = { proof: 'accepted', withinMs: 1_000, check: { by: 'mdns' }, version: null, soakMs: 0 };

let folder: string;
let journal: Journal;
let uploads: number;
let fatal: unknown;
/** What the port of the device is used for by others, and who was told that it is free. */
let isPortTaken: boolean;
let freed: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dropflash-engine-'));
  journal = Journal.open(Journal.pathIn(folder));
  uploads = 0;
  fatal = null;
  isPortTaken = false;
  freed = 0;
});

afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true });
});

/** A protocol that takes a moment and is content. */
const protocol: Protocol = {
  name: 'espota',
  summary: 'counts its uploads',
  options: {},
  minimumPauseMs: 0,
  defaultPort: () => null,
  accepts: () => ({ accepted: true }),
  async flash(): Promise<FlashReport> {
    uploads += 1;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { proof: 'accepted', sentBytes: 3, elapsedMs: 50 };
  },
};

/** A job that an earlier process planned and left. */
function leaveQueuedJob(): void {
  const dossier: Dossier = {
    ...NOTHING_FOUND,
    kind: 'app',
    format: 'esp8266-arduino',
    container: 'none',
    chip: 'esp8266',
    completeness: 'complete',
    sizeBytes: 3,
    contentBytes: 3,
  };
  const file = { name: 'sensor.bin', sha256: 'ab', sizeBytes: 3, seenMs: 1, dossier };
  const { id: dropId } = journal.drops.taken(file);
  journal.drops.placed(dropId, 'working', file.name);
  const release = { id: 'r', rule: aRule().name, slot: 'all', image: 'ab', dropId, createdMs: 1, expiresMs: null };
  journal.releases.insert(release);
  journal.jobs.insert({ id: 'j', release: 'r', rule: aRule().name, device: DEVICE.id, image: 'ab', createdMs: 1 });
}

interface Given {
  readonly flash?: Protocol['flash'];
  readonly proof?: Verify['proof'];
  readonly awaitReturn?: AwaitReturn;
}

function engine({ flash = protocol.flash, proof = 'accepted', awaitReturn = async () => null }: Given = {}): JobEngine {
  const protocols = new Map([[protocol.name, { ...protocol, flash }]]);
  const rules = openRuleBook([aRule({ verify: { ...VERIFY, proof } })], planContext(journal, protocols));
  const devices = { get: () => DEVICE, list: () => [DEVICE] };
  const book = new JobBook(journal, systemClock);
  const shared = { journal, book, devices, clock: systemClock, log: silentLogger, rules: () => rules };
  return new JobEngine({
    ...shared,
    planner: new Planner({ ...shared, onReleaseEnd: () => undefined }),
    ...nothingToFetch(shared),
    rollouts: new RolloutBook(shared),
    undo: new Undo(shared),
    inquiry: new VersionInquiry({ ...shared, askVersion: async () => null }),
    results: new DropResults({ ...shared, finish: async () => undefined }),
    protocols,
    limits: () => ({ total: 4, perSubnet: 4, exclusive: [] }),
    windows: new Windows(shared),
    links: createNodeLinks(systemClock, silentLogger),
    loadImage: async () => ({ ...(journal.images.get('ab') as FirmwareImage), bytes: new Uint8Array(3) }),
    reconfirm: () => undefined,
    isPortTaken: (id) => isPortTaken && id === DEVICE.id,
    onPortFree: () => {
      freed += 1;
    },
    onAppearance: () => () => undefined,
    awaitReturn,
    askVersion: async () => null,
    soakEyes: { restartOf: () => new Promise(() => undefined), isThere: async () => true },
    random: () => 0,
    onProgress: () => undefined,
    onFatal: (error) => {
      fatal = error;
    },
  });
}

describe('the job engine', () => {
  it('starts nothing before its start, where it would be taken for what a crash cut off and sent again', async () => {
    leaveQueuedJob();
    const jobs = engine();
    jobs.deviceSeen(DEVICE);
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    expect(uploads).toBe(0);

    jobs.start();
    await expect.poll(() => journal.jobs.get('j')?.state).toBe('succeeded');
    await jobs.stop();
    expect(uploads).toBe(1);
    expect(fatal).toBe(null);
    expect(journal.jobs.transitionsOf('j').map(({ event }) => event)).toEqual(['plan', 'start', 'succeed']);
  });

  it('looks for a restart from the last byte on where no answer came, and not from when it gave up', async () => {
    leaveQueuedJob();
    let committedMs = 0;
    let sinceMs = Number.POSITIVE_INFINITY;
    const jobs = engine({
      proof: 'returned',
      flash: async ({ observer }) => {
        observer.onStep('commit');
        committedMs = systemClock.now();
        await new Promise((resolve) => setTimeout(resolve, 50));
        throw new FlashError('OTA_RESULT_LOST', 'it said nothing', { details: { sentBytes: 3 } });
      },
      awaitReturn: async (request) => {
        sinceMs = request.sinceMs;
        return { how: 'seen to start', atMs: committedMs + 20 };
      },
    });
    jobs.start();
    await expect.poll(() => journal.jobs.get('j')?.state, { timeout: 20_000 }).toBe('failed');
    await jobs.stop();
    expect(sinceMs).toBeLessThanOrEqual(committedMs);
    expect(journal.jobs.get('j')?.error).toMatchObject({
      code: 'JOB_OUTCOME_UNKNOWN',
      message: expect.stringContaining('so it may well have taken the image'),
    });
  });

  it('opens no port that the production line has, and starts when it is told that the port is free', async () => {
    leaveQueuedJob();
    isPortTaken = true;
    const jobs = engine();
    jobs.start();
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    jobs.deviceSeen(DEVICE);
    jobs.wake();
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    expect([uploads, freed]).toEqual([0, 0]);
    expect(journal.jobs.get('j')).toMatchObject({
      state: 'queued',
      waitingFor: 'the production line is at work on its port',
    });

    isPortTaken = false;
    jobs.wake();
    await expect.poll(() => journal.jobs.get('j')?.state).toBe('succeeded');
    await jobs.stop();
    expect(uploads).toBe(1);
    expect(freed).toBeGreaterThan(0);
  });
});
