import type { JobRecord } from './journal/jobs.ts';
import type { Journal } from './journal/journal.ts';
import { type Member, type Standing, standingOf } from './rollout.ts';
import { type DeviceDirectory, deviceName } from './rule-book.ts';

/** What several jobs of one device come to, the first of these that one of them has. */
const PRECEDENCE: readonly Standing[] = ['failed', 'busy', 'ready', 'away', 'unreachable', 'proven', 'out'];

/** A device as its rollout sees it, with its jobs: more than one where several images belong together. */
export interface DeviceMember extends Member {
  readonly jobs: readonly string[];
}

/** A job as its rollout sees it. */
export function memberOf(job: JobRecord, devices: DeviceDirectory): Member {
  return {
    job: job.id,
    device: deviceName(devices, job.device),
    wave: job.wave,
    standing: standingOf(job, devices.get(job.device)),
    endedMs: job.updatedMs,
    code: job.error?.code ?? null,
    waitingFor: job.state === 'queued' && job.wave !== null ? job.waitingFor : null,
  };
}

/** One member for each job: of one release, each device has one. Asked for with every turn of the engine. */
export function eachAlone(jobs: readonly JobRecord[], devices: DeviceDirectory): readonly DeviceMember[] {
  return jobs.map((job) => ({ ...memberOf(job, devices), jobs: [job.id] }));
}

/** One member for each device, in the order of their first jobs. A device is in a stage when all its jobs are. Pure. */
export function byDevice(jobs: Iterable<JobRecord>, devices: DeviceDirectory): readonly DeviceMember[] {
  const groups = new Map<string, Member[]>();
  for (const job of jobs) {
    const id = devices.get(job.device)?.id ?? job.device;
    const member = memberOf(job, devices);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [member]);
    else group.push(member);
  }
  return [...groups.values()].map(together);
}

function together(members: readonly Member[]): DeviceMember {
  const counting = members.filter(({ standing }) => standing !== 'out');
  const [first = members[0], ...others] = counting;
  if (first === undefined) throw new Error('a device of a rollout has at least one job');
  const jobs = members.map(({ job }) => job);
  if (others.length === 0) return { ...first, jobs };
  const standing = PRECEDENCE.find((candidate) => counting.some((member) => member.standing === candidate));
  const waves = counting.map(({ wave }) => wave);
  return {
    ...first,
    jobs,
    standing: standing ?? 'out',
    wave: waves.includes(null) ? null : Math.max(...waves.map(Number)),
    endedMs: Math.max(...counting.map(({ endedMs }) => endedMs)),
    code: counting.find((member) => member.standing === 'failed')?.code ?? null,
  };
}

/** All jobs of a rollout, those of the releases that it leads as well, from the journal. */
export function jobsOfRollout(journal: Journal, release: string): readonly JobRecord[] {
  return journal.releases.together(release).flatMap((id) => journal.jobs.ofRelease(id));
}
