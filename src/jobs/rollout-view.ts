import type { PauseCause, RolloutSettings, RolloutState } from '../model/rollout.ts';
import type { Journal } from './journal/journal.ts';
import type { ReleaseRecord } from './journal/releases.ts';
import type { RolloutDecisionRecord, RolloutRecord } from './journal/rollouts.ts';
import { byDevice, jobsOfRollout, memberOf } from './members.ts';
import { countsText, type Member, nextStep } from './rollout.ts';
import { stageName } from './rollout-stages.ts';
import type { DeviceDirectory } from './rule-book.ts';

/** A rollout as it is shown: what was decided, and how that stands now. */
export interface RolloutView {
  readonly release: string;
  readonly rule: string;
  /** SHA-256. */
  readonly image: string;
  /** Names of its images. */
  readonly file: string;
  /** `soaking` and `held` (its wave waits for a device or a person) are kinds of `running`; the last two end a rollout from outside. */
  readonly state: RolloutState | 'soaking' | 'held' | 'superseded' | 'expired';
  /** `the canary`, `wave 2 of 3`. */
  readonly stage: string;
  /** Why it is in that state, for people. */
  readonly why: string;
  readonly cause: PauseCause | null;
  /** When it goes on by itself, epoch ms. */
  readonly untilMs: number | null;
  readonly counts: string;
  readonly settings: RolloutSettings;
  readonly createdMs: number;
  readonly updatedMs: number;
  /** One for each job. */
  readonly members: readonly Member[];
  readonly decisions: readonly RolloutDecisionRecord[];
}

/** Reads a rollout from the journal, also while a daemon leads it. */
export function viewRollout(
  journal: Journal,
  devices: DeviceDirectory,
  rollout: RolloutRecord,
  nowMs: number,
): RolloutView {
  const { release: id, settings, stage, cause, createdMs, updatedMs } = rollout;
  const release = journal.releases.get(id);
  if (release === null) throw new Error(`rollout ${id} has no release`);
  const jobs = jobsOfRollout(journal, id);
  const members = byDevice(jobs, devices);
  return {
    release: id,
    rule: release.rule,
    image: release.image,
    file: filesOf(journal, id),
    ...situationOf(rollout, stateOf(journal, release), members, nowMs),
    stage: stageName(settings, stage),
    cause,
    counts: countsText(members),
    settings,
    createdMs,
    updatedMs,
    members: jobs.map((job) => memberOf(job, devices)),
    decisions: journal.rollouts.decisionsOf(id),
  };
}

/** A rollout goes on as long as one of its releases does. */
function stateOf(journal: Journal, { id, state }: ReleaseRecord): string {
  const states = journal.releases.together(id).map((release) => journal.releases.get(release)?.state);
  return states.includes('current') ? 'current' : state;
}

function filesOf(journal: Journal, id: string): string {
  const names = journal.releases.together(id).map((release) => journal.releases.get(release)?.imageName ?? release);
  return [...new Set(names)].join(', ');
}

function situationOf(
  rollout: RolloutRecord,
  release: string,
  members: readonly Member[],
  nowMs: number,
): Pick<RolloutView, 'state' | 'why' | 'untilMs'> {
  const { state, reason } = rollout;
  const isOpen = state === 'running' || state === 'paused';
  if (isOpen && (release === 'superseded' || release === 'expired')) {
    return { state: release, why: `its release is ${release}`, untilMs: null };
  }
  if (state !== 'running') return { state, why: reason ?? '', untilMs: null };
  const next = nextStep(rollout, members, nowMs);
  if (next.do !== 'wait' || next.phase === 'over' || next.phase === 'running') {
    return { state, why: next.do === 'wait' ? next.why : 'its next step is due', untilMs: null };
  }
  return { state: next.phase, why: next.why, untilMs: next.untilMs };
}
