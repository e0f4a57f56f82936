import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KeepSettings } from '../../../src/config/config.ts';
import { ImageStore } from '../../../src/firmware/store.ts';
import { Retention } from '../../../src/jobs/retention.ts';
import { openRuleBook, planContext } from '../../../src/jobs/rule-book.ts';
import { silentLogger } from '../../../src/log.ts';
import { aRule } from '../../fixtures/records.ts';
import { runs } from '../../runs.ts';
import { FleetRun, fleetOf, type Manner } from './fleet-run.ts';

const DAY_MS = 86_400_000;
const KEEP: KeepSettings = { imagesMs: 90 * DAY_MS, historyMs: 730 * DAY_MS };
const RULE = aRule({ devices: { ...aRule().devices, name: 'd*' }, firmware: { ...aRule().firmware, file: '*' } });

let folder: string;
let store: ImageStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dropflash-retention-'));
  store = new ImageStore(folder);
});
afterEach(() => rm(folder, { recursive: true }));

/** The bytes and the SHA-256 of the image of this number. */
function bytesOf(nth: number): Buffer {
  return Buffer.from(`image ${nth}`);
}
function image(nth: number): string {
  return createHash('sha256').update(bytesOf(nth)).digest('hex');
}

/** Drops an image as the drop folder does: the bytes first. */
async function drop(run: FleetRun, nth: number): Promise<void> {
  await store.put(bytesOf(nth));
  await run.drop(image(nth));
}

/** A fleet that was given each of so many images, a day apart, by the real time at first: files have no other. */
async function fleetWith(images: number, devices = 2): Promise<FleetRun> {
  const run = new FleetRun({ rule: RULE, devices: fleetOf(devices), startMs: Date.now() });
  for (let nth = 1; nth <= images; nth += 1) {
    await drop(run, nth);
    await run.until(() => isQuiet(run));
    await pass(run, 1);
  }
  return run;
}

/** Days go by in one jump: an engine that wakes each minute makes a thousand of them long. */
async function pass(run: FleetRun, days: number): Promise<void> {
  run.clock.sleep(days * DAY_MS);
  await run.pass(60_000);
}

function isQuiet(run: FleetRun): boolean {
  return run.engine.counts.queued + run.engine.counts.running + run.engine.counts.confirming === 0;
}

function retentionOf({ journal, clock, rule }: FleetRun, keep = KEEP): Retention {
  const rules = openRuleBook([rule], planContext(journal, new Map()));
  return new Retention({ journal, store, keep: () => keep, rules: () => rules, clock, log: silentLogger });
}

function undo(run: FleetRun, id: string): void {
  const device = run.devices.get(id);
  if (device !== undefined && isQuiet(run)) run.engine.orders.undoDevice(device, 'ann');
}

/** What is to be sent, what devices have, and what they could be taken back to. */
function neededBy({ journal: { releases, jobs, devices }, devices: fleet }: FleetRun): string[] {
  const held = [...fleet.keys()].flatMap((id) => {
    const now = devices.held([id], 'app');
    return now === null ? [] : [now, devices.provenBefore([id], 'app', now.image) ?? now];
  });
  return [...releases.current(), ...jobs.active(), ...held].map((one) => one.image);
}

/** Numbers of the images that the store has. */
async function stored(): Promise<number[]> {
  const names = new Set(await readdir(folder));
  return Array.from({ length: 20 }, (_, nth) => nth).filter((nth) => names.has(image(nth)));
}

describe('the store', () => {
  it('lets go of images that nothing rests on, and of nothing before its time', async () => {
    using run = await fleetWith(6);
    await pass(run, 80);
    await retentionOf(run).tidy();
    expect(await stored()).toEqual([1, 2, 3, 4, 5, 6]);
    await pass(run, 20);
    await retentionOf(run).tidy();
    // The one that devices run, and three that they could be taken back to.
    expect(await stored()).toEqual([3, 4, 5, 6]);
    const { planned } = run.engine.orders.undoRelease(run.jobs()[0]?.release ?? '', 'ann');
    expect(planned.map((job) => job.image)).toEqual([image(5), image(5)]);
  });

  it('keeps the image of a release that a device has yet to fetch home', async () => {
    using run = await fleetWith(1);
    run.manner = () => 'silent';
    await drop(run, 2);
    await pass(run, 400);
    await retentionOf(run).tidy();
    expect(await stored()).toEqual([1, 2]);
  });

  it('takes an image that comes back as if it had never been there', async () => {
    using run = await fleetWith(6);
    await pass(run, 100);
    await retentionOf(run).tidy();
    expect(run.journal.images.isStored(image(1))).toBe(false);
    expect(run.journal.images.dropped().map(({ sha256 }) => sha256)).not.toContain(image(1));
    await drop(run, 1);
    await run.until(() => isQuiet(run));
    await retentionOf(run).tidy();
    expect(await stored()).toContain(1);
    expect(run.journal.images.isStored(image(1))).toBe(true);
  });

  it('loses what a crash left between the journal and the store', async () => {
    using run = await fleetWith(6);
    await pass(run, 100);
    run.journal.history.remove(image(2), run.clock.now());
    await store.put(bytesOf(9)); // and one that never came into the journal
    await retentionOf(run, { imagesMs: null, historyMs: null }).tidy();
    expect(await stored()).toEqual([1, 3, 4, 5, 6]);
  });

  it('keeps the rungs of ladders', async () => {
    using run = await fleetWith(6);
    const known = run.journal.images.get(image(2));
    if (known === null) throw new Error('image 2 is not known');
    const app = { version: '2.0.0' } as NonNullable<typeof known.dossier.app>;
    run.journal.images.put({ ...known, dossier: { ...known.dossier, app } });
    run.rule = { ...RULE, versions: { ...RULE.versions, ladder: ['2.0'] } };
    await pass(run, 100);
    await retentionOf(run).tidy();
    expect(await stored()).toEqual([2, 3, 4, 5, 6]);
  });

  it('keeps everything where that is asked for', async () => {
    using run = await fleetWith(6);
    await pass(run, 4_000);
    await retentionOf(run, { imagesMs: null, historyMs: null }).tidy();
    expect(await stored()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(run.jobs()).toHaveLength(12);
  });
});

describe('the journal', () => {
  it('forgets releases that are long over, with their jobs, and keeps what stands', async () => {
    using run = await fleetWith(6);
    await pass(run, 740);
    await retentionOf(run).tidy();
    expect(run.jobs().map((job) => job.image)).toEqual([image(6), image(6)]);
    expect(run.journal.releases.newest(10).map((release) => release.image)).toEqual([image(6)]);
    // What each device ran before is not forgotten with the release that brought it.
    const { planned } = run.engine.orders.undoRelease(run.jobs()[0]?.release ?? '', 'ann');
    expect(planned.map((job) => job.image)).toEqual([image(5), image(5)]);
    await run.until(() => isQuiet(run));
    expect(run.journal.devices.held([...run.devices.keys()], 'app')?.image).toBe(image(5));
  });

  it('forgets a release only after those that took it back', async () => {
    using run = await fleetWith(2);
    run.engine.orders.undoRelease(run.jobs()[0]?.release ?? '', 'ann');
    await run.until(() => isQuiet(run));
    await drop(run, 3);
    await run.until(() => isQuiet(run));
    await pass(run, 800);
    for (let round = 0; round < 3; round += 1) await retentionOf(run).tidy();
    expect(run.journal.releases.newest(10).map((release) => release.image)).toEqual([image(3)]);
    await run.crash();
    expect(run.takings).toHaveLength(2 * 4);
  });

  it('forgets the rollout with its release, and says in the audit log what went', async () => {
    const rollout = { canary: null, waves: { by: 'list', sizes: [{ unit: 'percent', amount: 100 }] } } as const;
    const settings = { ...rollout, soakMs: 0, stopAt: { failures: null, percent: null }, pauseAfter: null };
    using run = new FleetRun({ rule: { ...RULE, rollout: settings }, devices: fleetOf(250), startMs: Date.now() });
    for (const nth of [1, 2]) {
      await drop(run, nth);
      await run.until(() => isQuiet(run));
    }
    await pass(run, 800);
    await retentionOf(run).tidy();
    expect(run.journal.rollouts.newest(10).map(({ release }) => release)).toEqual([run.jobs()[0]?.release]);
    const told = run.journal.audit.pending(100_000).find(({ event }) => event === 'data.tidied');
    expect(told?.fields).toEqual({ images: 0, bytes: 0, releases: 1, jobs: 250 });
  });
});

it('works each day by itself', async () => {
  using run = await fleetWith(6);
  const part = retentionOf(run).part();
  await part.start(new AbortController().signal);
  await run.pass(600_000);
  expect(run.jobs()).toHaveLength(12);
  await pass(run, 800);
  await run.until(() => run.jobs().length === 2, 2 * DAY_MS);
  await part.stop(1_000);
});

it('stops in the middle of its work when it is told to, and goes on the next time', async () => {
  using run = await fleetWith(6);
  await pass(run, 800);
  const retention = retentionOf(run);
  const tidying = retention.tidy();
  await retention.part().stop(1_000);
  await tidying;
  expect(run.jobs().length).toBeGreaterThan(2);
  await retentionOf(run).tidy();
  expect(run.jobs()).toHaveLength(2);
});

it('never lets go of what is to be sent, is run, or could be gone back to', async () => {
  const deeds = fc.array(
    fc.record({
      what: fc.constantFrom('drop', 'drop', 'drop', 'undo', 'tidy'),
      nth: fc.integer({ min: 0, max: 7 }),
      days: fc.constantFrom(0, 1, 50, 100, 800),
      manner: fc.constantFrom<Manner>('good', 'good', 'vanishes', 'rolls-back', 'silent', 'refuses'),
    }),
    { minLength: 4, maxLength: 14 },
  );
  await fc.assert(
    fc.asyncProperty(deeds, async (all) => {
      using run = new FleetRun({ rule: RULE, devices: fleetOf(3), startMs: Date.now() });
      for (const { what, nth, days, manner } of all) {
        run.manner = (device) => (device === 'd0001' ? manner : 'good');
        if (what === 'drop') await drop(run, nth);
        const [last] = run.jobs();
        if (what === 'undo' && last !== undefined) undo(run, last.device);
        await pass(run, days);
        await run.pass(600_000);
        await retentionOf(run).tidy();
        const needed = neededBy(run);
        const there = new Set(await readdir(folder));
        expect(needed.filter((sha256) => !there.has(sha256))).toEqual([]);
        expect(needed.filter((sha256) => !run.journal.images.isStored(sha256))).toEqual([]);
      }
    }),
    runs(15),
  );
});
