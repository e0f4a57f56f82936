import type { JobRecord } from '../../src/jobs/journal/jobs.ts';
import type { Journal } from '../../src/jobs/journal/journal.ts';
import { IMAGE, mannerOf, type RolloutWorld, releasedBy, type Stop } from './rollout-world.ts';

/** How often jobs ended how. */
export function countLedger(journal: Journal): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { state, error } of jobsOf(journal)) {
    const label = error === null || state === 'succeeded' ? state : `${state} ${error.code}`;
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return counts;
}

/** What a rollout that came to its end must not have done, however often its process died. For people. */
export function findRolloutViolations(journal: Journal, world: RolloutWorld, devices: number): readonly string[] {
  const jobs = jobsOf(journal);
  return [
    ...sentTwice(world),
    ...wrongEnds(jobs, devices),
    ...wrongStops(journal, world, devices),
    ...wrongFile(journal),
  ];
}

function jobsOf(journal: Journal): readonly JobRecord[] {
  return journal.jobs.list({ limit: 100_000 });
}

/** By the devices' own account. */
function sentTwice(world: RolloutWorld): string[] {
  const taken = world.takings.map(({ device }) => device);
  return taken
    .filter((device, index) => taken.indexOf(device) !== index)
    .map((device) => `${device} took ${IMAGE} twice`);
}

/** A success is one, and a lost answer is none: whatever else happens, a device ends as it would have without a crash. */
function wrongEnds(jobs: readonly JobRecord[], devices: number): string[] {
  const lines = jobs.length === devices ? [] : [`${jobs.length} jobs for ${devices} devices`];
  for (const { device, state, error } of jobs) {
    const name = device.split('/').at(-1) ?? device;
    const isUnknown = error?.code === 'JOB_OUTCOME_UNKNOWN';
    const isAsExpected =
      mannerOf(name) === 'good' ? state === 'succeeded' : state === 'failed' && error?.code === 'JOB_NOT_RETURNED';
    if (!isAsExpected && !(state === 'failed' && isUnknown)) {
      lines.push(`${name} (${mannerOf(name)}) ended ${state} ${error?.code ?? ''}`);
    }
  }
  return lines;
}

/** Each stop has at least as many new failures as it says, the numbers of its moment, and nobody released beyond its stage. */
function wrongStops(journal: Journal, world: RolloutWorld, devices: number): string[] {
  const [rollout] = journal.rollouts.newest(2);
  if (rollout?.state !== 'finished') return [`the rollout is ${rollout?.state}`];
  const decisions = journal.rollouts.decisionsOf(rollout.release).map(({ what }) => what);
  const advances = decisions.filter((what) => what === 'advance').length;
  const lines = advances === 3 ? [] : [`it advanced ${advances} times instead of 3`];
  let seen = 0;
  for (const { stage, reason, released, failed } of once(world.stops)) {
    const limit = releasedBy(stage, devices);
    if (released > limit) lines.push(`${released} released at stage ${stage}, which has ${limit}`);
    const told = Number(/^(\d+) of (\d+) released/.exec(reason)?.[1] ?? Number.NaN);
    if (told > failed || told - seen < 5) lines.push(`stopped after ${told - seen} failures: ${reason}`);
    seen = failed;
  }
  return lines;
}

/** A process that died before a person went on after a stop has left it to the next one. */
function once(stops: readonly Stop[]): readonly Stop[] {
  return stops.filter(({ reason }, index) => stops[index - 1]?.reason !== reason);
}

function wrongFile(journal: Journal): string[] {
  const open = journal.drops.unfinished();
  return open.length === 0 ? [] : [`${open.length} files without an end`];
}
