import { FleetRun, fleetOf } from '../unit/jobs/fleet-run.ts';
import { IMAGE, mannerOf, RolloutWorld, RULE } from './rollout-world.ts';

/** What such a process is told. */
export interface RolloutOrder {
  /** Of the journal and of what has happened in the world. */
  readonly folder: string;
  readonly devices: number;
  /** Null: it lives to the end of the rollout. */
  readonly death: { readonly afterTakings: number; readonly delayMs: number } | null;
}

/** What a process that came to the end of the rollout says. */
export interface RolloutEnd {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakRssMegabytes: number;
}

/**
 * One life of a job engine, on a journal that earlier lives have left, with a clock that jumps: leads the rollout to its end, with a
 * person who goes on after each stop. Dies, if at all, so long by its clock after so many devices have taken the image.
 */
async function live({ folder, devices, death }: RolloutOrder): Promise<RolloutEnd> {
  const world = new RolloutWorld(folder);
  let left = death?.afterTakings ?? Number.POSITIVE_INFINITY;
  const dieSoon = () => run.clock.setTimer(death?.delayMs ?? 0, () => process.kill(process.pid, 'SIGKILL'));
  const begunMs = performance.now();
  const usedBefore = process.cpuUsage();
  using run = new FleetRun({
    rule: RULE,
    devices: fleetOf(devices),
    manner: mannerOf,
    limits: { total: 32, perSubnet: 16, exclusive: [] },
    startMs: lastMoment(world),
    folder,
    onTaking(taking) {
      world.took(taking);
      left -= 1;
      if (left === 0) dieSoon();
    },
  });
  for (const drop of run.journal.drops.unfinished()) {
    run.journal.drops.placed(drop.id, 'working', drop.name);
    await run.engine.takeDrop({ ...drop, folder: 'working' });
  }
  if (left === 0) dieSoon();
  if (run.journal.rollouts.newest(1).length === 0 && run.journal.drops.unfinished().length === 0) await run.drop(IMAGE);
  for (;;) {
    await run.until(() => run.rollout().state !== 'running');
    const { state, stage, reason, release } = run.rollout();
    if (state === 'finished') break;
    const jobs = run.jobs();
    world.stopped({
      atMs: run.clock.now(),
      stage,
      reason: reason ?? '',
      released: jobs.filter(({ wave }) => wave !== null).length,
      failed: jobs.filter((job) => job.state === 'failed').length,
    });
    run.engine.orders.resumeRollout(release, 'a person');
  }
  await run.until(() => run.journal.drops.unfinished().length === 0);
  const { user, system } = process.cpuUsage(usedBefore);
  return {
    wallMs: Math.round(performance.now() - begunMs),
    cpuMs: Math.round((user + system) / 1000),
    peakRssMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
  };
}

/** Time never goes back between two lives. */
function lastMoment(world: RolloutWorld): number {
  const moments = [...world.takings, ...world.stops].map(({ atMs }) => atMs);
  return Math.max(Date.parse('2026-06-01T12:00:00Z'), ...moments);
}

process.stdout.write(JSON.stringify(await live(JSON.parse(process.argv[2] ?? '') as RolloutOrder)));
