import type { Device } from '../model/device.ts';
import type { PauseCause, RolloutSettings, RolloutState } from '../model/rollout.ts';
import type { JobRecord } from './journal/jobs.ts';
import { isAbsence, isUnbegun } from './retry.ts';
import { isLastStage, stageName, stageTarget } from './rollout-stages.ts';

/** What has been decided about a rollout, all of it in the journal. */
export interface RolloutDecisions {
  readonly settings: RolloutSettings;
  readonly state: RolloutState;
  /** The stage that is released: the canaries if there are any, then wave after wave, from 0. */
  readonly stage: number;
  /** Failed devices that a person has seen and gone on after. */
  readonly forgiven: number;
  /** The last stage that a person wants to go on after; -1: none. */
  readonly approved: number;
}

/**
 * How a member stands. `unreachable`: given up for want of an answer or of a way up its ladder, nothing was sent. `busy`: it was begun and has not ended, also
 * where the device has vanished since. `ready`: its device is there. `out`: cancelled or superseded, it counts no more.
 */
export type Standing = 'proven' | 'failed' | 'unreachable' | 'busy' | 'ready' | 'away' | 'out';

/** One job of a rollout. */
export interface Member {
  readonly job: string;
  /** What people call its device. */
  readonly device: string;
  /** The stage that released it; null: none has yet. */
  readonly wave: number | null;
  readonly standing: Standing;
  readonly endedMs: number;
  /** Of a failed job. */
  readonly code: string | null;
  /** Why a queued job that its rollout has released does not run yet, for people. */
  readonly waitingFor: string | null;
}

/** A step that is due. */
export type RolloutAct =
  | { readonly do: 'assign'; readonly waves: ReadonlyMap<string, number | null> }
  | { readonly do: 'pause'; readonly cause: PauseCause; readonly reason: string }
  | { readonly do: 'advance' }
  | { readonly do: 'finish' };

/** Nothing is due. */
export interface RolloutWait {
  readonly do: 'wait';
  readonly phase: 'running' | 'soaking' | 'held' | 'over';
  /** For people. */
  readonly why: string;
  /** When to look again, epoch ms; null: only an event can change the answer. */
  readonly untilMs: number | null;
}

/** How the job of a device stands in its rollout. */
export function standingOf(job: JobRecord, device: Device | null): Standing {
  switch (job.state) {
    case 'succeeded':
      return 'proven';
    case 'failed':
      return isNothingSent(job) ? 'unreachable' : 'failed';
    case 'cancelled':
    case 'superseded':
      return 'out';
    case 'running':
    case 'confirming':
    case 'soaking':
      return 'busy';
    case 'queued':
      // One that broke off and then vanished may be a dead device: it is not passed over like one that merely sleeps.
      if (job.attempts > 0 && job.error !== null && !isAbsence(job.error.code)) return 'busy';
      return isThere(device) ? 'ready' : 'away';
  }
}

function isNothingSent({ error }: JobRecord): boolean {
  return isUnbegun(error?.code) || error?.code === 'JOB_EXPIRED';
}

function isThere(device: Device | null): boolean {
  return device !== null && device.address !== null && device.presence !== 'away' && device.conflict === undefined;
}

/** What follows from the decisions made so far and from how the members stand. The same answer whoever asks, and after any restart. Pure. */
export function nextStep(rollout: RolloutDecisions, all: readonly Member[], nowMs: number): RolloutAct | RolloutWait {
  const members = all.filter(({ standing }) => standing !== 'out');
  if (rollout.state === 'aborted' || rollout.state === 'paused') return waits('over', `it is ${rollout.state}`);
  const stop = stopReason(rollout, members);
  if (stop !== null) return { do: 'pause', cause: 'failures', reason: stop };
  const waves = assignment(rollout, members);
  if (waves.size > 0) return { do: 'assign', waves };
  if (rollout.state === 'finished')
    return waits('over', 'all of its waves are through; devices that appear join the last');
  if (members.length === 0) return waits('held', 'no device of it is known yet');
  return stageStep(rollout, members, nowMs);
}

function stopReason({ settings: { stopAt }, forgiven }: RolloutDecisions, members: readonly Member[]): string | null {
  const failed = members.filter(({ standing }) => standing === 'failed').length;
  const released = members.filter(({ wave }) => wave !== null).length;
  const fresh = failed - forgiven;
  if (fresh <= 0) return null;
  const limits = [
    ...(stopAt.failures !== null && fresh >= stopAt.failures ? [`${stopAt.failures}`] : []),
    ...(stopAt.percent !== null && fresh * 100 >= stopAt.percent * released ? [`${stopAt.percent} %`] : []),
  ];
  if (limits.length === 0) return null;
  const seen = forgiven > 0 ? `, ${forgiven} of them before it was resumed` : '';
  return `${failed} of ${released} released devices failed${seen} (${codesOf(members)}); stop-at is ${limits.join(' and ')}. ${countsText(members)}`;
}

/** `JOB_NOT_RETURNED 2, OTA_NO_SPACE 1`, the most frequent first. */
function codesOf(members: readonly Member[]): string {
  const counts = new Map<string, number>();
  for (const { standing, code } of members) {
    if (standing === 'failed' && code !== null) counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return [...counts]
    .toSorted(([a, left], [b, right]) => right - left || (a < b ? -1 : 1))
    .map(([code, count]) => `${code} ${count}`)
    .join(', ');
}

/** How many devices of a rollout stand how, in one sentence. */
export function countsText(members: readonly Member[]): string {
  const count = (isIt: (member: Member) => boolean) => members.filter(isIt).length;
  return [
    `${count(({ standing }) => standing === 'proven')} proven`,
    `${count(({ standing }) => standing === 'failed')} failed`,
    `${count(({ standing, wave }) => wave !== null && (standing === 'busy' || standing === 'ready'))} under way`,
    `${count(({ standing, wave }) => wave !== null && isMissing(standing))} away`,
    `${count(({ standing, wave }) => wave === null && standing !== 'out')} not released`,
  ].join(', ');
}

function isMissing(standing: Standing): boolean {
  return standing === 'away' || standing === 'unreachable';
}

/**
 * Who belongs to the released stage and is not noted so yet. A device that is away and was never begun gives its place up to one that
 * is there: a canary that sleeps stops nobody, and no stage gets larger than it was meant to be.
 */
function assignment(
  { settings, stage, state }: RolloutDecisions,
  members: readonly Member[],
): ReadonlyMap<string, number | null> {
  const target = state === 'finished' ? members.length : stageTarget(settings, stage, members);
  const hasPlace = ({ wave, standing }: Member) => (wave !== null && wave < stage) || !canWait(wave, standing);
  const mayJoin = isWanted(settings, stage);
  const pool = members.filter((member) => !hasPlace(member) && mayJoin(member));
  const room = Math.max(0, target - members.filter(hasPlace).length);
  const chosen = new Set(room >= pool.length ? pool : pool.toSorted(byReadiness(stage)).slice(0, room));
  const changes = pool
    .map((member) => ({ member, wave: chosen.has(member) ? stage : null }))
    .filter(({ member, wave }) => member.wave !== wave);
  return new Map(changes.map(({ member, wave }) => [member.job, wave]));
}

/** May be put off without harm: it was not begun, and nobody expects it to be. */
function canWait(wave: number | null, standing: Standing): boolean {
  return isMissing(standing) || (standing === 'ready' && wave === null);
}

function isWanted({ canary }: RolloutSettings, stage: number): (member: Member) => boolean {
  if (stage > 0 || canary?.by !== 'names') return () => true;
  const names = new Set(canary.names.map((name) => name.toLowerCase()));
  return ({ device }) => names.has(device.toLowerCase());
}

/** Those that are there first, then those that have a place already; then by name, so that anyone can foretell who is next. */
function byReadiness(stage: number): (left: Member, right: Member) => number {
  const rank = ({ standing, wave }: Member) =>
    ['ready', 'away', 'unreachable'].indexOf(standing) * 2 + (wave === stage ? 0 : 1);
  return (left, right) =>
    rank(left) - rank(right) || compare(left.device, right.device) || compare(left.job, right.job);
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function stageStep(rollout: RolloutDecisions, members: readonly Member[], nowMs: number): RolloutAct | RolloutWait {
  const { settings, stage, approved } = rollout;
  const name = stageName(settings, stage);
  const open = members.filter(({ wave, standing }) => wave !== null && (standing === 'busy' || standing === 'ready'));
  if (open.length > 0) return waits('running', `${name}: ${open.length} of its devices are under way`);
  const own = members.filter(({ wave }) => wave === stage);
  const lack = approved >= stage ? null : lackOfProof(rollout, own, members);
  if (lack !== null) return lack;
  const ended = own.filter(({ standing }) => standing === 'proven' || standing === 'failed');
  const soakedMs = Math.max(0, ...ended.map(({ endedMs }) => endedMs)) + settings.soakMs;
  if (isLastStage(settings, stage, members)) return { do: 'finish' };
  if (ended.length > 0 && nowMs < soakedMs) {
    return waits('soaking', `${name} is done and soaks until ${isoSeconds(soakedMs)}`, soakedMs);
  }
  const wantsPerson = settings.pauseAfter === 'each' || (settings.pauseAfter === 'canary' && isCanary(settings, stage));
  if (wantsPerson && own.length > 0 && approved < stage) {
    return {
      do: 'pause',
      cause: 'pause-after',
      reason: `${name} is done; pause-after waits for a person. ${countsText(members)}`,
    };
  }
  return { do: 'advance' };
}

/** A stage that nobody belongs to proves as much as the one before it; but named canaries are not passed over unasked. */
function lackOfProof(
  { settings, stage, forgiven }: RolloutDecisions,
  own: readonly Member[],
  members: readonly Member[],
): RolloutAct | RolloutWait | null {
  const name = stageName(settings, stage);
  if (own.length === 0) {
    if (!isCanary(settings, stage)) return null;
    return waits('held', `${name}: none of the named devices has a job (not known, or it has the image already)`);
  }
  if (own.some(({ standing }) => standing === 'proven')) return null;
  // After the last wave nobody is left who could be harmed by what these would have shown.
  if (own.every(({ standing }) => isMissing(standing)) && isLastStage(settings, stage, members)) return null;
  if (own.every(({ standing }) => isMissing(standing))) return waits('held', `${name}: ${missingText(own)}`);
  const failed = members.filter(({ standing }) => standing === 'failed').length;
  if (failed <= forgiven) return null;
  return {
    do: 'pause',
    cause: 'no-proof',
    reason: `${name}: no device of it is proven (${codesOf(own)}). ${countsText(members)}`,
  };
}

/** Those that were there and could not begin say why. */
function missingText(own: readonly Member[]): string {
  const stuck = own.filter(({ code }) => code !== null && isUnbegun(code) && !isAbsence(code));
  if (stuck.length === 0) return own.length === 1 ? 'its only device is away' : `all ${own.length} devices are away`;
  const codes = [...new Set(stuck.map(({ code }) => code))].join(', ');
  return `none of its ${own.length} devices could begin: ${own.length - stuck.length} away, ${stuck.length} with ${codes}`;
}

function isCanary({ canary }: RolloutSettings, stage: number): boolean {
  return canary !== null && stage === 0;
}

function waits(phase: RolloutWait['phase'], why: string, untilMs: number | null = null): RolloutWait {
  return { do: 'wait', phase, why, untilMs };
}

/** Rounded up, so that nobody waits for a time that has come and sees nothing. */
function isoSeconds(atMs: number): string {
  return new Date(Math.ceil(atMs / 1000) * 1000).toISOString().replace('.000', '');
}
